// A frame of messages, and a message alone.

import { assert } from '../../base/assert.ts';
import { type Message, NO_NODE, type NodeId } from '../../core/raft/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import { writeEntries } from './entries.ts';
import { readMessage, type ShardMessage, writeMessageHead } from './message-codec.ts';
import { PackedReader, PackedWriter } from './packed-bytes.ts';

/**
 * Hands the messages of a frame to `take`, one by one. False as soon as the bytes are no message:
 * what was handed over before stands. `body` may be used again afterwards, the messages keep
 * nothing of it.
 */
export function readRaftFrame(
  body: Uint8Array,
  from: NodeId,
  to: NodeId,
  take: (shard: ShardId, message: Message) => void,
): boolean {
  assert(from > NO_NODE && to > NO_NODE, '[B1] messages pass between members');
  // [B6] One copy for all payloads. Not `slice`: that of a Buffer copies nothing.
  const reader = new PackedReader(new Uint8Array(body));
  while (reader.remaining > 0) {
    const before = reader.at;
    const read = readMessage(reader, from, to);
    if (read === undefined) return false;
    assert(reader.at > before, '[B5] reading goes forward');
    take(read.shard, read.message);
  }
  return true;
}

/** For messages that travel alone, like the one that a snapshot's stream begins with. */
export function encodeMessage(shard: ShardId, message: Message): Uint8Array {
  const writer = new PackedWriter(256);
  writeMessageHead(writer, shard, message);
  if (message.entries.length > 0) writeEntries(writer, message.entries);
  return writer.copy();
}

/** Undefined when the bytes are not exactly one message. */
export function decodeMessage(
  bytes: Uint8Array,
  from: NodeId,
  to: NodeId,
): ShardMessage | undefined {
  const reader = new PackedReader(new Uint8Array(bytes));
  const read = readMessage(reader, from, to);
  return reader.remaining > 0 ? undefined : read;
}
