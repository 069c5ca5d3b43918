// What an entry's payload says, and what comes of it.
//
//   command  =  kind(u8) time(u64) body                          0 plain
//            |  kind(u8) time(u64) client(u64) sequence(u64) body   1 of a session
//            |  kind(u8) time(u64)                                2 opens a session
//            |  kind(u8) time(u64) client(u64)                    3 closes it
//            |  kind(u8) time(u64) editions                       4 raises the shard's editions
//            |  kind(u8) time(u64) keep(u32)                      5 ends sessions
//            |  kind(u8) time(u64)                                6 wakes the machine
//            |  kind(u8) count(u16) (length(u32) command)*        7 several, see several.ts
//   result   =  status(u8) body                                   see STATUS
//
// Integers are little-endian. The leader's host writes the time into the command that it proposes,
// so that a session's age does not hang on the clocks of clients. Kinds 4 to 7 are proposed by the
// leader's host only.

import { assert } from '../../base/assert.ts';
import { readU64le, writeU64le } from '../../base/bytes.ts';
import { decodeEditions, encodeEditions, type ShardEditions } from './editions.ts';

export const COMMAND = {
  plain: 0,
  session: 1,
  open: 2,
  close: 3,
  raise: 4,
  evict: 5,
  wake: 6,
  several: 7,
} as const;

export const STATUS = {
  done: 0,
  opened: 1,
  closed: 2,
  resultLost: 3,
  stale: 4,
  expired: 5,
  malformed: 6,
} as const;

const STATUS_END = 7;

/** Results that are a status and nothing else. */
const BARE_RESULTS: readonly (CommandResult | undefined)[] = [
  undefined,
  undefined,
  { kind: 'closed' },
  { kind: 'resultLost' },
  { kind: 'stale' },
  { kind: 'expired' },
  { kind: 'malformed' },
];

const TIME_AT = 1;
const CLIENT_AT = 9;
const SEQUENCE_AT = 17;
export const PLAIN_HEADER_BYTES = 9;
export const SESSION_HEADER_BYTES = 25;
const CLOSE_BYTES = 17;
const EVICT_BYTES = 13;

/** Beyond the year 10000: nobody's clock says so, and it would end all sessions for good. */
const TIME_MS_END = 2 ** 48;

export type Command =
  /** May have its effect twice when it is sent again after an unknown outcome. */
  | { readonly kind: 'plain'; readonly body: Uint8Array }
  /** At most once: `sequence` ascends from 1, one command of a client after the other. */
  | {
      readonly kind: 'session';
      readonly client: number;
      readonly sequence: number;
      readonly body: Uint8Array;
    }
  | { readonly kind: 'open' }
  | { readonly kind: 'close'; readonly client: number };

/** What a leader's host proposes of its own. */
export type ShardCommand =
  /** [M7] The editions from the next entry on. */
  | { readonly kind: 'raise'; readonly editions: ShardEditions }
  /** [D21] All sessions but the `keep` that were used most recently. */
  | { readonly kind: 'evict'; readonly keep: number }
  /** [M12] The machine's time has come. */
  | { readonly kind: 'wake' };

export type CommandResult =
  /** The machine's result. For a command that was sent again, that of the first time. */
  | { readonly kind: 'done'; readonly body: Uint8Array }
  /** `client` is the session's id from now on. */
  | { readonly kind: 'opened'; readonly client: number }
  | { readonly kind: 'closed' }
  /** It had its effect earlier; the result was too long to be kept. */
  | { readonly kind: 'resultLost' }
  /** A later command of the session came before. Whether this one had an effect is not known. */
  | { readonly kind: 'stale' }
  /** There is no such session any more: whether it had an effect is not known. */
  | { readonly kind: 'expired' }
  /** No effect. */
  | { readonly kind: 'malformed' };

/** The payload of an entry, its time still to be stamped. */
export function encodeCommand(command: Command): Uint8Array {
  const body = 'body' in command ? command.body : NOTHING;
  const headerBytes = headerBytesOf(command);
  const payload = new Uint8Array(headerBytes + body.length);
  payload[0] = COMMAND[command.kind];
  if ('client' in command) writeU64le(payload, CLIENT_AT, command.client);
  if ('sequence' in command) {
    assert(command.sequence >= 1, '[D11] sequences begin at 1');
    writeU64le(payload, SEQUENCE_AT, command.sequence);
  }
  payload.set(body, headerBytes);
  return payload;
}

export function encodeShardCommand(command: ShardCommand, timeMs: number): Uint8Array {
  const editions = command.kind === 'raise' ? encodeEditions(command.editions) : NOTHING;
  const length = command.kind === 'evict' ? EVICT_BYTES : PLAIN_HEADER_BYTES + editions.length;
  const payload = new Uint8Array(length);
  payload[0] = COMMAND[command.kind];
  writeTime(payload, 0, timeMs);
  if (command.kind === 'evict') {
    new DataView(payload.buffer).setUint32(PLAIN_HEADER_BYTES, command.keep, true);
  }
  payload.set(editions, PLAIN_HEADER_BYTES);
  return payload;
}

function headerBytesOf({ kind }: Command): number {
  if (kind === 'session') return SESSION_HEADER_BYTES;
  return kind === 'close' ? CLOSE_BYTES : PLAIN_HEADER_BYTES;
}

/** Writes the leader's time into a command. False if the payload is none. */
export function stampCommand(payload: Uint8Array, timeMs: number): boolean {
  if (!isCommand(payload)) return false;
  writeTime(payload, 0, timeMs);
  return true;
}

/** Into a command that begins at `from`. */
export function writeTime(bytes: Uint8Array, from: number, timeMs: number): void {
  writeU64le(bytes, from + TIME_AT, Math.max(0, Math.floor(timeMs)));
}

/** Whether anyone may propose it, and its header is whole; its time may be anything. */
export function isCommand(payload: Uint8Array): boolean {
  const { length } = payload;
  const kind = payload[0];
  if (kind === COMMAND.plain) return length >= PLAIN_HEADER_BYTES;
  if (kind === COMMAND.session) return length >= SESSION_HEADER_BYTES;
  if (kind === COMMAND.open) return length === PLAIN_HEADER_BYTES;
  return kind === COMMAND.close && length === CLOSE_BYTES;
}

function isShardCommand({ length, 0: kind }: Uint8Array): boolean {
  if (kind === COMMAND.raise) return length > PLAIN_HEADER_BYTES;
  if (kind === COMMAND.evict) return length === EVICT_BYTES;
  return kind === COMMAND.wake && length === PLAIN_HEADER_BYTES;
}

/** A command that may be carried out, as it was agreed on: all of an entry. */
export function isSound(payload: Uint8Array): boolean {
  return (isCommand(payload) || isShardCommand(payload)) && isSoundAt(payload, 0);
}

/** The same of a command whose header is whole and begins at `from`. */
export function isSoundAt(bytes: Uint8Array, from: number): boolean {
  if (timeOf(bytes, from) >= TIME_MS_END) return false;
  return bytes[from] !== COMMAND.session || sequenceOf(bytes, from) >= 1;
}

// Of a command that begins at `from`.

export function timeOf(bytes: Uint8Array, from: number): number {
  return readU64le(bytes, from + TIME_AT);
}

export function clientOf(bytes: Uint8Array, from: number): number {
  return readU64le(bytes, from + CLIENT_AT);
}

export function sequenceOf(bytes: Uint8Array, from: number): number {
  return readU64le(bytes, from + SEQUENCE_AT);
}

/** Undefined when what is to be raised cannot be read. */
export function editionsOf(payload: Uint8Array): ShardEditions | undefined {
  return decodeEditions(payload.subarray(PLAIN_HEADER_BYTES));
}

/** How many sessions stay. */
export function keptOf({ buffer, byteOffset, length }: Uint8Array): number {
  return new DataView(buffer, byteOffset, length).getUint32(PLAIN_HEADER_BYTES, true);
}

export function encodeResult(status: number, body: Uint8Array): Uint8Array {
  const result = new Uint8Array(1 + body.length);
  result[0] = status;
  result.set(body, 1);
  return result;
}

/** Undefined when the bytes are no result. */
export function decodeResult(bytes: Uint8Array): CommandResult | undefined {
  const status = bytes[0] ?? STATUS_END;
  if (status === STATUS.done) return { kind: 'done', body: bytes.subarray(1) };
  if (status === STATUS.opened) {
    return bytes.length === 9 ? { kind: 'opened', client: readU64le(bytes, 1) } : undefined;
  }
  return bytes.length === 1 ? BARE_RESULTS[status] : undefined;
}

const NOTHING = new Uint8Array(0);
