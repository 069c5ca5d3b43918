// E. What a leader knows of its peers' logs, and how boldly it sends. F. Limits.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PeerStatus } from '../outputs.ts';
import { Network } from './network.support.ts';
import type { Replica } from './replica.support.ts';
import { leader, logOf, outcomeOf, solo, ticks } from './solo.support.ts';
import { bytesOf, parseMessage } from './wording.support.ts';

function propose(replica: Replica, ...payloads: string[]): string[] {
  for (const payload of payloads) replica.core.propose([bytesOf(payload)]);
  return replica.work();
}

function peer(replica: Replica, id: number): PeerStatus {
  const found = replica.core.status().peers.find((one) => one.id === id);
  assert(found !== undefined);
  return found;
}

function brief({ isPaused, match, next, state }: PeerStatus): string {
  return `${state} ${match}/${next}${isPaused ? ' paused' : ''}`;
}

/** A leader of 1 and 2, with 2 in replicate. */
function pair(options = {}): Replica {
  const chief = leader({ voters: [1, 2], options });
  chief.hear('2->1 appendResponse term=2 index=2');
  return chief;
}

test('E71: a probe sends one append, waits, and sends again after a heartbeat response', () => {
  const chief = leader({ voters: [1, 2] });
  assert.equal(brief(peer(chief, 2)), 'probe 0/2 paused');
  assert.deepEqual(propose(chief, 'a', 'b'), []);
  assert.deepEqual(chief.hear('2->1 heartbeatResponse term=2'), [
    '1->2 append term=2 log=1/1 [2/2,2/3:a,2/4:b] commit=1',
  ]);
  assert.deepEqual(propose(chief, 'c'), []);
  assert.equal(brief(peer(chief, 2)), 'probe 0/2 paused');
});

test('E72: the window fills, blocks, and is freed in order by acknowledgements', () => {
  const chief = pair({ inflightMessagesMax: 3 });
  assert.equal(propose(chief, 'a', 'b', 'c', 'd', 'e').length, 3);
  assert.equal(peer(chief, 2).isInflightFull, true);
  assert.equal(brief(peer(chief, 2)), 'replicate 2/6 paused');
  // The second one acknowledged frees two places; what waited goes in one append.
  assert.deepEqual(chief.hear('2->1 appendResponse term=2 index=4'), [
    '1->2 append term=2 log=2/5 [2/6:d,2/7:e] commit=4',
  ]);
  assert.equal(peer(chief, 2).inflightMessages, 2);
  assert.deepEqual(chief.hear('2->1 appendResponse term=2 index=4'), []);
});

test('E73: a full window lets one empty append pass per heartbeat response', () => {
  const chief = pair({ inflightMessagesMax: 2 });
  propose(chief, 'a', 'b', 'c');
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(chief.hear('2->1 heartbeatResponse term=2'), [
      '1->2 append term=2 log=2/4 commit=2',
    ]);
    assert.deepEqual(propose(chief, 'more'), []);
  }
  // Both appends were lost: the answer to the empty one tells, and they go again.
  const again = chief.hear('2->1 appendResponse term=2 rejected index=4 hint=2/2');
  assert.equal(again.length, 1);
  assert.match(again[0] ?? '', /^1->2 append term=2 log=2\/2 \[2\/3:a,2\/4:b,/);
  assert.equal(brief(peer(chief, 2)), 'probe 2/3 paused');
});

test('E74: the byte window is soft towards the append that passes it', () => {
  const chief = pair({ inflightBytesMax: 10, appendBytesMax: 10 });
  assert.equal(propose(chief, 'aaaa', 'bbbb').length, 2);
  assert.equal(peer(chief, 2).isInflightFull, false, '8 of 10');
  assert.equal(propose(chief, 'cccccccc', 'd').length, 1);
  assert.equal(peer(chief, 2).isInflightFull, true, '16 of 10');
  assert.equal(chief.hear('2->1 appendResponse term=2 index=4').length, 1, 'd goes, with 8 of 10');
});

test('E75: an unreachable peer is probed, one in another state stays as it is', () => {
  const chief = pair();
  propose(chief, 'a');
  assert.equal(brief(peer(chief, 2)), 'replicate 2/4');
  chief.core.reportUnreachable(2);
  assert.equal(brief(peer(chief, 2)), 'probe 2/3');
  chief.core.reportUnreachable(2);
  chief.core.reportUnreachable(9);
  assert.equal(brief(peer(chief, 2)), 'probe 2/3');
  const follower = solo();
  follower.core.reportUnreachable(2);
  assert.equal(follower.core.hasReady(), false);
});

test('E76: a heartbeat response of a peer that is behind or probed brings an append', () => {
  const chief = pair();
  assert.deepEqual(chief.hear('2->1 heartbeatResponse term=2'), [], 'equal, and known to be');
  chief.core.reportUnreachable(2);
  const sent = chief.hear('2->1 heartbeatResponse term=2');
  assert.deepEqual(sent, ['1->2 append term=2 log=2/2 commit=2']);
  chief.hear('2->1 appendResponse term=2 index=2');
  assert.equal(brief(peer(chief, 2)), 'replicate 2/3');
  propose(chief, 'a');
  assert.deepEqual(chief.hear('2->1 heartbeatResponse term=2'), [
    '1->2 append term=2 log=2/3 commit=2',
  ]);
});

test('E77: a rejection that is out of date is ignored', () => {
  const chief = pair();
  propose(chief, 'a');
  const late = chief.hear('2->1 appendResponse term=2 rejected index=2 hint=1/1');
  assert.deepEqual([late, brief(peer(chief, 2))], [[], 'replicate 2/4']);
  chief.core.reportUnreachable(2);
  const wrong = chief.hear('2->1 appendResponse term=2 rejected index=3 hint=2/2');
  assert.deepEqual([wrong, brief(peer(chief, 2))], [[], 'probe 2/3']);
});

test('E78: an acknowledgement that is out of date is ignored, next stays above match', () => {
  const chief = pair();
  propose(chief, 'a', 'b');
  chief.hear('2->1 appendResponse term=2 index=4');
  chief.hear('2->1 appendResponse term=2 index=2');
  assert.equal(brief(peer(chief, 2)), 'replicate 4/5');
  assert.equal(outcomeOf(chief, '2->1 appendResponse term=2 index=9'), 'contradiction');
  assert.equal(brief(peer(chief, 2)), 'replicate 4/5');
});

test('E79: answers in any order bring the peer to the same place', () => {
  const answers = ['rejected index=4 hint=2/2', 'index=3', 'index=4', 'index=2'];
  for (const order of [answers, answers.toReversed(), [1, 3, 0, 2].map((i) => answers[i])]) {
    const chief = pair();
    propose(chief, 'a', 'b');
    for (const answer of order) chief.hear(`2->1 appendResponse term=2 ${answer}`);
    const { match, next } = peer(chief, 2);
    assert.equal(match, 4);
    assert.equal(next, 5);
  }
});

test('E80: a peer that needs what is compacted is sent a snapshot', () => {
  const chief = leader();
  chief.hear('2->1 appendResponse term=2 index=2');
  propose(chief, 'a', 'b');
  chief.hear('2->1 appendResponse term=2 index=4');
  chief.compact();
  const sent = chief.hear('3->1 appendResponse term=2 rejected index=1 hint=0/0');
  assert.deepEqual(sent, ['1->3 snapshot term=2 state=2/4 voters(1 2 3)']);
  assert.equal(brief(peer(chief, 3)), 'snapshot 0/5 paused');
  assert.equal(peer(chief, 3).pendingSnapshot, 4);
});

test('E80: a snapshot that does not know its peer is not sent, a newer one is', () => {
  const net = new Network({ voters: [1] });
  net.elect(1);
  net.propose(1, 'a');
  net.at(1).compact();
  net.add(2);
  assert.equal(net.change(1, 'l2'), 'accepted');
  const withheld = net.at(1).events.filter(({ kind }) => kind === 'snapshotWithheld');
  assert.deepEqual(withheld, [{ kind: 'snapshotWithheld', peer: 2, reason: 'lacksPeer' }]);
  net.tickAll(1);
  assert.deepEqual(net.at(2).values, ['a']);
  const sent = net.sent.filter((text) => / snapshot /.test(text));
  assert.deepEqual(sent, ['1->2 snapshot term=2 state=2/4 voters(1) learners(2)']);
});

test('E80: a silent peer is sent no snapshot', () => {
  const net = new Network();
  net.elect(1);
  net.isolate(3);
  net.propose(1, 'a');
  net.at(1).compact();
  net.tick(1, 10);
  net.settle();
  net.tick(1, 10);
  net.settle();
  const sent = net.sent.filter((text) => /1->3 snapshot/.test(text));
  assert.deepEqual(sent, []);
  net.heal();
  net.tickAll(1);
  assert.deepEqual(net.at(3).values, ['a']);
});

test('E81: a window is empty whenever the state of its peer changes', () => {
  const chief = pair();
  propose(chief, 'a', 'b');
  assert.equal(peer(chief, 2).inflightMessages, 2);
  chief.core.reportUnreachable(2);
  assert.equal(peer(chief, 2).inflightMessages, 0);
  chief.hear('2->1 heartbeatResponse term=2');
  chief.hear('2->1 appendResponse term=2 index=4');
  assert.equal(brief(peer(chief, 2)), 'replicate 4/5');
  assert.equal(peer(chief, 2).inflightMessages, 0);
});

test('E83: after an election each peer is probed with one append', () => {
  const chief = leader({ log: '[2/2,2/3]', term: 3, voters: [1, 2, 3, 4, 5] });
  propose(chief, 'a', 'b', 'c');
  for (const id of [2, 3, 4, 5]) assert.equal(brief(peer(chief, id)), 'probe 0/4 paused');
});

test('E84: a commit index is told a peer once, unless it may have been lost', () => {
  const chief = leader();
  chief.hear('2->1 appendResponse term=2 index=2');
  chief.hear('3->1 appendResponse term=2 index=2');
  propose(chief, 'a');
  const told = chief.hear('2->1 appendResponse term=2 index=3');
  assert.deepEqual(told, [
    '1->2 append term=2 log=2/3 commit=3',
    '1->3 append term=2 log=2/3 commit=3',
  ]);
  assert.deepEqual(chief.hear('3->1 appendResponse term=2 index=3'), []);
  chief.core.reportUnreachable(3);
  assert.deepEqual(chief.hear('3->1 heartbeatResponse term=2'), [
    '1->3 append term=2 log=2/3 commit=3',
  ]);
});

test('E85: what must be fetched is asked for, never sent as if nothing came before', () => {
  const chief = leader({ log: '[2/2,2/3,2/4]', voters: [1, 2] });
  chief.holdsFetches = true;
  chief.log.evictBelow(5);
  chief.hear('2->1 heartbeatResponse term=3');
  const sent = chief.hear('2->1 appendResponse term=3 rejected index=4 hint=1/1');
  assert.deepEqual(sent, []);
  const [fetch] = chief.fetches;
  assert.deepEqual([fetch?.purpose, fetch?.peer, fetch?.low, fetch?.high], ['replicate', 2, 2, 6]);
  assert.deepEqual(chief.hear('2->1 heartbeatResponse term=3'), [], 'one at a time');
  chief.answerFetches();
  assert.match(chief.work().join(), /^1->2 append term=3 log=1\/1 \[2\/2,2\/3,2\/4,3\/5\]/);
});

test('E85: a fetch that comes back to somebody else is harmless', () => {
  const chief = leader({ log: '[2/2,2/3,2/4]', voters: [1, 2] });
  const fetch = { purpose: 'replicate', peer: 2, low: 2, high: 3, bytesMax: 1 } as const;
  chief.core.logFetched(fetch);
  chief.core.logFetched({ ...fetch, peer: 9 });
  chief.core.logFetched({ ...fetch, purpose: 'campaign' });
  assert.equal(chief.core.hasReady(), false);
});

test('F87: payload under way is limited, softly, and given back as it is applied', () => {
  const chief = pair({ uncommittedBytesMax: 8 });
  const kinds = (...sizes: number[]): string[] =>
    sizes.map((size) => chief.core.propose([new Uint8Array(size)]).kind);
  assert.deepEqual(kinds(5, 3, 1, 0), ['accepted', 'accepted', 'refused', 'accepted']);
  chief.work();
  chief.hear('2->1 appendResponse term=2 index=3');
  assert.deepEqual(kinds(5, 1), ['accepted', 'refused']);
  chief.work();
  chief.hear('2->1 appendResponse term=2 index=6');
  assert.deepEqual(kinds(100, 1), ['accepted', 'refused'], 'one above the limit, when alone');
  chief.hear('2->1 appendResponse term=9');
  assert.equal(chief.core.basicStatus().role, 'follower');
  chief.core.campaign();
  chief.work();
  chief.hear('2->1 voteResponse term=10');
  assert.deepEqual(kinds(8, 1), ['accepted', 'refused'], 'a new term counts from zero');
});

test('F88: a leader that is cut off does not grow without bound', () => {
  const net = new Network({ options: { uncommittedBytesMax: 64, checkQuorum: false } });
  net.elect(1);
  net.isolate(1);
  for (let i = 0; i < 500; i++) net.propose(1, 'eight-by');
  assert.equal(net.at(1).log.lastIndex(), 2 + 8);
});

test('F89: committed entries come in portions, all of them, also after a restart', () => {
  for (const asyncStorageWrites of [false, true]) {
    const net = new Network({ options: { asyncStorageWrites, applyBytesMax: 40 } });
    net.elect(1);
    const payloads = Array.from({ length: 30 }, (_, i) => `e${i}`);
    net.propose(1, ...payloads);
    for (const { values } of net.running) assert.deepEqual(values, payloads);
    net.crash(2);
    net.restart(2);
    net.tickAll(1);
    assert.deepEqual(net.at(2).values, payloads);
  }
});

test('F90: entries that are handed out and not applied count against the limit', () => {
  const replica = solo({
    voters: [1, 2],
    log: '[2/2:a,2/3:b,2/4:c]',
    options: { asyncStorageWrites: true, applyBytesMax: 34 },
  });
  replica.hear('2->1 append term=2 log=2/4 commit=1');
  replica.step(parseMessage('2->1 append term=2 log=2/4 commit=4'));
  replica.handleReady();
  const first = replica.machineQueue[0]?.entries.map(({ index }) => index);
  assert.deepEqual(first, [2, 3]);
  while (replica.core.hasReady()) replica.handleReady();
  assert.equal(replica.machineQueue.length, 1, 'no more before these are applied');
  replica.runMachine();
  replica.work();
  assert.equal(replica.applied, 4);
});

test('F91: with a limit of zero every append holds one entry', () => {
  const chief = leader({ voters: [1, 2], options: { appendBytesMax: 0 } });
  propose(chief, 'a', 'b');
  const sent = chief.hear('2->1 appendResponse term=2 index=2');
  assert.deepEqual(sent, [
    '1->2 append term=2 log=2/2 [2/3:a] commit=2',
    '1->2 append term=2 log=2/3 [2/4:b] commit=2',
  ]);
  assert.equal(logOf(chief), '2/2 2/3 2/4');
  assert.deepEqual(ticks(chief, 1), ['1->2 heartbeat term=2 commit=2']);
});
