import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Progress } from './progress.ts';

const LIMITS = { messagesMax: 3, bytesMax: Number.POSITIVE_INFINITY };

function peerAt(match: number, next: number): Progress {
  const peer = new Progress(2, next, false, true, LIMITS);
  peer.match = match;
  return peer;
}

function replicating(match: number): Progress {
  const peer = peerAt(match, match + 1);
  peer.becomeReplicate();
  return peer;
}

test('in probe, one append with entries pauses; an empty one does not', () => {
  const peer = peerAt(0, 5);
  peer.sentEntries(0, 0);
  assert.equal(peer.isPaused(), false);
  peer.sentEntries(2, 20);
  assert.equal(peer.isPaused(), true);
  assert.equal(peer.next, 5, 'a probe does not run ahead');
});

test('[R30] in replicate, next runs ahead until the window is full', () => {
  const peer = replicating(4);
  peer.sentEntries(1, 10);
  peer.sentEntries(2, 10);
  assert.equal(peer.next, 8);
  assert.equal(peer.isPaused(), false);
  peer.sentEntries(1, 10);
  assert.equal(peer.isPaused(), true);
});

test('[R31] after a heartbeat response a full window lets one empty append pass', () => {
  const peer = replicating(4);
  for (let i = 0; i < 3; i++) peer.sentEntries(1, 10);
  peer.isFlowPaused = false;
  assert.equal(peer.isPaused(), false);
  peer.sentEntries(0, 0);
  assert.equal(peer.isPaused(), true);
});

test('[R32] with a snapshot on its way nothing leaves', () => {
  const peer = peerAt(1, 3);
  peer.becomeSnapshot(9);
  assert.equal(peer.isPaused(), true);
  assert.equal(peer.pendingSnapshot, 9);
  assert.equal(peer.next, 10);
  assert.throws(() => peer.sentEntries(0, 0), /snapshot is on its way/);
});

test('a snapshot that arrived is probed behind, a failed one at match', () => {
  const arrived = peerAt(1, 3);
  arrived.becomeSnapshot(9);
  arrived.becomeProbe();
  assert.equal(arrived.next, 10);
  const failed = peerAt(1, 3);
  failed.becomeSnapshot(9);
  failed.pendingSnapshot = 0;
  failed.becomeProbe();
  assert.equal(failed.next, 2);
});

test('an acknowledgement moves match and next up and never down', () => {
  const cases = [
    // index, changed, match, next
    [2, false, 3, 5],
    [3, false, 3, 5],
    [4, true, 4, 5],
    [5, true, 5, 6],
    [9, true, 9, 10],
  ] as const;
  for (const [index, changed, match, next] of cases) {
    const peer = peerAt(3, 5);
    assert.equal(peer.maybeUpdate(index), changed, `acknowledged ${index}`);
    assert.deepEqual([peer.match, peer.next], [match, next], `acknowledged ${index}`);
  }
});

test('[R18] a rejection takes the probe back to the hint, unless it is late', () => {
  const cases = [
    // state, match, next, rejected, hint, changed, next afterwards
    ['replicate', 5, 10, 5, 5, false, 10],
    ['replicate', 5, 10, 4, 4, false, 10],
    ['replicate', 5, 10, 9, 9, true, 6],
    ['probe', 0, 0 + 1, 5, 5, false, 1],
    ['probe', 0, 10, 5, 5, false, 10],
    ['probe', 0, 10, 9, 9, true, 9],
    ['probe', 0, 10, 9, 2, true, 3],
    ['probe', 0, 10, 9, 0, true, 1],
    ['probe', 4, 10, 9, 2, true, 5],
    ['probe', 0, 2, 1, 1, true, 1],
  ] as const;
  for (const [state, match, next, rejected, hint, changed, after] of cases) {
    const peer = peerAt(match, next);
    peer.state = state;
    const title = `${state} match=${match} next=${next} rejected=${rejected} hint=${hint}`;
    assert.equal(peer.maybeDecrease(rejected, hint), changed, title);
    assert.equal(peer.next, after, title);
  }
});

test('a commit index is told once, and again when the append with it may be lost', () => {
  const peer = replicating(4);
  peer.sentEntries(3, 0);
  assert.equal(peer.canBumpCommit(5), true);
  peer.sentCommitTo(5);
  assert.equal(peer.canBumpCommit(5), false);
  assert.equal(peer.canBumpCommit(6), true);
  peer.sentCommitTo(7);
  assert.equal(peer.canBumpCommit(9), false, 'the peer was sent nothing beyond 7');
  peer.becomeProbe();
  peer.sentEntries(0, 0);
  peer.maybeUpdate(6);
  assert.equal(peer.canBumpCommit(7), true, 'what was sent to match counts as told, no more');
});

test('a status says what an operator asks for', () => {
  const peer = replicating(4);
  for (let i = 0; i < 3; i++) peer.sentEntries(1, 10);
  assert.deepEqual(peer.status(), {
    id: 2,
    state: 'replicate',
    match: 4,
    next: 8,
    isLearner: false,
    isPaused: true,
    isRecentlyActive: true,
    pendingSnapshot: 0,
    inflightMessages: 3,
    isInflightFull: true,
  });
});
