// The commands of a turn, as few entries as possible. [H98]

import { LIMITS } from '../../base/limits.ts';
import { isPackable, packCommands, stampCommand, stampSeveral } from '../state/index.ts';

const { packedBytesMax, packedCommandsMax } = LIMITS.replica;
/** What a packed command takes beside its bytes, and an entry once: enough for both. */
const FRAMING_BYTES = 8;

export interface PackedEntries {
  readonly payloads: Uint8Array[];
  /** Of each entry: how many commands are in it and those before it. */
  readonly ends: readonly number[];
}

/**
 * Neighbours that may stand in one entry do, as far as its bounds let them, in the order in which
 * they came. One alone in its turn, or too large, is an entry by itself.
 */
export function packed(
  commands: readonly Uint8Array[],
  entryBytesMax: number,
  timeMs: number,
): PackedEntries {
  const bytesMax = Math.min(packedBytesMax, entryBytesMax);
  const payloads: Uint8Array[] = [];
  const ends: number[] = [];
  for (let from = 0; from < commands.length; ) {
    const to = endOfRun(commands, from, bytesMax);
    if (to - from === 1) payloads.push(stamped(commands[from] as Uint8Array, timeMs));
    else {
      const payload = packCommands(commands, from, to);
      stampSeveral(payload, timeMs);
      payloads.push(payload);
    }
    ends.push(to);
    from = to;
  }
  return { payloads, ends };
}

export function onePerEntry(commands: readonly Uint8Array[], timeMs: number): PackedEntries {
  return {
    payloads: commands.map((command) => stamped(command, timeMs)),
    ends: commands.map((_, i) => i + 1),
  };
}

/**
 * [H20] A copy: the command may be proposed again, with a later time, while the log still reads its
 * entry from memory; and a small part of a large request would keep all of it there.
 */
function stamped(command: Uint8Array, timeMs: number): Uint8Array {
  const payload = new Uint8Array(command);
  // The host's own commands have theirs.
  stampCommand(payload, timeMs);
  return payload;
}

function endOfRun(commands: readonly Uint8Array[], from: number, bytesMax: number): number {
  let bytes = FRAMING_BYTES;
  let to = from;
  for (; to < commands.length && to - from < packedCommandsMax; to++) {
    const command = commands[to] as Uint8Array;
    bytes += FRAMING_BYTES + command.length;
    if (!isPackable(command) || bytes > bytesMax) break;
  }
  return Math.max(to, from + 1);
}
