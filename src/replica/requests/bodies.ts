// Requests to a shard over the network. FORMAT.md draws the bytes.

import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import { PackedReader, PackedWriter } from '../codec/index.ts';
import { isCommand } from '../state/index.ts';
import type { ReadLevel } from '../types.ts';
import { READ_LEVELS, readLevelOf } from './answers.ts';

/** Set by members that pass a request on: the next one answers with what it knows. */
const FORWARDED = 1;

const U32_MAX = 2 ** 32 - 1;

export interface ProposeBody {
  readonly shard: ShardId;
  readonly isForwarded: boolean;
  /** At least one. See `encodeCommand`. */
  readonly commands: readonly Uint8Array[];
}

export interface ReadBody {
  readonly shard: ShardId;
  readonly isForwarded: boolean;
  readonly level: ReadLevel;
  readonly question: Uint8Array;
}

const writer = new PackedWriter();

/** A view that the next call writes over. */
export function encodePropose({ shard, isForwarded, commands }: ProposeBody): Uint8Array {
  writer.reset();
  writer.u8(isForwarded ? FORWARDED : 0);
  const count = commands.length;
  assert(count >= 1 && count <= LIMITS.requests.commandsMax, '[Q8] what is written can be read');
  assert(shard <= U32_MAX, '[Q8] a shard is a u32');
  writer.varint(shard);
  writer.varint(count);
  for (const command of commands) {
    writer.varint(command.length);
    writer.append(command);
  }
  return writer.view();
}

/** [Q8] The commands are views into `bytes`. Undefined when the bytes are no request. */
export function decodePropose(bytes: Uint8Array): ProposeBody | undefined {
  const reader = new PackedReader(bytes);
  const flags = reader.u8();
  const shard = reader.varint();
  const count = reader.varint();
  // A command takes a byte at least, its length.
  const isCountSound = count >= 1 && count <= LIMITS.requests.commandsMax;
  if (!isCountSound || count > reader.remaining) reader.fail();
  const commands: Uint8Array[] = [];
  for (let i = 0; i < count && !reader.failed; i++) {
    const command = reader.take(reader.varint());
    // Thousands of nothings would be work for the member's one thread, and an answer each.
    if (!isCommand(command)) reader.fail();
    commands.push(command);
  }
  if (reader.failed || reader.remaining > 0 || flags > FORWARDED || shard > U32_MAX) {
    return undefined;
  }
  return { shard, isForwarded: flags === FORWARDED, commands };
}

/** A view that the next call writes over. */
export function encodeRead({ shard, isForwarded, level, question }: ReadBody): Uint8Array {
  writer.reset();
  writer.u8(isForwarded ? FORWARDED : 0);
  assert(shard <= U32_MAX, '[Q8] a shard is a u32');
  writer.varint(shard);
  writer.u8(READ_LEVELS[level]);
  writer.append(question);
  return writer.view();
}

/** [Q8] The question is a view into `bytes`. Undefined when the bytes are no request. */
export function decodeRead(bytes: Uint8Array): ReadBody | undefined {
  const reader = new PackedReader(bytes);
  const flags = reader.u8();
  const shard = reader.varint();
  const level = readLevelOf(reader.u8());
  if (reader.failed || flags > FORWARDED || shard > U32_MAX || level === undefined) {
    return undefined;
  }
  return {
    shard,
    isForwarded: flags === FORWARDED,
    level,
    question: reader.take(reader.remaining),
  };
}
