// A message of a Raft core as bytes: FORMAT.md draws them. Sender and receiver are known from
// the connection, so neither is written: nobody can speak in another member's name.

import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import {
  type ConfState,
  type Draft,
  draftMessage,
  type Message,
  type MessageKind,
  type NodeId,
  type Snapshot,
} from '../../core/raft/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import { readEntries } from './entries.ts';
import type { PackedReader, PackedWriter } from './packed-bytes.ts';

/** By their numbers on the wire. Proposals are forwarded as requests, not as messages. */
const KINDS: readonly (MessageKind | undefined)[] = [
  undefined,
  'append',
  'appendResponse',
  'heartbeat',
  'heartbeatResponse',
  'vote',
  'voteResponse',
  'preVote',
  'preVoteResponse',
  'snapshot',
  'timeoutNow',
  'transferLeader',
  'readIndex',
  'readIndexResponse',
];
const NUMBERS = new Map(KINDS.map((kind, number) => [kind, number]));

// Bits that say which fields follow; those that are missing are 0, false or empty.
const TERM = 1 << 0;
const LOG_TERM = 1 << 1;
const INDEX = 1 << 2;
const COMMIT = 1 << 3;
const COMMIT_TERM = 1 << 4;
const VOTE = 1 << 5;
const REJECT_HINT = 1 << 6;
const CONTEXT = 1 << 7;
const PRIORITY = 1 << 8;
const REJECT = 1 << 9;
const FORCED = 1 << 10;
const ENTRIES = 1 << 11;
const SNAPSHOT = 1 << 12;
const BITS_END = 1 << 13;

const U32_MAX = 2 ** 32 - 1;

/** Everything but the entries, which the caller writes behind it if there are any. */
export function writeMessageHead(writer: PackedWriter, shard: ShardId, message: Message): void {
  const kind = NUMBERS.get(message.kind);
  assert(kind !== undefined, '[B1] only what is meant for a peer is written');
  // Both sides hold what the other one relies on: a reader refuses anything else.
  assert(message.entries.length === 0 || message.kind === 'append', '[B3] entries are of appends');
  assert(
    (message.snapshot === undefined) === (message.kind !== 'snapshot'),
    '[B3] a snapshot comes with its message',
  );
  const present = presentBits(message);
  writer.varint(kind);
  writer.varint(present);
  writer.varint(shard);
  if ((present & TERM) !== 0) writer.varint(message.term);
  if ((present & LOG_TERM) !== 0) writer.varint(message.logTerm);
  if ((present & INDEX) !== 0) writer.varint(message.index);
  if ((present & COMMIT) !== 0) writer.varint(message.commit);
  if ((present & COMMIT_TERM) !== 0) writer.varint(message.commitTerm);
  if ((present & VOTE) !== 0) writer.varint(message.vote);
  if ((present & REJECT_HINT) !== 0) writer.varint(message.rejectHint);
  if ((present & CONTEXT) !== 0) writer.varint(message.context);
  if ((present & PRIORITY) !== 0) writer.varint(message.priority);
  if (message.snapshot !== undefined) writeSnapshot(writer, message.snapshot);
}

function presentBits(message: Message): number {
  return (
    (message.term === 0 ? 0 : TERM) |
    (message.logTerm === 0 ? 0 : LOG_TERM) |
    (message.index === 0 ? 0 : INDEX) |
    (message.commit === 0 ? 0 : COMMIT) |
    (message.commitTerm === 0 ? 0 : COMMIT_TERM) |
    (message.vote === 0 ? 0 : VOTE) |
    (message.rejectHint === 0 ? 0 : REJECT_HINT) |
    (message.context === 0 ? 0 : CONTEXT) |
    (message.priority === 0 ? 0 : PRIORITY) |
    (message.reject ? REJECT : 0) |
    (message.forced ? FORCED : 0) |
    (message.entries.length === 0 ? 0 : ENTRIES) |
    (message.snapshot === undefined ? 0 : SNAPSHOT)
  );
}

export interface ShardMessage {
  readonly shard: ShardId;
  readonly message: Message;
}

/**
 * The next message, whose payloads are views into the reader's bytes. Undefined when the bytes are
 * none.
 */
export function readMessage(
  reader: PackedReader,
  from: NodeId,
  to: NodeId,
): ShardMessage | undefined {
  const kind = KINDS[reader.varint()];
  const present = reader.varint();
  const shard = reader.varint();
  if (kind === undefined || present >= BITS_END || shard > U32_MAX) reader.fail();
  const draft = draftMessage(kind ?? 'append', from, to, 0);
  if ((present & TERM) !== 0) draft.term = reader.varint();
  if ((present & LOG_TERM) !== 0) draft.logTerm = reader.varint();
  if ((present & INDEX) !== 0) draft.index = reader.varint();
  if ((present & COMMIT) !== 0) draft.commit = reader.varint();
  if ((present & COMMIT_TERM) !== 0) draft.commitTerm = reader.varint();
  if ((present & VOTE) !== 0) draft.vote = reader.varint();
  if ((present & REJECT_HINT) !== 0) draft.rejectHint = reader.varint();
  if ((present & CONTEXT) !== 0) draft.context = reader.varint();
  if ((present & PRIORITY) !== 0) draft.priority = reader.varint();
  draft.reject = (present & REJECT) !== 0;
  draft.forced = (present & FORCED) !== 0;
  readBody(reader, draft, present);
  return reader.failed ? undefined : { shard, message: draft };
}

/** [B3] Entries come with appends only, a snapshot with its own kind and never without. */
function readBody(reader: PackedReader, draft: Draft, present: number): void {
  const isSnapshot = draft.kind === 'snapshot';
  if (isSnapshot !== ((present & SNAPSHOT) !== 0)) reader.fail();
  if (draft.kind !== 'append' && (present & ENTRIES) !== 0) reader.fail();
  if (reader.failed) return;
  if (isSnapshot) draft.snapshot = readSnapshot(reader);
  if ((present & ENTRIES) !== 0) draft.entries = readEntries(reader, draft.index);
}

function writeSnapshot(writer: PackedWriter, snapshot: Snapshot): void {
  const { length } = snapshot.data;
  assert(length <= LIMITS.wire.snapshotNameBytesMax, '[B4] what is written can be read');
  writer.varint(snapshot.index);
  writer.varint(snapshot.term);
  writeConfState(writer, snapshot.confState);
  writer.varint(snapshot.data.length);
  writer.append(snapshot.data);
}

function readSnapshot(reader: PackedReader): Snapshot {
  const index = reader.varint();
  const term = reader.varint();
  const confState = readConfState(reader);
  const length = reader.varint();
  if (length > LIMITS.wire.snapshotNameBytesMax) reader.fail();
  const data = reader.take(length).slice();
  return { index, term, confState, data };
}

function writeConfState(writer: PackedWriter, confState: ConfState): void {
  writer.u8(confState.autoLeave ? 1 : 0);
  writeNodes(writer, confState.voters);
  writeNodes(writer, confState.votersOutgoing);
  writeNodes(writer, confState.learners);
  writeNodes(writer, confState.learnersNext);
}

function readConfState(reader: PackedReader): ConfState {
  const flags = reader.u8();
  if (flags > 1) reader.fail();
  return {
    autoLeave: flags === 1,
    voters: readNodes(reader),
    votersOutgoing: readNodes(reader),
    learners: readNodes(reader),
    learnersNext: readNodes(reader),
  };
}

function writeNodes(writer: PackedWriter, nodes: readonly NodeId[]): void {
  assert(nodes.length <= LIMITS.wire.configNodesMax, '[B4] what is written can be read');
  writer.varint(nodes.length);
  for (const node of nodes) writer.varint(node);
}

function readNodes(reader: PackedReader): readonly NodeId[] {
  const count = reader.varint();
  if (count > LIMITS.wire.configNodesMax) reader.fail();
  const nodes: NodeId[] = [];
  for (let i = 0; i < count && !reader.failed; i++) nodes.push(reader.varint());
  return nodes;
}
