// B. Elections.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Network } from './network.support.ts';
import type { Options } from './replica.support.ts';
import { into, leader, outcomeOf, solo, standing, ticks } from './solo.support.ts';
import { parseMessage } from './wording.support.ts';

const OLD: Options = { preVote: false, checkQuorum: false, commitInVotes: false };
const PRE_VOTE: Options = { ...OLD, preVote: true };

test('B15: a follower whose time is up raises its term and asks for votes in order', () => {
  const replica = solo({ id: 3, voters: [1, 2, 3, 4, 5], log: '[2/2]' });
  assert.deepEqual(ticks(replica, 10), [
    '3->1 vote term=3 log=2/2',
    '3->2 vote term=3 log=2/2',
    '3->4 vote term=3 log=2/2',
    '3->5 vote term=3 log=2/2',
  ]);
  assert.equal(standing(replica), 'candidate of 3, voted 3, led by 0');
});

test('B16: a candidate that times out begins another term', () => {
  const replica = into(solo(), 'candidate');
  const asked = ticks(replica, 10);
  assert.deepEqual(asked, ['1->2 vote term=3 log=1/1', '1->3 vote term=3 log=1/1']);
  assert.equal(standing(replica), 'candidate of 3, voted 1, led by 0');
});

test('B17: won, lost or pending, for all counts of answers in groups of 1 to 7', () => {
  for (let size = 1; size <= 7; size++) {
    for (let granted = 0; granted < size; granted++) {
      for (let refused = 0; granted + refused < size; refused++) {
        const voters = Array.from({ length: size }, (_, i) => i + 1);
        const replica = into(solo({ voters }), size === 1 ? 'leader' : 'candidate');
        for (let i = 0; i < granted; i++)
          replica.step(parseMessage(`${i + 2}->1 voteResponse term=2`));
        for (let i = 0; i < refused; i++) {
          replica.step(parseMessage(`${size - i}->1 voteResponse term=2 refused`));
        }
        const majority = Math.floor(size / 2) + 1;
        const isLost = size - refused < majority;
        const expected = granted + 1 >= majority ? 'leader' : isLost ? 'follower' : 'candidate';
        const what = `${granted} for, ${refused} against, of ${size}`;
        assert.equal(replica.core.basicStatus().role, expected, what);
      }
    }
  }
});

test('B18: the only voter leads once its own vote is durable, not before', () => {
  const replica = solo({ voters: [1], options: { asyncStorageWrites: true } });
  replica.core.campaign();
  replica.handleReady();
  assert.equal(standing(replica), 'candidate of 2, voted 1, led by 0');
  replica.runDisk();
  assert.equal(standing(replica), 'leader of 2, voted 1, led by 1');
});

test('B19: a candidate gives way to whoever leads its term', () => {
  for (const message of ['append term=2 log=1/1', 'heartbeat term=2']) {
    const replica = into(solo(), 'candidate');
    replica.hear(`2->1 ${message}`);
    assert.equal(standing(replica), 'follower of 2, voted 1, led by 2');
  }
});

test('B20: a vote is refused to a log that is behind, and after another vote', () => {
  // Ours ends with 3/4.
  const cases: readonly [string, number, boolean][] = [
    ['3/4', 0, true],
    ['3/5', 0, true],
    ['4/2', 0, true],
    ['3/4', 2, true],
    ['3/4', 3, false],
    ['3/3', 0, false],
    ['2/9', 0, false],
    ['2/9', 2, false],
    ['4/9', 3, false],
  ];
  for (const [log, vote, granted] of cases) {
    const replica = solo({ log: '[2/2,3/3,3/4]', term: 5, vote });
    const answer = replica.hear(`2->1 vote term=5 log=${log}`);
    const expected = `1->2 voteResponse term=5 ${granted ? 'granted' : 'refused'}`;
    assert.deepEqual(answer, [expected], `${log} after a vote for ${vote}`);
  }
});

test('B20: with equal logs the higher priority wins, a longer log wins over priority', () => {
  const cases: readonly [string, string][] = [
    ['log=3/2 priority=1', 'refused'],
    ['log=3/2 priority=2', 'granted'],
    ['log=3/2 priority=3', 'granted'],
    ['log=3/3', 'granted'],
    ['log=4/2', 'granted'],
    ['log=2/5 priority=9', 'refused'],
  ];
  for (const [words, verdict] of cases) {
    const replica = solo({ log: '[3/2]', options: { priority: 2 } });
    const answer = replica.hear(`2->1 vote term=9 ${words}`);
    assert.deepEqual(answer, [`1->2 voteResponse term=9 ${verdict}`], words);
  }
});

test('B20: [R48] a vote is refused to a log that is behind one that was given up', () => {
  const voteFloor = { index: 4, term: 3 };
  const cases: readonly [string, string, string][] = [
    ['[]', '3/3', 'refused'],
    ['[]', '2/9', 'refused'],
    ['[]', '3/4', 'granted'],
    ['[]', '4/2', 'granted'],
    // What is here counts beside it, and alone from the floor on.
    ['[2/2,3/3]', '3/3', 'refused'],
    ['[2/2,3/3,3/4,3/5]', '3/4', 'refused'],
    ['[2/2,4/3]', '4/3', 'granted'],
    ['[2/2,4/3]', '3/9', 'refused'],
  ];
  for (const [log, candidate, verdict] of cases) {
    for (const kind of ['vote', 'preVote']) {
      const replica = solo({ log, options: { voteFloor } });
      const answer = replica.hear(`2->1 ${kind} term=9 log=${candidate}`);
      const expected = new RegExp(`^1->2 ${kind}Response term=\\d ${verdict}$`);
      assert.match(answer.join(), expected, `${kind} ${candidate} with ${log}`);
    }
  }
});

test('B21: a vote request that comes twice is granted twice', () => {
  const replica = solo();
  const first = replica.hear('2->1 vote term=2 log=1/1');
  assert.deepEqual(first, ['1->2 voteResponse term=2 granted']);
  assert.deepEqual(replica.hear('2->1 vote term=2 log=1/1'), first);
});

test('B22: a follower that knows the leader of a term gives no vote in it', () => {
  const replica = solo();
  replica.hear('2->1 heartbeat term=2');
  const answer = replica.hear('3->1 vote term=2 log=9/9');
  assert.deepEqual(answer, ['1->3 voteResponse term=2 refused']);
});

test('B23: term and vote are written before the answer leaves', () => {
  const replica = solo({ options: { asyncStorageWrites: true } });
  replica.step(parseMessage('2->1 vote term=7 log=1/1'));
  replica.handleReady();
  assert.equal(replica.log.initialState().hardState.term, 1);
  const [work] = replica.diskQueue;
  assert.deepEqual([work?.term, work?.vote, work?.responses.length], [7, 2, 1]);
  assert.deepEqual(replica.work(), ['1->2 voteResponse term=7 granted']);
  assert.deepEqual(replica.log.initialState().hardState, { term: 7, vote: 2, commit: 1 });
});

test('B23: without asynchronous writes a Ready with a vote must be synced', () => {
  const replica = solo();
  replica.step(parseMessage('2->1 vote term=7 log=1/1'));
  const ready = replica.takeReady();
  assert.equal(ready.mustSync, true);
  assert.deepEqual(ready.hardState, { term: 7, vote: 2, commit: 1 });
});

test('B24: the own vote counts once it is durable, with asynchronous writes too', () => {
  const replica = solo({ options: { asyncStorageWrites: true } });
  replica.core.campaign();
  replica.handleReady();
  replica.step(parseMessage('2->1 voteResponse term=2'));
  assert.equal(standing(replica), 'candidate of 2, voted 1, led by 0');
  replica.runDisk();
  assert.equal(standing(replica), 'leader of 2, voted 1, led by 1');
});

test('B25: the own vote is not counted after the election is lost', () => {
  const replica = solo({ options: { asyncStorageWrites: true } });
  replica.core.campaign();
  replica.handleReady();
  replica.step(parseMessage('2->1 voteResponse term=2 refused'));
  replica.step(parseMessage('3->1 voteResponse term=2 refused'));
  assert.equal(standing(replica), 'follower of 2, voted 1, led by 0');
  replica.work();
  assert.equal(standing(replica), 'follower of 2, voted 1, led by 0');
});

test('B25: the own pre-vote that comes late is not counted as a vote', () => {
  const replica = solo({ options: { asyncStorageWrites: true, preVote: true } });
  replica.core.campaign();
  replica.handleReady();
  const own = replica.diskQueue.shift()?.responses[0];
  replica.step(parseMessage('2->1 preVoteResponse term=2'));
  replica.step(parseMessage('3->1 preVoteResponse term=2'));
  assert.equal(standing(replica), 'candidate of 2, voted 1, led by 0');
  assert(own !== undefined);
  assert.equal(replica.step(own), 'stale');
  replica.handleReady();
  replica.step(parseMessage('2->1 voteResponse term=2'));
  assert.equal(standing(replica), 'candidate of 2, voted 1, led by 0', 'one vote is not two');
});

test('B25: the vote for an earlier term is not counted in a later one', () => {
  const replica = solo({ options: { asyncStorageWrites: true } });
  replica.core.campaign();
  replica.handleReady();
  replica.core.campaign();
  replica.handleReady();
  replica.step(parseMessage('2->1 voteResponse term=3'));
  replica.runDisk();
  assert.equal(standing(replica), 'candidate of 3, voted 1, led by 0');
  replica.runDisk();
  assert.equal(standing(replica), 'leader of 3, voted 1, led by 1');
});

test('B25: an acknowledgement of an earlier term is not counted for the leader', () => {
  const replica = leader({ options: { asyncStorageWrites: true } });
  replica.core.propose([new Uint8Array(1)]);
  replica.handleReady();
  replica.step(parseMessage('2->1 appendResponse term=9'));
  replica.step(parseMessage('2->1 append term=9 log=1/1 [9/2]'));
  const { commit } = replica.core.basicStatus();
  replica.work();
  assert.equal(replica.core.basicStatus().commit, commit);
  assert.equal(standing(replica), 'follower of 9, voted 0, led by 2');
});

test('B26: a node outside its config, a learner, and one that restores do not campaign', () => {
  for (const setup of [{ voters: [2, 3] }, { voters: [2, 3], learners: [1] }]) {
    const replica = solo(setup);
    assert.equal(replica.core.campaign(), 'notPromotable');
    assert.deepEqual(ticks(replica, 50), []);
    assert.equal(outcomeOf(replica, '2->1 timeoutNow term=1'), 'handled');
    assert.deepEqual(replica.work(), []);
  }
  const restoring = solo({ options: { asyncStorageWrites: true } });
  restoring.step(parseMessage('2->1 snapshot term=2 state=2/8 voters(1 2 3)'));
  assert.equal(restoring.core.campaign(), 'notPromotable');
  restoring.work();
  assert.equal(restoring.core.campaign(), 'started');
});

test('B26: [R48] whose log is behind one that was given up does not campaign', () => {
  const voteFloor = { index: 3, term: 2 };
  const replica = solo({ log: '[2/2]', options: { voteFloor } });
  assert.deepEqual(ticks(replica, 50), []);
  assert.equal(outcomeOf(replica, '2->1 timeoutNow term=2'), 'handled');
  assert.deepEqual(replica.work(), []);
  replica.hear('2->1 append term=2 log=2/2 [2/3:a]');
  assert.equal(replica.core.campaign(), 'started');
});

test('B26: an outgoing voter of a joint config may campaign', () => {
  const replica = solo({ config: 'voters(2 3) outgoing(1 2 3)' });
  assert.equal(replica.core.campaign(), 'started');
});

test('B27: nobody campaigns with a committed config change that is not applied', () => {
  for (const change of ['{v4 old}', '{v4}', '{r3 v4}', '{leave}']) {
    const joint = change === '{leave}' ? ' outgoing(1 2)' : '';
    const replica = solo({
      config: `voters(1 2 3)${joint}`,
      options: { asyncStorageWrites: true },
    });
    replica.step(parseMessage(`2->1 append term=2 log=1/1 [2/2:${change}] commit=2`));
    replica.handleReady();
    replica.runDisk();
    replica.handleReady();
    assert.equal(replica.core.campaign(), 'unappliedConfChange', change);
    for (let i = 0; i < 30; i++) replica.core.tick();
    assert.equal(replica.core.basicStatus().role, 'follower');
    while (replica.runMachine());
    assert.equal(replica.core.campaign(), 'started', change);
  }
});

test('B27: a change that is not committed does not hold an election up', () => {
  const replica = solo({ log: '[2/2:{v4}]' });
  assert.equal(replica.core.campaign(), 'started');
});

test('B28: to campaign as leader does nothing', () => {
  for (const options of [OLD, PRE_VOTE]) {
    const replica = leader({ options });
    assert.equal(replica.core.campaign(), 'alreadyLeader');
    assert.deepEqual(replica.work(), []);
    assert.equal(standing(replica), 'leader of 2, voted 1, led by 1');
  }
});

test('B29: a learner that is asked votes by its log', () => {
  for (const [log, verdict] of [
    ['2/2', 'granted'],
    ['2/1', 'refused'],
  ]) {
    const replica = solo({ voters: [2, 3], learners: [1], log: '[2/2]' });
    const answer = replica.hear(`2->1 vote term=3 log=${log}`);
    assert.deepEqual(answer, [`1->2 voteResponse term=3 ${verdict}`]);
  }
});

test('B30: a leader replaces newer entries that were not committed', () => {
  for (const options of [OLD, PRE_VOTE]) {
    // Node 1 led term 2; node 3 led term 3 and lost touch; 4 and 5 voted for it and have nothing.
    const logs = { 1: [2], 2: [2], 3: [3] };
    const net = new Network({ voters: [1, 2, 3, 4, 5], logs, options });
    for (const id of [4, 5]) net.at(id).hear(`3->${id} vote term=3 log=3/2`);
    net.isolate(3);
    net.campaign(1);
    if (net.role(1) !== 'leader') net.campaign(1);
    if (net.role(1) !== 'leader') net.campaign(1);
    assert.equal(net.role(1), 'leader');
    net.heal();
    net.tickAll(2);
    assert.equal(net.at(3).log.term(2), 2);
    assert.equal(net.commit(3), net.commit(1));
  }
});

test('B31: of two candidates at once, the one with the better reach wins and rules both', () => {
  for (const options of [OLD, PRE_VOTE]) {
    const net = new Network({ options });
    net.cut(1, 3);
    net.at(1).core.campaign();
    net.at(3).core.campaign();
    net.settle();
    assert.equal(net.role(1), 'leader');
    // Node 2 promised a vote to both, and gave it to the first.
    assert.equal(net.role(3), 'candidate');
    net.heal();
    net.campaign(3);
    const terms = net.ids.map((id) => net.term(id));
    // A real campaign takes everyone into its term, though a log that is behind never wins.
    assert.deepEqual(terms, options.preVote === true ? [2, 2, 2] : [3, 3, 3]);
    assert.equal(net.role(3), 'follower');
    assert.equal(net.leaders.length, options.preVote === true ? 1 : 0);
  }
});

test('B32: each node in turn can become leader', () => {
  for (const options of [OLD, PRE_VOTE, {}]) {
    const net = new Network({ options });
    for (const id of [1, 2, 3, 1, 3, 2]) {
      const [old] = net.leaders;
      if (old === undefined) net.elect(id);
      else assert(old === id || net.transfer(old, id) === 'started');
      assert.deepEqual(net.leaders, [id]);
      for (const other of net.ids) assert.equal(net.lead(other), id);
    }
  }
});

test('B33: a vote request of a later term is granted in every role, a pre-vote too', () => {
  for (const role of ['follower', 'preCandidate', 'candidate', 'leader'] as const) {
    const options = role === 'preCandidate' ? PRE_VOTE : OLD;
    const voter = into(solo({ options }), role);
    const log = voter.core.basicStatus().lastIndex > 1 ? '2/2' : '1/1';
    const term = voter.core.basicStatus().term + 1;
    const before = standing(voter);
    const pre = voter.hear(`2->1 preVote term=${term} log=${log}`);
    assert.deepEqual(pre, [`1->2 preVoteResponse term=${term} granted`], role);
    assert.equal(standing(voter), before);
    const answer = voter.hear(`2->1 vote term=${term} log=${log}`);
    assert.deepEqual(answer, [`1->2 voteResponse term=${term} granted`], role);
    assert.equal(standing(voter), `follower of ${term}, voted 2, led by 0`);
  }
});
