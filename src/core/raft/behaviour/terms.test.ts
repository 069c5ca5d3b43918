// A. Terms, roles and how a replica starts.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Prng } from '../../../base/prng.ts';
import { MemoryLog } from '../memory-log.ts';
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from '../roles.ts';
import { RaftState } from '../state.ts';
import type { Role } from '../types.ts';
import { plainConfig } from './network.support.ts';
import { foundLog, Replica, STEADY } from './replica.support.ts';
import { into, logOf, outcomeOf, solo, standing, ticks } from './solo.support.ts';

const ROLES: readonly Role[] = ['follower', 'preCandidate', 'candidate', 'leader'];

test('A1: a fresh node is a follower of term 0, without vote and leader', () => {
  const fresh = new Replica(1, new MemoryLog(), {});
  assert.equal(standing(fresh), 'follower of 0, voted 0, led by 0');
  assert.deepEqual(fresh.core.basicStatus().config, plainConfig([]));
});

test('A2: in every role a higher term makes a follower of that term, with its vote free', () => {
  for (const role of ROLES) {
    const replies = ['appendResponse', 'heartbeatResponse', 'voteResponse', 'timeoutNow'];
    for (const kind of replies) {
      const replica = into(solo({ options: { preVote: role === 'preCandidate' } }), role);
      replica.hear(`2->1 ${kind} term=9`);
      if (kind === 'timeoutNow')
        assert.equal(standing(replica), 'candidate of 10, voted 1, led by 0');
      else assert.equal(standing(replica), 'follower of 9, voted 0, led by 0', `${role} ${kind}`);
    }
    for (const kind of ['append', 'heartbeat']) {
      const replica = into(solo({ options: { preVote: role === 'preCandidate' } }), role);
      replica.hear(`2->1 ${kind} term=9 log=1/1`);
      assert.equal(standing(replica), 'follower of 9, voted 0, led by 2', `${role} ${kind}`);
    }
  }
});

test('A3: neither a pre-vote nor its grant of a higher term moves anyone', () => {
  for (const role of ROLES) {
    const replica = into(solo({ options: { preVote: role === 'preCandidate' } }), role);
    const before = standing(replica);
    replica.hear('2->1 preVote term=9 log=1/1');
    assert.equal(standing(replica), before, role);
    replica.hear('2->1 preVoteResponse term=9');
    assert.equal(standing(replica), before, role);
  }
});

test('A4: without pre-votes and quorum checks what is of a lower term is ignored', () => {
  for (const role of ['follower', 'candidate', 'leader'] as const) {
    const replica = into(solo({ log: '[5/2]' }), role);
    const before = standing(replica);
    const stale = ['append', 'heartbeat', 'appendResponse', 'heartbeatResponse', 'vote'];
    for (const kind of [...stale, 'voteResponse', 'timeoutNow']) {
      const message = `2->1 ${kind} term=3 log=1/1`;
      assert.equal(outcomeOf(replica, message), 'stale', `${role} ${kind}`);
      assert.deepEqual(replica.work(), []);
    }
    assert.equal(standing(replica), before);
  }
});

test('A5: with either, an append or heartbeat of a lower term is answered with our own', () => {
  for (const options of [{ preVote: true }, { checkQuorum: true }]) {
    const replica = solo({ term: 5, options });
    for (const kind of ['append', 'heartbeat']) {
      assert.deepEqual(replica.hear(`2->1 ${kind} term=3`), ['1->2 appendResponse term=5 index=0']);
    }
    assert.equal(outcomeOf(replica, '2->1 vote term=3 log=9/9'), 'stale');
  }
});

test('A6: a pre-vote of a lower term is refused in our term', () => {
  for (const preVote of [true, false]) {
    const replica = solo({ term: 5, options: { preVote } });
    const answer = replica.hear('2->1 preVote term=3 log=9/9');
    assert.deepEqual(answer, ['1->2 preVoteResponse term=5 refused']);
  }
});

test('A7: state, log and config are the same after a restart', () => {
  const replica = solo({ config: 'voters(1 2 4) outgoing(1 2 3) learners(5) next(3) auto' });
  replica.hear('2->1 vote term=4 log=1/1');
  replica.hear('2->1 append term=4 log=1/1 [4/2:a,4/3:b] commit=2');
  const before = replica.core.basicStatus();
  replica.crash();
  replica.restart();
  const after = replica.core.basicStatus();
  assert.equal(standing(replica), 'follower of 4, voted 2, led by 0');
  assert.equal(logOf(replica), '4/2 4/3');
  assert.deepEqual(after.config, before.config);
  // The append was written with a sync, the commit index in the same write.
  assert.equal(after.commit, 2);
});

test('A7: a commit index beyond the stored log is a broken disk', () => {
  const log = foundLog({ config: plainConfig([1]), hardState: { commit: 7 } });
  assert.throws(() => new Replica(1, log, {}), /R22/);
});

test('A7: what the machine applied was committed, whatever the stored commit index says', () => {
  const log = foundLog({ config: plainConfig([1, 2]), terms: [1, 1, 1] });
  const replica = new Replica(1, log, { appliedIndex: 3 });
  const { applied, commit } = replica.core.basicStatus();
  assert.deepEqual([applied, commit], [3, 3]);
});

test('A8: a replica starts from a snapshot alone, and from a snapshot with a tail', () => {
  for (const tail of ['', '4/6 4/7']) {
    const log = new MemoryLog();
    const confState = plainConfig([1, 2]);
    log.applySnapshot({ index: 5, term: 4, confState, data: new Uint8Array(0) });
    if (tail !== '') {
      const kind = 'normal';
      const payload = new Uint8Array(0);
      log.append([6, 7].map((index) => ({ term: 4, index, kind, payload })));
    }
    log.setHardState({ term: 4, vote: 0, commit: 5 });
    const replica = new Replica(1, log, {});
    const { applied, commit, config, lastIndex } = replica.core.basicStatus();
    assert.deepEqual([applied, commit, lastIndex], [5, 5, tail === '' ? 5 : 7]);
    assert.deepEqual(config, confState);
    const answer = replica.hear('2->1 append term=4 log=4/5 commit=5');
    assert.deepEqual(answer, ['1->2 appendResponse term=4 index=5']);
  }
});

test('A9: what only the disk or the machine may say is refused from anyone else', () => {
  const replica = solo();
  for (const kind of ['storageAppend', 'storageAppendResponse']) {
    assert.equal(outcomeOf(replica, `2->1 ${kind} term=1 log=1/1`), 'localMessage');
  }
  for (const kind of ['storageApply', 'storageApplyResponse']) {
    assert.equal(outcomeOf(replica, `2->1 ${kind} term=1`), 'localMessage');
  }
});

test('A10: answers of strangers are refused, requests of strangers are not', () => {
  const chief = into(solo(), 'leader');
  for (const kind of ['appendResponse', 'heartbeatResponse', 'voteResponse', 'preVoteResponse']) {
    assert.equal(outcomeOf(chief, `9->1 ${kind} term=2`), 'unknownPeer', kind);
  }
  const follower = solo();
  const answers = [
    ...follower.hear('9->1 append term=2 log=1/1'),
    ...follower.hear('9->1 heartbeat term=2'),
    ...follower.hear('9->1 vote term=3 log=1/1'),
  ];
  assert.deepEqual(answers, [
    '1->9 appendResponse term=2 index=1',
    '1->9 heartbeatResponse term=2',
    '1->9 voteResponse term=3 granted',
  ]);
});

test('A11: roles change only along the arrows', () => {
  const moves = {
    follower: (raft: RaftState) => becomeFollower(raft, raft.term, 0),
    preCandidate: becomePreCandidate,
    candidate: becomeCandidate,
    leader: becomeLeader,
  };
  const allowed: Readonly<Record<Role, readonly Role[]>> = {
    follower: ['follower', 'preCandidate', 'candidate'],
    preCandidate: ['follower', 'preCandidate', 'candidate'],
    candidate: ['follower', 'preCandidate', 'candidate', 'leader'],
    leader: ['follower'],
  };
  for (const from of ROLES) {
    for (const to of ROLES) {
      const log = foundLog({ config: plainConfig([1]) });
      const raft = new RaftState({
        id: 1,
        log,
        random: STEADY,
        electionTicks: 10,
        heartbeatTicks: 1,
      });
      if (from === 'leader') becomeCandidate(raft);
      moves[from](raft);
      const move = (): void => moves[to](raft);
      if (allowed[from].includes(to)) assert.doesNotThrow(move, `${from} to ${to}`);
      else assert.throws(move, /R5/, `${from} to ${to}`);
    }
  }
});

test('A12: timeouts are drawn evenly from E to 2E - 1, in every role', () => {
  const random = Prng.from(12);
  for (const isCandidate of [false, true]) {
    const replica = solo({ options: { random } });
    const counts = new Map<number, number>();
    for (let i = 0; i < 5000; i++) {
      if (isCandidate) replica.core.campaign();
      else replica.hear(`2->1 appendResponse term=${i + 2}`);
      const drawn = replica.core.basicStatus().electionTimeoutTicks;
      counts.set(drawn, (counts.get(drawn) ?? 0) + 1);
    }
    assert.deepEqual(
      [...counts.keys()].toSorted((a, b) => a - b),
      [10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
    );
    for (const count of counts.values()) assert(count > 400 && count < 600, `${count} of 5000`);
  }
});

test('A12: a follower campaigns exactly when its timeout is over', () => {
  const replica = solo();
  replica.core.setElectionTimeout(13);
  assert.deepEqual(ticks(replica, 12), []);
  assert.equal(standing(replica), 'follower of 1, voted 0, led by 0');
  assert.equal(ticks(replica, 1).length, 2);
  assert.equal(standing(replica), 'candidate of 2, voted 1, led by 0');
});

test('A13: of five nodes two are rarely the first to time out together', () => {
  for (const isCandidate of [false, true]) {
    const replicas = [1, 2, 3, 4, 5].map((id) => {
      return solo({ id, voters: [1, 2, 3, 4, 5], options: { random: Prng.from(id) } });
    });
    let conflicts = 0;
    for (let round = 0; round < 1000; round++) {
      const drawn = replicas.map(({ core, id }) => {
        if (isCandidate) core.campaign();
        else replicas[id - 1]?.hear(`${(id % 5) + 1}->${id} appendResponse term=${round + 2}`);
        return core.basicStatus().electionTimeoutTicks;
      });
      const first = Math.min(...drawn);
      if (drawn.filter((ticksLeft) => ticksLeft === first).length > 1) conflicts += 1;
    }
    assert(conflicts > 0 && conflicts <= 300, `${conflicts} of 1000`);
  }
});

test('A14: a seed gives the same messages in another process, to the byte', () => {
  const file = fileURLToPath(new URL('exploration.support.ts', import.meta.url));
  const script = `const { explore } = await import(process.argv[1]);
    console.log(explore(14, 3000).trace.join('\\n'));`;
  const run = (): string => {
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script, file]);
    assert.equal(child.status, 0, child.stderr.toString());
    return child.stdout.toString();
  };
  const first = run();
  assert(first.length > 10_000, 'there was something to compare');
  assert.equal(run(), first);
});
