// Several commands in one entry. An entry costs each member a record of the log, a place in its
// cache, and some objects on its way; a leader has many commands in a turn, and saves all of that.
//
//   several  =  7(u8) count(u16) (length(u32) command)*      of kinds 0 and 1, with whole headers
//
// [D25] Each command has its own time. Those of other kinds stand alone: an opened session is named
// by the index of its entry, and a raise holds from the next entry on.

import { assert } from '../../base/assert.ts';
import { COMMAND, PLAIN_HEADER_BYTES, SESSION_HEADER_BYTES, writeTime } from './commands.ts';
import type { ShardEditions } from './editions.ts';

const COUNT_AT = 1;
const COUNT_MAX = 0xffff;
export const SEVERAL_HEADER_BYTES = 3;
/** Stands before each command. */
export const LENGTH_BYTES = 4;

/** [D25] The edition of the shard that brought entries of several commands. */
const SINCE_VERSION = 2;

export function knowsSeveral({ shard }: ShardEditions): boolean {
  return shard.version >= SINCE_VERSION;
}

/** Whether a command, as anyone may propose it, can stand in an entry with others. */
export function isPackable({ 0: kind }: Uint8Array): boolean {
  return kind === COMMAND.plain || kind === COMMAND.session;
}

/** The payload of an entry of `commands[from..to)`, which are packable and stamped. */
export function packCommands(commands: readonly Uint8Array[], from: number, to: number) {
  assert(to > from && to - from <= COUNT_MAX, '[D24] what is packed can be counted');
  let length = SEVERAL_HEADER_BYTES;
  for (let i = from; i < to; i++) length += LENGTH_BYTES + (commands[i] as Uint8Array).length;
  const payload = new Uint8Array(length);
  payload[0] = COMMAND.several;
  payload[COUNT_AT] = (to - from) & 0xff;
  payload[COUNT_AT + 1] = (to - from) >>> 8;
  let at = SEVERAL_HEADER_BYTES;
  for (let i = from; i < to; i++) {
    const command = commands[i] as Uint8Array;
    writeLength(payload, at, command.length);
    payload.set(command, at + LENGTH_BYTES);
    at += LENGTH_BYTES + command.length;
  }
  return payload;
}

/** Writes the leader's time into each command that was packed. */
export function stampSeveral(payload: Uint8Array, timeMs: number): void {
  for (let at = SEVERAL_HEADER_BYTES; at < payload.length; ) {
    const from = at + LENGTH_BYTES;
    writeTime(payload, from, timeMs);
    at = from + lengthAt(payload, at);
  }
}

/**
 * [D25] How many commands an entry holds. 0: it cannot be read to its last byte, or holds something
 * else than whole commands of the two kinds; then none of it is carried out.
 */
export function countSeveral(payload: Uint8Array): number {
  const { length } = payload;
  if (length < SEVERAL_HEADER_BYTES) return 0;
  const count = (payload[COUNT_AT] as number) | ((payload[COUNT_AT + 1] as number) << 8);
  let at = SEVERAL_HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    const from = at + LENGTH_BYTES;
    if (from > length) return 0;
    const kind = payload[from];
    if (kind !== COMMAND.plain && kind !== COMMAND.session) return 0;
    const headerBytes = kind === COMMAND.plain ? PLAIN_HEADER_BYTES : SESSION_HEADER_BYTES;
    const end = from + lengthAt(payload, at);
    if (from + headerBytes > end || end > length) return 0;
    at = end;
  }
  return at === length ? count : 0;
}

/** The length that stands at `at`. */
export function lengthAt(payload: Uint8Array, at: number): number {
  const low = (payload[at] as number) | ((payload[at + 1] as number) << 8);
  return low + ((payload[at + 2] as number) + (payload[at + 3] as number) * 2 ** 8) * 2 ** 16;
}

function writeLength(payload: Uint8Array, at: number, length: number): void {
  payload[at] = length;
  payload[at + 1] = length >>> 8;
  payload[at + 2] = length >>> 16;
  payload[at + 3] = length >>> 24;
}
