// H. Linearizable reads. I. Leadership transfer is in transfer.test.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Network } from './network.support.ts';
import { into, leader, outcomeOf, solo, ticks } from './solo.support.ts';
import { bytesOf, parseMessage } from './wording.support.ts';

test('H118: a read is answered wherever it is asked, if the leader reaches a quorum', () => {
  for (const asynchronous of [false, true]) {
    for (const silent of [[], [2], [3], [2, 3], [4]]) {
      for (const asker of [1, 2, 3, 4]) {
        const net = new Network({
          learners: [4],
          options: { asyncStorageWrites: asynchronous, checkQuorum: false },
        });
        net.elect(1);
        net.propose(1, 'a');
        for (const id of silent) net.isolate(id);
        const isReached = !silent.includes(asker);
        const hasQuorum = !(silent.includes(2) && silent.includes(3));
        const expected = isReached && hasQuorum ? 3 : 'waiting';
        assert.equal(net.read(asker), expected, `${asker} asks, ${silent.join(' ')} silent`);
      }
    }
  }
});

test('H118: reads that come together share a round, later ones get one of their own', () => {
  const chief = leader();
  chief.hear('2->1 appendResponse term=2 index=2');
  chief.core.readIndex();
  chief.core.readIndex();
  chief.step(parseMessage('2->1 readIndex ticket=7'));
  assert.deepEqual(chief.work(), [
    '1->2 heartbeat term=2 commit=2 round=1',
    '1->3 heartbeat term=2 commit=0 round=1',
  ]);
  chief.core.readIndex();
  assert.deepEqual(chief.work(), [
    '1->2 heartbeat term=2 commit=2 round=2',
    '1->3 heartbeat term=2 commit=0 round=2',
  ]);
  // The answer to the second round confirms the first as well.
  const sent = chief.hear('3->1 heartbeatResponse term=2 round=2');
  assert(sent.includes('1->2 readIndexResponse ticket=7 index=2'));
});

test('H118: a read that came after a commit gets a round of its own', () => {
  const chief = leader();
  chief.hear('2->1 appendResponse term=2 index=2');
  chief.core.propose([bytesOf('a')]);
  chief.work();
  chief.core.readIndex();
  chief.step(parseMessage('2->1 appendResponse term=2 index=3'));
  chief.core.readIndex();
  const ready = chief.takeReady();
  const rounds = ready.messages.filter(({ kind, to }) => kind === 'heartbeat' && to === 2);
  assert.deepEqual(
    rounds.map(({ context }) => context),
    [1, 2],
  );
});

test('H119: reads wait for the first commit of the term, then are answered in their order', () => {
  const chief = leader();
  const tickets = [1, 2, 3].map(() => {
    const outcome = chief.core.readIndex();
    assert.equal(outcome.kind, 'accepted');
    return 'ticket' in outcome ? outcome.ticket : 0;
  });
  assert.deepEqual(chief.work(), []);
  chief.hear('2->1 appendResponse term=2 index=2');
  chief.step(parseMessage('2->1 heartbeatResponse term=2 round=1'));
  const states = chief.takeReady().readStates;
  assert.deepEqual(
    states.map(({ index, ticket }) => [ticket, index]),
    tickets.map((ticket) => [ticket, 2]),
  );
});

test('H120: answers to rounds that never began confirm nothing', () => {
  const chief = leader();
  chief.hear('2->1 appendResponse term=2 index=2');
  chief.hear('2->1 heartbeatResponse term=2 round=9');
  chief.core.readIndex();
  chief.work();
  assert.equal(chief.takeReady().readStates.length, 0);
});

test('H121: reads that wait are reported when leadership ends, and forgotten', () => {
  const chief = leader({ options: { pendingReadsMax: 2 } });
  chief.hear('2->1 appendResponse term=2 index=2');
  chief.core.readIndex();
  chief.step(parseMessage('2->1 readIndex ticket=5'));
  const full = chief.core.readIndex();
  assert.deepEqual(full, { kind: 'refused', reason: 'tooManyReads' });
  chief.step(parseMessage('3->1 readIndex ticket=6'));
  const told = chief.work().filter((text) => /Response/.test(text));
  assert.deepEqual(told, ['1->3 readIndexResponse ticket=6 refused']);
  chief.step(parseMessage('3->1 append term=3 log=1/1'));
  const ready = chief.takeReady();
  assert.deepEqual(ready.readDrops, [{ ticket: 1, reason: 'leaderChanged' }]);
  assert(ready.messages.some(({ context, kind }) => kind === 'readIndexResponse' && context === 5));
  chief.write();
  chief.send();
  chief.finish();
  into(chief, 'leader');
  assert.equal(chief.core.readIndex().kind, 'accepted', 'the room is free again');
});

test('H122: a read to a leader of the past is refused in words that depose nobody', () => {
  const old = solo({ term: 9 });
  const answer = old.hear('2->1 readIndex ticket=4');
  assert.deepEqual(answer, ['1->2 readIndexResponse ticket=4 refused']);
  assert.deepEqual(into(solo(), 'candidate').hear('2->1 readIndex ticket=4'), answer);
  const asker = solo({ id: 2 });
  asker.hear('1->2 heartbeat term=2');
  assert.equal(outcomeOf(asker, '3->2 readIndexResponse ticket=1 refused'), 'handled');
  assert.deepEqual(asker.takeReady().readDrops, [{ ticket: 1, reason: 'leaderChanged' }]);
  assert.equal(asker.core.basicStatus().lead, 1);
});

test('H122: a read without a leader is refused at once', () => {
  assert.deepEqual(solo().core.readIndex(), { kind: 'refused', reason: 'noLeader' });
});

test('H123: a round is confirmed by both majorities of a joint config', () => {
  const chief = leader({ config: 'voters(1 4 5) outgoing(1 2 3)' });
  chief.hear('2->1 appendResponse term=2 index=2');
  chief.hear('4->1 appendResponse term=2 index=2');
  const answered = (from: number): number => {
    chief.step(parseMessage(`${from}->1 heartbeatResponse term=2 round=1`));
    const { readStates } = chief.takeReady();
    chief.write();
    chief.send();
    chief.finish();
    return readStates.length;
  };
  chief.core.readIndex();
  chief.work();
  assert.deepEqual([answered(4), answered(5), answered(2)], [0, 0, 1]);
});

test('H123: a round that waits is confirmed by the config that comes into force', () => {
  const net = new Network({ voters: [1, 2, 3, 4] });
  net.elect(1);
  net.isolate(4);
  net.losing = ({ from, kind }) => kind === 'heartbeatResponse' && from === 3;
  const ticket = net.askRead(1);
  net.settle();
  assert.equal(net.answerTo(1, ticket), 'waiting', 'two of four');
  net.change(1, 'r4');
  assert.equal(net.answerTo(1, ticket), 2, 'two of three');
});

test('H124: a lease answers at once, for as long as nobody else can be elected', () => {
  const net = new Network({ options: { reads: 'lease' } });
  net.elect(1);
  net.tickAll(1);
  net.isolate(1);
  const sentBefore = net.sent.length;
  const ticket = net.askRead(1);
  net.work(1);
  assert.equal(net.answerTo(1, ticket), 2);
  assert.equal(net.sent.length, sentBefore, 'nobody was asked');
  // electionTicks 10, less 2 for the borders of ticks, less a margin of 1.
  for (let i = 1; i <= 9; i++) {
    net.tick(1);
    assert.equal(net.read(1), i <= 7 ? 2 : 'waiting', `${i} ticks later`);
  }
  net.tick(1, 10);
  net.settle();
  assert.equal(net.role(1), 'follower');
  assert.equal(net.read(1), 'noLeader');
});

test('H124: a lease counts from when its round was sent, however late the answers come', () => {
  // Sent at ticks 1 and 2, good for seven more: electionTicks 10, less 2, less a margin of 1.
  for (const [round, lastTick] of [
    [1, 8],
    [2, 9],
  ] as const) {
    const chief = leader({ options: { checkQuorum: true, reads: 'lease' } });
    chief.hear('2->1 appendResponse term=2 index=2');
    ticks(chief, 6);
    chief.hear(`2->1 heartbeatResponse term=2 round=${round}`);
    // What comes again, or overtaken, is older news and adds nothing.
    ticks(chief, 1);
    chief.hear(`3->1 heartbeatResponse term=2 round=${round}`);
    chief.hear('3->1 heartbeatResponse term=2 round=1');
    for (let tick = 7; tick <= 9; tick++) {
      chief.core.readIndex();
      const answers = chief.takeReady().readStates.length;
      const expected = tick <= lastTick ? 1 : 0;
      assert.equal(answers, expected, `round ${round}, a read at tick ${tick}`);
      chief.write();
      chief.send();
      chief.finish();
      ticks(chief, 1);
    }
  }
});

test('H124: answers that come after the next leader was elected give no lease', () => {
  const net = new Network({ options: { reads: 'lease' } });
  net.elect(1);
  net.tick(1);
  net.work(1);
  for (const heartbeat of net.queue.splice(0)) net.deliver(heartbeat);
  net.work(2, 3);
  const answers = net.queue.splice(0);
  assert.equal(answers.length, 2);
  // From here on nothing else gets through. When node 1 hears the answers to its tick 1 it is at
  // tick 9, and the voters, whose clocks are quicker by the margin, have waited their ten ticks.
  net.isolate(1);
  net.tick(1, 8);
  for (const id of [2, 3]) {
    net.at(id).core.setElectionTimeout(99);
    net.tick(id, 10);
  }
  net.campaign(2);
  net.propose(2, 'a');
  assert.deepEqual(net.leaders, [1, 2], 'the old leader has not heard of the new one');
  for (const answer of answers) net.at(1).step(answer);
  assert.equal(net.read(1), 'waiting', 'an answer would miss what node 2 committed');
});

test('H124: there is no lease in the safe mode, nor before a round is confirmed', () => {
  const safe = leader({ options: { checkQuorum: true } });
  safe.hear('2->1 appendResponse term=2 index=2');
  safe.core.readIndex();
  assert.equal(safe.takeReady().readStates.length, 0);
  const fresh = leader({ options: { checkQuorum: true, reads: 'lease' } });
  fresh.hear('2->1 appendResponse term=2 index=2');
  fresh.core.readIndex();
  assert.equal(fresh.takeReady().readStates.length, 0);
});

test('H124: leases without a quorum check are a mistake of the host', () => {
  assert.throws(() => solo({ options: { checkQuorum: false, reads: 'lease' } }), /R53/);
});

test('H124: a change of the config ends the lease', () => {
  const net = new Network({ options: { reads: 'lease' } });
  net.elect(1);
  net.tickAll(1);
  net.change(1, 'v4');
  net.isolate(1);
  assert.equal(net.read(1), 'waiting');
});

test('H124: a lease ends with the leadership, also for who leads again', () => {
  const chief = leader({ options: { checkQuorum: true, reads: 'lease' } });
  chief.hear('2->1 appendResponse term=2 index=2');
  ticks(chief, 5);
  chief.hear('2->1 heartbeatResponse term=2 round=5');
  chief.hear('2->1 heartbeat term=3');
  // The clock of the new leadership begins at 0: a lease from tick 5 would lie ahead of it.
  into(chief, 'leader');
  chief.hear('2->1 appendResponse term=4 index=3');
  const answersNow = (): number => {
    chief.core.readIndex();
    const answers = chief.takeReady().readStates.length;
    chief.write();
    chief.send();
    chief.finish();
    return answers;
  };
  assert.equal(answersNow(), 0);
  ticks(chief, 1);
  chief.hear('2->1 heartbeatResponse term=4 round=7');
  assert.equal(answersNow(), 1, 'a round of its own gives it a lease');
});

test('H124: a voter that restarts keeps the lease that it may have granted', () => {
  const voter = solo({ term: 2, options: { checkQuorum: true, reads: 'lease' } });
  voter.core.setElectionTimeout(99);
  ticks(voter, 9);
  assert.equal(outcomeOf(voter, '2->1 vote term=3 log=1/1'), 'leaseHolds');
  ticks(voter, 1);
  const answer = voter.hear('2->1 vote term=3 log=1/1');
  assert.deepEqual(answer, ['1->2 voteResponse term=3 granted']);
});

test('H126: the only voter answers no read before its own term has a commit', () => {
  const net = new Network({ voters: [1] });
  net.elect(1);
  net.propose(1, 'a');
  net.crash(1);
  net.restart(1);
  assert.equal(net.read(1), 'noLeader');
  net.elect(1);
  assert.equal(net.read(1), 4);
});
