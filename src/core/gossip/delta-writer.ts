// Scuttlebutt reconciliation: what this node knows beyond a peer's digest, most useful first, as
// much as the budget holds. Layout and grammar are in delta-reader.ts.

import { assert } from '../../base/assert.ts';
import type { ByteWriter } from '../../base/bytes.ts';
import type { Random } from '../../base/capabilities.ts';
import { shuffle } from '../../base/prng.ts';
import { type BlockWriter } from './block-stream.ts';
import { LIFE } from './columns.ts';
import { OPERATION, STATUSES } from './delta-reader.ts';
import type { Entry } from './entry-table.ts';
import type { NodeState } from './node-state.ts';
import type { PeerDigest } from './peer-digest.ts';
import type { Roster } from './roster.ts';

export interface Candidate {
  readonly state: NodeState;
  readonly fromExcluded: number;
  readonly isLive: boolean;
  /** Lower goes first among equals of the rest. */
  readonly rank: number;
}

/** The nodes this node has news of for the peer, in the order they should be told [G14]. */
export function findCandidates(roster: Roster, peer: PeerDigest, random: Random): Candidate[] {
  const { slots } = roster.order();
  const { life, max, lastGc, withheld } = roster.columns;
  const candidates: Candidate[] = [];
  for (let position = 0; position < slots.length; position++) {
    const slot = slots[position] as number;
    const peerMax = peer.maxOf(slot);
    const ownMax = max[slot] as number;
    if (ownMax <= peerMax || withheld[slot] === 1) continue;
    if (roster.isScheduled(slot) || peer.isSilentAbout(slot)) continue;
    const ownGc = lastGc[slot] as number;
    // Purged tombstones lie between what the peer has and what this node can still tell.
    const needsReset = peer.lastGcOf(slot) < ownGc && peerMax < ownGc;
    const state = roster.state(slot);
    const fromExcluded = needsReset ? 0 : peerMax;
    const rank = fromExcluded === 0 ? ownMax : -state.table.countAfter(fromExcluded);
    candidates.push({ state, fromExcluded, isLive: life[slot] === LIFE.live, rank });
  }
  if (candidates.length < 2) return candidates;
  shuffle(candidates, random);
  return candidates.sort(compareCandidates);
}

/** Live nodes first; unknown and reset ones among them, the smallest first; then the most stale. */
function compareCandidates(a: Candidate, b: Candidate): number {
  if (a.isLive !== b.isLive) return a.isLive ? -1 : 1;
  const aWhole = a.fromExcluded === 0;
  const bWhole = b.fromExcluded === 0;
  if (aWhole !== bWhole) return aWhole ? -1 : 1;
  return a.rank - b.rank;
}

export interface WrittenDelta {
  /** A block stream, a view that the writer's next use overwrites. */
  readonly stream: Uint8Array;
  /** All that the candidates are to tell is in it. */
  readonly isWhole: boolean;
}

export function writeDelta(
  candidates: readonly Candidate[],
  budgetBytes: number,
  writer: BlockWriter,
): WrittenDelta {
  assert(budgetBytes >= 1, 'there is room for an empty delta [G15]');
  writer.begin(budgetBytes);
  const isWhole = candidates.every((candidate) => writeSection(candidate, writer) === 'done');
  const stream = writer.finish();
  assert(stream.length <= budgetBytes, 'a delta keeps its budget [G15]');
  return { stream, isWhole };
}

/**
 * Stops everything at the first entry without room: what went before is complete up to its version,
 * what came after would leave a gap.
 */
function writeSection(candidate: Candidate, writer: BlockWriter): 'done' | 'full' {
  const { state, fromExcluded } = candidate;
  const { pending } = writer;
  let mark = pending.length;
  writeNode(pending, state, fromExcluded);
  if (!keeps(writer, mark)) return 'full';
  const { table } = state;
  let told = 0;
  for (let i = table.indexAfter(fromExcluded); ; i++) {
    const entry = table.at(i);
    if (entry === undefined) break;
    if (entry.superseded) continue;
    mark = pending.length;
    writeKeyValue(pending, entry);
    if (!keeps(writer, mark)) return 'full';
    told += 1;
  }
  // Only a section without entries needs to say how far it reaches: peers of version 0.10 stop when
  // it follows an entry with a greater version.
  if (told === 0) {
    mark = pending.length;
    writeSetMax(pending, state.maxVersion);
    keeps(writer, mark);
  }
  return 'done';
}

/** Keeps the operation written since `mark` if there is room for it, else takes it back. */
function keeps(writer: BlockWriter, mark: number): boolean {
  if (!writer.fits()) {
    writer.pending.rewind(mark);
    return false;
  }
  writer.settle();
  return true;
}

function writeNode(pending: ByteWriter, state: NodeState, fromExcluded: number): void {
  pending.u8(OPERATION.node);
  pending.append(state.idBytes);
  pending.u64le(state.lastGcVersion);
  pending.u64le(fromExcluded);
}

function writeKeyValue(pending: ByteWriter, entry: Entry): void {
  pending.u8(OPERATION.keyValue);
  pending.text16le(entry.key);
  pending.text16le(entry.value);
  pending.u64le(entry.version);
  pending.u8(STATUSES.indexOf(entry.status));
}

function writeSetMax(pending: ByteWriter, maxVersion: number): void {
  pending.u8(OPERATION.setMax);
  pending.u64le(maxVersion);
}
