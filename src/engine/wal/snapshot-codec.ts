// A snapshot mark's payload: who takes part, and the host's name for the state.
//
//   payload  =  flags(u8) list list list list data
//   list     =  count(u16) node(u64)*        voters, outgoing, learners, learners next
//   data     =  the remaining bytes
//
// Bit 0 of the flags: the joint config is left automatically.

import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import type { ConfState, NodeId, Snapshot } from '../../core/raft/index.ts';

export function encodeSnapshot({ confState, data }: Snapshot): Uint8Array {
  const { voters, votersOutgoing, learners, learnersNext } = confState;
  const lists = [voters, votersOutgoing, learners, learnersNext];
  const nodes = lists.reduce((sum, list) => sum + list.length, 0);
  const writer = new ByteWriter(1 + lists.length * 2 + nodes * 8 + data.length);
  writer.u8(confState.autoLeave ? 1 : 0);
  for (const list of lists) {
    writer.u16le(list.length);
    for (const node of list) writer.u64le(node);
  }
  writer.append(data);
  return writer.copy();
}

/** Undefined when the bytes are none; index and term stand in the record's header. */
export function decodeSnapshot(
  index: number,
  term: number,
  payload: Uint8Array,
): Snapshot | undefined {
  const reader = new ByteReader(payload);
  const flags = reader.u8();
  const voters = readNodes(reader);
  const votersOutgoing = readNodes(reader);
  const learners = readNodes(reader);
  const learnersNext = readNodes(reader);
  if (reader.failed || flags > 1) return undefined;
  const data = reader.take(reader.remaining).slice();
  const autoLeave = flags === 1;
  const confState: ConfState = { voters, votersOutgoing, learners, learnersNext, autoLeave };
  return { index, term, confState, data };
}

function readNodes(reader: ByteReader): readonly NodeId[] {
  const count = reader.u16le();
  const nodes: NodeId[] = [];
  for (let i = 0; i < count && !reader.failed; i++) nodes.push(reader.u64le());
  return nodes;
}
