// J. Snapshots and compaction.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RaftLog } from '../log.ts';
import type { PeerStatus } from '../outputs.ts';
import { Network } from './network.support.ts';
import type { Replica } from './replica.support.ts';
import { leader, logOf, outcomeOf, solo } from './solo.support.ts';
import { bytesOf, parseMessage } from './wording.support.ts';

const MEMBERS = 'voters(1 2 3)';

function peer(replica: Replica, id: number): PeerStatus {
  const found = replica.core.status().peers.find((one) => one.id === id);
  assert(found !== undefined);
  return found;
}

/** A leader whose log begins behind 4, with peer 3 waiting for a snapshot. */
function sending(): Replica {
  const chief = leader();
  chief.hear('2->1 appendResponse term=2 index=2');
  chief.core.propose(['a', 'b'].map(bytesOf));
  chief.work();
  chief.hear('2->1 appendResponse term=2 index=4');
  chief.compact();
  const sent = chief.hear('3->1 appendResponse term=2 rejected index=1 hint=0/0');
  assert.deepEqual(sent, [`1->3 snapshot term=2 state=2/4 ${MEMBERS}`]);
  return chief;
}

test('J148: a snapshot at or below the commit index is ignored, and answered with it', () => {
  for (const index of [2, 3]) {
    const follower = solo({ log: '[2/2,2/3,2/4]', commit: 3 });
    const answer = follower.hear(`2->1 snapshot term=3 state=2/${index} ${MEMBERS}`);
    assert.deepEqual(answer, ['1->2 appendResponse term=3 index=3']);
    assert.equal(logOf(follower), '2/2 2/3 2/4');
  }
});

test('J149: a snapshot that the log agrees with commits up to it, and restores nothing', () => {
  const follower = solo({ log: '[2/2,2/3,2/4]' });
  const answer = follower.hear(`2->1 snapshot term=3 state=2/3 ${MEMBERS}`);
  assert.deepEqual(answer, ['1->2 appendResponse term=3 index=3']);
  assert.equal(follower.core.basicStatus().commit, 3);
  assert.equal(logOf(follower), '2/2 2/3 2/4');
});

test('J150: where the log differs from a snapshot, all of it goes', () => {
  const follower = solo({ log: '[2/2,2/3,2/4,2/5]' });
  const answer = follower.hear(`2->1 snapshot term=3 state=3/3 ${MEMBERS}`);
  assert.deepEqual(answer, ['1->2 appendResponse term=3 index=3']);
  assert.equal(logOf(follower), '');
  const { applied, commit, firstIndex, lastIndex } = follower.core.basicStatus();
  assert.deepEqual([firstIndex, applied, commit, lastIndex], [4, 3, 3, 3]);
});

test('J151: a snapshot whose config lacks us is ignored', () => {
  const follower = solo();
  const answer = follower.hear('2->1 snapshot term=3 state=3/9 voters(2 3)');
  assert.deepEqual(answer, ['1->2 appendResponse term=3 index=1']);
  assert.equal(follower.core.basicStatus().commit, 1);
});

test('J151: a snapshot that cannot be is not let in', () => {
  const follower = solo();
  const odd = [
    'snapshot term=3 state=4/9 voters(1 2)',
    'snapshot term=3 state=0/9 voters(1 2)',
    'snapshot term=3 state=3/0 voters(1 2)',
    'snapshot term=3 state=3/9 voters(1 2) learners(2)',
    'snapshot term=3',
  ];
  for (const words of odd) assert.equal(outcomeOf(follower, `2->1 ${words}`), 'malformed', words);
});

test('J152: with a snapshot on its way nothing else is sent', () => {
  const chief = sending();
  assert.equal(peer(chief, 3).pendingSnapshot, 4);
  chief.core.propose([bytesOf('c')]);
  assert(!chief.work().some((text) => text.startsWith('1->3')));
  assert.deepEqual(chief.hear('3->1 heartbeatResponse term=2'), []);
});

test('J152: a snapshot that arrived is followed by a probe behind it, after a heartbeat', () => {
  const chief = sending();
  chief.core.reportSnapshot(3, true);
  const { isPaused, next, state } = peer(chief, 3);
  assert.deepEqual([state, next, isPaused], ['probe', 5, true]);
  assert.deepEqual(chief.work(), []);
  const sent = chief.hear('3->1 heartbeatResponse term=2');
  assert.deepEqual(sent, ['1->3 append term=2 log=2/4 commit=4']);
});

test('J152: a snapshot that failed is followed by a probe where the peer was', () => {
  const chief = sending();
  chief.core.reportSnapshot(3, false);
  const { isPaused, match, next, state } = peer(chief, 3);
  assert.deepEqual([state, match, next, isPaused], ['probe', 0, 1, true]);
  chief.core.reportSnapshot(3, false);
  chief.core.reportSnapshot(9, true);
  assert.equal(peer(chief, 3).state, 'probe');
  solo().core.reportSnapshot(2, true);
});

test('J152: an acknowledgement that reaches the log ends the wait for a snapshot', () => {
  const chief = sending();
  chief.hear('3->1 appendResponse term=2 index=2');
  assert.equal(peer(chief, 3).state, 'snapshot', 'the log begins behind 4');
  chief.hear('3->1 appendResponse term=2 index=4');
  const { match, next, state } = peer(chief, 3);
  assert.deepEqual([state, match, next], ['replicate', 4, 5]);
});

test('J153: a follower that fell behind the log catches up by a snapshot', () => {
  for (const asyncStorageWrites of [false, true]) {
    const net = new Network({ options: { asyncStorageWrites } });
    net.elect(1);
    net.isolate(3);
    net.propose(1, 'a', 'b', 'c');
    net.at(1).compact();
    net.heal();
    net.tickAll(2);
    net.propose(1, 'd');
    assert.deepEqual(net.at(3).values, ['a', 'b', 'c', 'd']);
    assert.equal(net.at(3).log.firstIndex(), 6);
  }
});

test('J154: at the border of a compacted log the term is known, before it nothing is', () => {
  const replica = solo({ log: '[2/2,2/3,2/4,2/5]', commit: 4 });
  replica.work();
  replica.compact(3);
  const log = new RaftLog(replica.log, 100);
  assert.deepEqual(
    [2, 3, 4, 5, 6].map((index) => log.term(index)),
    ['compacted', 2, 2, 2, 'unavailable'],
  );
  assert.equal(log.entries(3, 5, 100), 'compacted');
  assert.throws(() => log.entries(4, 7, 100), /R23/);
});

test('J159: a peer within the entries that are kept is sent no snapshot', () => {
  const net = new Network();
  net.elect(1);
  net.isolate(3);
  net.propose(1, 'a', 'b', 'c');
  net.at(1).compact(2);
  net.heal();
  net.tickAll(2);
  assert.deepEqual(net.at(3).values, ['a', 'b', 'c']);
  assert(!net.sent.some((text) => / snapshot /.test(text)));
});

test('J160: a snapshot that is not ready is asked for again with the next heartbeat', () => {
  const net = new Network();
  net.elect(1);
  net.isolate(3);
  net.propose(1, 'a');
  net.at(1).compact();
  net.at(1).log.snapshotOverride = () => 'pending';
  net.heal();
  net.tickAll(3);
  assert.deepEqual(net.at(3).values, []);
  net.at(1).log.snapshotOverride = undefined;
  net.tickAll(1);
  assert.deepEqual(net.at(3).values, ['a']);
});

test('J161: a snapshot waits for what the machine has in hand, then all it covers is done', () => {
  const replica = solo({ options: { asyncStorageWrites: true } });
  const snapshot = `2->1 snapshot term=2 state=2/9 ${MEMBERS}`;
  replica.step(parseMessage('2->1 append term=2 log=1/1 [2/2:a,2/3:b] commit=3'));
  replica.handleReady();
  replica.runDisk();
  replica.handleReady();
  // Handed to the machine, which is slow.
  assert.equal(replica.machineQueue.length, 1);
  assert.equal(outcomeOf(replica, snapshot), 'handled');
  replica.handleReady();
  while (replica.runDisk());
  assert.equal(replica.applied, 1);
  replica.runMachine();
  assert.deepEqual(replica.hear(snapshot), ['1->2 appendResponse term=2 index=9']);
  const { applied, commit } = replica.core.basicStatus();
  assert.deepEqual([applied, commit, replica.applied], [9, 9, 9]);
  const kinds = replica.events.map(({ kind }) => kind).filter((kind) => /snapshot/.test(kind));
  assert.deepEqual(kinds, ['snapshotIgnored', 'snapshotRestored']);
});
