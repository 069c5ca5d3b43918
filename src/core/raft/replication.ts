// What a leader sends: appends, snapshots, heartbeats; and what it may commit.

import { assert } from '../../base/assert.ts';
import { isMember } from './config-change.ts';
import { NO_ENTRIES, payloadBytes } from './entries.ts';
import type { Progress } from './progress.ts';
import type { RaftState } from './state.ts';
import type { Entry, EntryKind } from './types.ts';

/** An entry before it has its place in the log. */
export interface Proposal {
  readonly kind: EntryKind;
  readonly payload: Uint8Array;
}

/**
 * Adds `proposals` to the leader's log; false, and nothing added, if they pass the limit of bytes
 * under way. [R60] The limit is soft: something is always accepted when nothing is under way, and
 * what has no payload always is, so that a term can begin and a joint config can be left.
 */
export function appendProposals(raft: RaftState, proposals: readonly Proposal[]): boolean {
  const bytes = sumPayloads(proposals);
  const total = raft.uncommittedBytes + bytes;
  if (bytes > 0 && raft.uncommittedBytes > 0 && total > raft.settings.uncommittedBytesMax) {
    return false;
  }
  raft.uncommittedBytes = total;
  assert(raft.isLeader() && proposals.length > 0, '[R14] only leaders append of their own accord');
  const { term } = raft;
  let index = raft.log.lastIndex();
  const entries: Entry[] = [];
  for (const { kind, payload } of proposals) {
    index += 1;
    entries.push({ term, index, kind, payload });
  }
  raft.log.append(entries);
  // [R12] The leader's own log counts like anyone's: once it is durable.
  const ack = raft.draft('appendResponse', raft.id);
  ack.index = index;
  raft.postWhenDurable(ack);
  return true;
}

function sumPayloads(proposals: readonly Proposal[]): number {
  let sum = 0;
  for (const { payload } of proposals) sum += payload.length;
  return sum;
}

/** True if the commit index grew. */
export function maybeCommit(raft: RaftState): boolean {
  assert(raft.isLeader(), '[R14] only leaders commit by counting');
  const index = raft.tracker.committed();
  // [R15] Entries of earlier terms are committed only through one of our own term on top of them.
  // A led term 2, wrote entry 3 on A and B and died; C led term 3 with another entry 3 on C alone.
  // A comes back, leads term 4 and brings D up to its old entry 3: a majority holds it, and yet C
  // could win with its newer last term and overwrite it. With an entry of term 4 behind, C loses.
  if (index < raft.termStartIndex) return false;
  return raft.log.commitTo(index);
}

export function broadcastAppend(raft: RaftState): void {
  assert(raft.isLeader(), '[R14] only leaders replicate');
  for (const peer of raft.tracker.peers) {
    if (peer.id !== raft.id) maybeSendAppend(raft, peer, true);
  }
}

/** The commit index grew: tells those who will not hear of it otherwise. */
export function broadcastCommit(raft: RaftState): void {
  assert(raft.isLeader(), '[R14] only leaders commit by counting');
  for (const peer of raft.tracker.peers) {
    if (peer.id !== raft.id) maybeSendAppend(raft, peer, mayBeTold(raft, peer));
  }
}

/** The peer does not know how far the log is committed, and is to hear of it now. */
export function isToldOfCommit(raft: RaftState, peer: Progress): boolean {
  return peer.canBumpCommit(raft.log.committed) && mayBeTold(raft, peer);
}

/**
 * Without eager commits, a peer that owes answers is not told: the last of them leads here again,
 * and if it gets lost, the answer to a heartbeat does.
 */
function mayBeTold(raft: RaftState, peer: Progress): boolean {
  return raft.settings.eagerCommits || peer.inflights.count === 0;
}

/** Sends until the window is full or nothing is left. */
export function sendAllAppends(raft: RaftState, peer: Progress): void {
  while (maybeSendAppend(raft, peer, false));
}

/**
 * Sends what the peer lacks, as one append, or a snapshot if the log no longer has it. With
 * `evenIfEmpty` an append goes out that has no entries: it tells the commit index, and probes.
 */
export function maybeSendAppend(raft: RaftState, peer: Progress, evenIfEmpty: boolean): boolean {
  if (peer.isPaused() || peer.isFetching) return false;
  const { log } = raft;
  const index = peer.next - 1;
  const logTerm = log.term(index);
  assert(logTerm !== 'unavailable', '[R30] a peer is never sent what the leader does not have');
  if (logTerm === 'compacted') return maybeSendSnapshot(raft, peer);
  let entries: readonly Entry[] = NO_ENTRIES;
  // A full window takes nothing more, but an empty append still tells whether what filled it got
  // lost: A sent 3 appends to B and the window is 3. All were dropped. B answers the next
  // heartbeat, A sends an empty append behind the third, B rejects it, and A starts over.
  if (peer.state !== 'replicate' || !peer.inflights.isFull()) {
    const high = log.lastIndex() + 1;
    const found = log.entries(peer.next, high, raft.settings.appendBytesMax);
    if (found === 'compacted') return maybeSendSnapshot(raft, peer);
    if (found === 'pending') return fetchFor(raft, peer, high);
    entries = found;
  }
  if (entries.length === 0 && !evenIfEmpty) return false;
  assert(
    entries.length === 0 || (entries[0] as Entry).index === peer.next,
    '[R30] an append continues where the peer stands',
  );
  const message = raft.draft('append', peer.id);
  message.index = index;
  message.logTerm = logTerm;
  message.entries = entries;
  message.commit = log.committed;
  raft.post(message);
  peer.sentEntries(entries.length, payloadBytes(entries));
  peer.sentCommitTo(log.committed);
  return true;
}

/** [R26] Asks the host for entries instead of reading them: a slow peer costs no memory here. */
function fetchFor(raft: RaftState, peer: Progress, high: number): boolean {
  assert(peer.next < high, '[R26] only what exists is fetched');
  peer.isFetching = true;
  raft.fetches.push({
    purpose: 'replicate',
    peer: peer.id,
    low: peer.next,
    high,
    bytesMax: raft.settings.appendBytesMax,
  });
  return false;
}

function maybeSendSnapshot(raft: RaftState, peer: Progress): boolean {
  // A dead peer would tie up the snapshot's resources; it speaks up when it is back.
  if (!peer.isRecentlyActive) {
    raft.emit({ kind: 'snapshotWithheld', peer: peer.id, reason: 'inactive' });
    return false;
  }
  const snapshot = raft.log.snapshot();
  if (snapshot === 'pending') {
    raft.emit({ kind: 'snapshotWithheld', peer: peer.id, reason: 'pending' });
    return false;
  }
  if (!isMember(snapshot.confState, peer.id)) {
    // The peer joined after the snapshot was made and would ignore it: sent again on every answer,
    // it would keep the two busy for nothing. A newer one is the host's to make.
    raft.emit({ kind: 'snapshotWithheld', peer: peer.id, reason: 'lacksPeer' });
    return false;
  }
  assert(
    snapshot.index >= raft.log.firstIndex() - 1 && snapshot.index > peer.match,
    '[R33] a snapshot reaches up to the log that is kept',
  );
  peer.becomeSnapshot(snapshot.index);
  const message = raft.draft('snapshot', peer.id);
  message.snapshot = snapshot;
  raft.post(message);
  raft.emit({ kind: 'snapshotSent', peer: peer.id, index: snapshot.index });
  return true;
}

/** Heartbeats to everyone, with the newest read round that waits. */
export function broadcastHeartbeat(raft: RaftState): void {
  assert(raft.isLeader(), '[R14] only leaders send heartbeats');
  const context = raft.reads.pendingRound;
  for (const peer of raft.tracker.peers) {
    if (peer.id === raft.id) continue;
    const message = raft.draft('heartbeat', peer.id);
    // [R16] A heartbeat proves nothing about the peer's log, so it commits no further than what the
    // peer acknowledged: B may hold other entries, left from another leader, at later indexes.
    message.commit = Math.min(peer.match, raft.log.committed);
    message.context = context;
    raft.post(message);
    peer.sentCommitTo(message.commit);
  }
}
