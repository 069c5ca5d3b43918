// What changes a key, and what comes of it.
//
//   command    =  1 condition key value           put
//              |  2 condition key                 delete
//              |  3 amount(u64) negative(u8) key  add
//   condition  =  0                               always
//              |  1                               the key is absent
//              |  2 version(u64)                  it was written last by that entry
//              |  3 length(u32) bytes             it has that value
//   key        =  length(u16) 1 bytes             the 1 is part of the stored key, see machine.ts
//   value      =  the remaining bytes
//   result     =  status(u8) ...                  see encodeKvResult

import { assert } from '../../base/assert.ts';
import { ByteReader, ByteWriter, writeU64le } from '../../base/bytes.ts';
import { LIMITS } from '../../base/limits.ts';
import type { MachineEdition } from '../../core/machine.ts';
import { keyBytesMaxOf, valueBytesMaxOf } from './editions.ts';

const { keyBytesMax, valueBytesMax } = LIMITS.kv;

/** Before each key, so that what comes one day beside the pairs has room of its own. */
export const PAIR_SPACE = 1;

const PUT = 1;
const DELETE = 2;
const ADD = 3;
/** A status and a version. */
const VERSIONED_BYTES = 9;

/** What must hold for a command to have an effect; nothing else happens in between. */
export type KvCondition =
  | { readonly kind: 'always' }
  | { readonly kind: 'absent' }
  /** Versions ascend along the shard's log: they never come back. */
  | { readonly kind: 'version'; readonly version: number }
  | { readonly kind: 'value'; readonly value: Uint8Array };

export type KvCommand =
  | {
      readonly kind: 'put';
      readonly key: Uint8Array;
      readonly value: Uint8Array;
      readonly condition: KvCondition;
    }
  | { readonly kind: 'delete'; readonly key: Uint8Array; readonly condition: KvCondition }
  /** The value is a whole number in decimal digits; a key that is absent counts as 0. */
  | { readonly kind: 'add'; readonly key: Uint8Array; readonly amount: number };

export type KvResult =
  | { readonly kind: 'stored'; readonly version: number }
  /** `version` is that of what was deleted, 0 if there was nothing. */
  | { readonly kind: 'deleted'; readonly version: number }
  | { readonly kind: 'sum'; readonly version: number; readonly sum: number }
  /** No effect; `version` is that of the key, 0 if it is absent. */
  | { readonly kind: 'mismatch'; readonly version: number }
  /** No effect: the value is no whole number, or the sum would not be one that is exact. */
  | { readonly kind: 'notNumber' }
  | { readonly kind: 'malformed' };

const CONDITIONS = ['always', 'absent', 'version', 'value'] as const;
const RESULTS = ['stored', 'deleted', 'sum', 'mismatch', 'notNumber', 'malformed'] as const;

// --- commands -----------------------------------------------------------------------------------

export function encodeKvCommand(command: KvCommand): Uint8Array {
  const writer = new ByteWriter(64 + keyBytesMax + 2 * valueBytesMax, 64);
  if (command.kind === 'add') {
    writer.u8(ADD);
    writer.u64le(Math.abs(command.amount));
    writer.u8(command.amount < 0 ? 1 : 0);
    writeKey(writer, command.key);
    return writer.copy();
  }
  writer.u8(command.kind === 'put' ? PUT : DELETE);
  writeCondition(writer, command.condition);
  writeKey(writer, command.key);
  if (command.kind === 'put') {
    assert(command.value.length <= valueBytesMax, '[K2] a value is checked before it is written');
    writer.append(command.value);
  }
  return writer.copy();
}

/**
 * Undefined when the bytes are no command of `edition`. Keys are views, with the space in front.
 */
export function decodeKvCommand(bytes: Uint8Array, edition: MachineEdition): KvCommand | undefined {
  const reader = new ByteReader(bytes);
  const command = readCommand(reader, edition);
  return reader.failed || reader.remaining > 0 ? undefined : command;
}

function readCommand(reader: ByteReader, edition: MachineEdition): KvCommand | undefined {
  const kind = reader.u8();
  if (kind === ADD) {
    const amount = reader.u64le();
    const isNegative = reader.u8();
    const key = readKey(reader, edition);
    if (isNegative > 1 || (isNegative === 1 && amount === 0)) return undefined;
    return { kind: 'add', key, amount: isNegative === 1 ? -amount : amount };
  }
  if (kind !== PUT && kind !== DELETE) return undefined;
  const condition = readCondition(reader);
  const key = readKey(reader, edition);
  if (condition === undefined) return undefined;
  if (kind === DELETE) return { kind: 'delete', key, condition };
  const value = reader.take(reader.remaining);
  return value.length > valueBytesMaxOf(edition)
    ? undefined
    : { kind: 'put', key, value, condition };
}

function writeCondition(writer: ByteWriter, condition: KvCondition): void {
  writer.u8(CONDITIONS.indexOf(condition.kind));
  if (condition.kind === 'version') writer.u64le(condition.version);
  if (condition.kind !== 'value') return;
  writer.u32le(condition.value.length);
  writer.append(condition.value);
}

const ALWAYS: KvCondition = { kind: 'always' };
const ABSENT: KvCondition = { kind: 'absent' };

function readCondition(reader: ByteReader): KvCondition | undefined {
  const kind = CONDITIONS[reader.u8()];
  if (kind === 'always') return ALWAYS;
  if (kind === 'absent') return ABSENT;
  if (kind === 'version') return { kind, version: reader.u64le() };
  return kind === undefined ? undefined : { kind, value: reader.take(reader.u32le()) };
}

export function writeKey(writer: ByteWriter, key: Uint8Array): void {
  assert(key.length <= keyBytesMax, '[K2] a key is checked before it is written');
  writer.u16le(key.length);
  writer.u8(PAIR_SPACE);
  writer.append(key);
}

/** With its space in front. */
export function readKey(reader: ByteReader, edition: MachineEdition): Uint8Array {
  const length = reader.u16le();
  const key = reader.take(1 + length);
  if (length > keyBytesMaxOf(edition) || key[0] !== PAIR_SPACE) reader.fail();
  return key;
}

// --- results ------------------------------------------------------------------------------------

/**
 *   result  =  0 version(u64)            stored
 *           |  1 version(u64)            deleted
 *           |  2 version(u64) digits     sum
 *           |  3 version(u64)            mismatch
 *           |  4                         not a number
 *           |  5                         malformed
 */
export function encodeKvResult(result: KvResult): Uint8Array {
  const digits = result.kind === 'sum' ? String(result.sum) : '';
  const hasVersion = 'version' in result;
  const bytes = new Uint8Array((hasVersion ? VERSIONED_BYTES : 1) + digits.length);
  bytes[0] = RESULTS.indexOf(result.kind);
  if (hasVersion) writeU64le(bytes, 1, result.version);
  for (let at = 0; at < digits.length; at++) bytes[VERSIONED_BYTES + at] = digits.charCodeAt(at);
  return bytes;
}

/** Undefined when the bytes are no result. */
export function decodeKvResult(bytes: Uint8Array): KvResult | undefined {
  const reader = new ByteReader(bytes);
  const result = readResult(reader);
  return reader.failed || reader.remaining > 0 ? undefined : result;
}

function readResult(reader: ByteReader): KvResult | undefined {
  const kind = RESULTS[reader.u8()];
  if (kind === undefined) return undefined;
  if (kind === 'notNumber' || kind === 'malformed') return { kind };
  const version = reader.u64le();
  if (kind !== 'sum') return { kind, version };
  const sum = Number(reader.text(reader.remaining));
  return Number.isSafeInteger(sum) ? { kind, version, sum } : undefined;
}
