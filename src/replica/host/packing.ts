// The commands of a turn, as few entries as possible. [H98]

import { LIMITS } from '../../base/limits.ts';
import { isPackable, packCommands } from '../state/index.ts';

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
 * they came. One alone in its turn, or too large, is an entry as it is.
 */
export function packed(commands: Uint8Array[], entryBytesMax: number): PackedEntries {
  if (commands.length === 1) return { payloads: commands, ends: [1] };
  const bytesMax = Math.min(packedBytesMax, entryBytesMax);
  const payloads: Uint8Array[] = [];
  const ends: number[] = [];
  for (let from = 0; from < commands.length; ) {
    const to = endOfRun(commands, from, bytesMax);
    const isAlone = to - from === 1;
    payloads.push(isAlone ? (commands[from] as Uint8Array) : packCommands(commands, from, to));
    ends.push(to);
    from = to;
  }
  return { payloads, ends };
}

export function onePerEntry(commands: Uint8Array[]): PackedEntries {
  return { payloads: commands, ends: commands.map((_, i) => i + 1) };
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
