import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../../base/prng.ts';
import { LEAVE_JOINT } from './confchange-codec.ts';
import type { RaftConfig } from './config.ts';
import { RaftCore } from './core.ts';
import { MemoryLog } from './memory-log.ts';
import { draftMessage } from './message.ts';
import type { Ready } from './outputs.ts';
import type { ConfState, Entry, Message, MessageKind } from './types.ts';

const NO_BYTES = new Uint8Array(0);

function votersOf(...voters: readonly number[]): ConfState {
  return { voters, votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false };
}

/** A log that begins with a snapshot at index 1, as founders have it. */
function foundersLog(...voters: readonly number[]): MemoryLog {
  const log = new MemoryLog();
  log.applySnapshot({ index: 1, term: 1, confState: votersOf(...voters), data: NO_BYTES });
  return log;
}

function coreOf(id: number, log: MemoryLog, options: Partial<RaftConfig> = {}): RaftCore {
  const random = Prng.from(id, 'core');
  const ticks = { electionTicks: 10, heartbeatTicks: 1, appliedIndex: 1 };
  return new RaftCore({ id, log, random, ...ticks, preVote: false, ...options });
}

/** Does what a Ready asks, without sending anything. */
function work(core: RaftCore, log: MemoryLog): Ready {
  const ready = core.ready();
  if (ready.snapshot !== undefined) log.applySnapshot(ready.snapshot);
  if (ready.hardState !== undefined) log.setHardState(ready.hardState);
  log.append(ready.entries);
  core.advance();
  return ready;
}

function workAll(core: RaftCore, log: MemoryLog): Ready[] {
  const readys: Ready[] = [];
  while (core.hasReady()) readys.push(work(core, log));
  return readys;
}

function message(kind: MessageKind, fields: Partial<Message>): Message {
  return { ...draftMessage(kind, 2, 1, 1), ...fields };
}

/** The leader of voters 1 2 3 in term 1, with its first entry (index 2) committed by node 2. */
function leaderOfThree(options: Partial<RaftConfig> = {}): { core: RaftCore; log: MemoryLog } {
  const log = foundersLog(1, 2, 3);
  const core = coreOf(1, log, options);
  core.campaign();
  workAll(core, log);
  core.step(message('voteResponse', {}));
  workAll(core, log);
  core.step(message('appendResponse', { index: 2 }));
  workAll(core, log);
  assert.equal(core.basicStatus().commit, 2);
  return { core, log };
}

function entry(index: number, term: number): Entry {
  return { index, term, kind: 'normal', payload: NO_BYTES };
}

test('[R62] without anything to do the Ready is empty, and hasReady says so', () => {
  const log = foundersLog(1, 2, 3);
  const core = coreOf(1, log);
  assert.equal(core.hasReady(), false);
  const { entries, hardState, messages, mustSync, softState } = work(core, log);
  assert.deepEqual(
    { entries, hardState, messages, mustSync, softState },
    { entries: [], hardState: undefined, messages: [], mustSync: false, softState: undefined },
  );
});

test('[R61] a Ready that is not advanced stands in the way of the next', () => {
  const core = coreOf(1, foundersLog(1));
  core.campaign();
  core.ready();
  assert.throws(() => core.ready(), /R61/);
});

test('[R12] the only voter leads once its vote is durable, and commits once its entry is', () => {
  const log = foundersLog(1);
  const core = coreOf(1, log);
  core.campaign();
  assert.equal(core.basicStatus().role, 'candidate');
  assert.deepEqual(work(core, log).hardState, { term: 1, vote: 1, commit: 1 });
  assert.equal(core.basicStatus().role, 'leader');
  assert.equal(core.basicStatus().commit, 1);
  work(core, log);
  assert.equal(core.basicStatus().commit, 2);
});

test('[R22] a machine ahead of the stored commit index lifts it on restart', () => {
  const log = foundersLog(1, 2, 3);
  log.append([entry(2, 1), entry(3, 1)]);
  log.setHardState({ term: 1, vote: 1, commit: 1 });
  const core = coreOf(1, log, { appliedIndex: 3 });
  assert.deepEqual([core.basicStatus().commit, core.basicStatus().applied], [3, 3]);
  assert.throws(() => coreOf(1, log, { appliedIndex: 4 }), /R22/);
});

test('[R13] messages whose fields do not fit are refused, whatever they hold', () => {
  const core = coreOf(1, foundersLog(1, 2, 3));
  const malformed: readonly Message[] = [
    message('append', { term: 0 }),
    message('append', { term: 1.5 }),
    message('append', { term: Number.MAX_SAFE_INTEGER }),
    message('append', { index: -1 }),
    message('append', { index: 1, logTerm: 1, entries: [entry(3, 1)] }),
    message('append', { index: 1, logTerm: 1, entries: [entry(2, 1), entry(2, 1)] }),
    message('append', { index: 1, logTerm: 1, entries: [entry(2, 0)] }),
    message('append', { index: 1, logTerm: 1, entries: [entry(2, 2)] }),
    message('append', { index: 1, logTerm: 1, entries: [{ ...entry(2, 1), kind: 'confChange' }] }),
    message('append', { from: 0 }),
    message('append', { from: 1 }),
    message('append', { to: 3 }),
    message('propose', {}),
    message('snapshot', {}),
    message('snapshot', {
      snapshot: { index: 5, term: 2, confState: votersOf(1), data: NO_BYTES },
    }),
    message('snapshot', {
      snapshot: { index: 5, term: 1, confState: votersOf(1, 1), data: NO_BYTES },
    }),
    message('nonsense' as MessageKind, {}),
  ];
  for (const bad of malformed) assert.equal(core.step(bad), 'malformed', JSON.stringify(bad));
  assert.equal(core.step(message('storageAppendResponse', {})), 'localMessage');
  assert.equal(core.step(message('storageApply', {})), 'localMessage');
  assert.equal(core.step(message('append', { from: -1 })), 'localMessage');
  assert.equal(core.step(message('appendResponse', { from: 9 })), 'unknownPeer');
  assert.equal(core.basicStatus().term, 0);
});

test('[R17] contradictions are reported and change nothing', () => {
  const events: string[] = [];
  const { core, log } = leaderOfThree({
    onEvent: (event) => {
      if (event.kind === 'contradiction') events.push(event.detail);
    },
  });
  assert.equal(core.step(message('appendResponse', { index: 9 })), 'contradiction');
  assert.equal(core.step(message('heartbeat', {})), 'contradiction');
  const { commit, lastIndex, role } = core.basicStatus();
  assert.deepEqual([commit, lastIndex, role], [2, 2, 'leader']);

  core.step(message('heartbeat', { term: 2 }));
  assert.equal(core.step(message('heartbeat', { term: 2, commit: 9 })), 'contradiction');
  const replacing = { term: 2, index: 1, logTerm: 1, entries: [entry(2, 2)] };
  assert.equal(core.step(message('append', replacing)), 'handled', 'late: all of it is committed');
  assert.equal(
    core.step(message('append', { term: 3, index: 2, logTerm: 1, commit: 2 })),
    'handled',
  );
  assert.deepEqual(events, ['acknowledgedBeyondLog', 'twoLeaders', 'logLost']);
  workAll(core, log);
});

test('[R26] a slow peer is served by fetches, one at a time, and never from memory', () => {
  const { core, log } = leaderOfThree({ appendBytesMax: 40 });
  for (let i = 0; i < 6; i++) core.propose([new Uint8Array(8)]);
  workAll(core, log);
  core.step(message('appendResponse', { index: 8 }));
  workAll(core, log);
  log.evictBelow(8);
  // Node 3 comes back with nothing but the snapshot.
  core.step(message('heartbeatResponse', { from: 3 }));
  const sent: number[] = [];
  let fetched = 0;
  for (let round = 0; round < 20 && sent.at(-1) !== 8; round++) {
    const { fetches, messages } = work(core, log);
    assert.ok(fetches.length <= 1, 'one fetch at a time');
    for (const fetch of fetches) {
      assert.deepEqual([fetch.purpose, fetch.peer], ['replicate', 3]);
      fetched += 1;
      log.load(fetch);
      core.logFetched(fetch);
    }
    for (const { entries, from, to } of messages) {
      if (to !== 3 || entries.length === 0) continue;
      sent.push(...entries.map(({ index }) => index));
      core.step(message('appendResponse', { from: to, to: from, index: sent.at(-1) ?? 0 }));
    }
  }
  assert.deepEqual(sent, [2, 3, 4, 5, 6, 7, 8]);
  assert.ok(fetched >= 2, 'the entries came in several fetches');
});

test('[R50] a read is answered by its own round: an earlier response does not count', () => {
  const { core, log } = leaderOfThree();
  const first = core.readIndex();
  const [round] = workAll(core, log).flatMap(({ messages }) => messages);
  assert.equal(round?.kind, 'heartbeat');
  const second = core.readIndex();
  assert.ok(first.kind === 'accepted' && second.kind === 'accepted');
  core.step(message('heartbeatResponse', { context: round?.context ?? 0 }));
  assert.deepEqual(work(core, log).readStates, [{ ticket: first.ticket, index: 2 }]);
  core.step(message('heartbeatResponse', { context: (round?.context ?? 0) + 1 }));
  assert.deepEqual(work(core, log).readStates, [{ ticket: second.ticket, index: 2 }]);
});

test('reads that come between two Readys share one round', () => {
  const { core, log } = leaderOfThree();
  for (let i = 0; i < 100; i++) core.readIndex();
  const { messages } = work(core, log);
  assert.equal(messages.length, 2, 'one heartbeat for each peer');
  core.step(message('heartbeatResponse', { context: messages[0]?.context ?? 0 }));
  assert.equal(work(core, log).readStates.length, 100);
});

test('[R56] a leader that steps down tells everyone whose read it had accepted', () => {
  const { core, log } = leaderOfThree();
  const own = core.readIndex();
  assert.ok(own.kind === 'accepted');
  core.step(message('readIndex', { term: 0, from: 3, context: 77 }));
  workAll(core, log);
  core.step(message('heartbeat', { term: 5 }));
  const { messages, readDrops } = work(core, log);
  assert.deepEqual(readDrops, [{ ticket: own.ticket, reason: 'leaderChanged' }]);
  const answer = messages.find(({ kind }) => kind === 'readIndexResponse');
  assert.deepEqual([answer?.to, answer?.context, answer?.reject, answer?.term], [3, 77, true, 0]);
});

test('[R52] the only voter answers no read before it committed in its own term', () => {
  const log = foundersLog(1);
  const core = coreOf(1, log);
  core.campaign();
  work(core, log);
  const read = core.readIndex();
  assert.ok(read.kind === 'accepted');
  const [elected, committed] = [work(core, log), work(core, log)];
  assert.deepEqual(elected.readStates, []);
  assert.deepEqual(committed.readStates, [{ ticket: read.ticket, index: 2 }]);
});

test('[R53] [R54] a lease serves reads at once, for its time, and not after a TimeoutNow', () => {
  const { core, log } = leaderOfThree({ reads: 'lease' });
  const isServedAtOnce = (): boolean => {
    core.readIndex();
    return workAll(core, log).some(({ readStates }) => readStates.length > 0);
  };
  assert.equal(isServedAtOnce(), false, 'no lease yet');
  core.tick();
  const context = workAll(core, log).flatMap(({ messages }) => messages)[0]?.context ?? 0;
  core.step(message('heartbeatResponse', { context }));
  workAll(core, log);
  assert.equal(isServedAtOnce(), true);
  for (let i = 0; i < 7; i++) core.tick();
  assert.equal(isServedAtOnce(), true, '7 ticks: electionTicks 10, less 2, less 1 for drift');
  core.tick();
  assert.equal(isServedAtOnce(), false);

  const newest = workAll(core, log);
  assert.deepEqual(newest, []);
  core.tick();
  const later = workAll(core, log).flatMap(({ messages }) => messages)[0]?.context ?? 0;
  core.step(message('heartbeatResponse', { context: later }));
  workAll(core, log);
  assert.equal(isServedAtOnce(), true);
  core.transferLeader(2);
  assert.equal(isServedAtOnce(), false, 'TimeoutNow is out');
});

test('[R9] [R53] after a rest the lease is over, and peers have a whole timeout to answer', () => {
  const { core, log } = leaderOfThree({ reads: 'lease' });
  const isServedAtOnce = (): boolean => {
    core.readIndex();
    return workAll(core, log).some(({ readStates }) => readStates.length > 0);
  };
  for (let i = 0; i < 9; i++) core.tick();
  const context =
    workAll(core, log)
      .flatMap(({ messages }) => messages)
      .at(-1)?.context ?? 0;
  core.step(message('heartbeatResponse', { context }));
  workAll(core, log);
  assert.equal(isServedAtOnce(), true);
  core.leaderRested(10);
  const asked = workAll(core, log).flatMap(({ messages }) => messages);
  assert.deepEqual(
    asked.map(({ kind, to }) => `${kind} ${to}`),
    ['heartbeat 2', 'heartbeat 3'],
  );
  assert.equal(isServedAtOnce(), false);
  for (let i = 0; i < 9; i++) core.tick();
  assert.equal(core.basicStatus().role, 'leader', 'nobody had an election timeout to answer');
  core.tick();
  assert.equal(core.basicStatus().role, 'follower', 'nobody answered for one');
  core.leaderRested(10);
  assert.equal(core.basicStatus().role, 'follower', 'it has no office to go on with');
});

test('[R9] [R53] late ticks end a lease and bring heartbeats, and depose nobody', () => {
  const { core, log } = leaderOfThree({ reads: 'lease' });
  core.tick();
  const context = workAll(core, log).flatMap(({ messages }) => messages)[0]?.context ?? 0;
  core.step(message('heartbeatResponse', { context }));
  workAll(core, log);
  for (let i = 0; i < 30; i++) core.tickLate();
  const heartbeats = workAll(core, log).flatMap(({ messages }) => messages);
  assert.ok(heartbeats.length > 0);
  assert.equal(core.basicStatus().role, 'leader');
  core.readIndex();
  assert.ok(workAll(core, log).every(({ readStates }) => readStates.length === 0));
});

test('[R42] a change that could not be applied is not let into the log', () => {
  const { core, log } = leaderOfThree();
  const outcome = core.proposeConfChange({
    version: 2,
    transition: 'auto',
    changes: [1, 2, 3].map((node) => ({ kind: 'remove', node })),
    context: NO_BYTES,
  });
  assert.deepEqual(outcome, { kind: 'ignored', index: 3, reason: 'removedAllVoters' });
  const [ready] = workAll(core, log);
  assert.deepEqual(
    ready?.entries.map(({ kind }) => kind),
    ['normal'],
  );
});

test('[R13] a forwarded change that cannot be read is dropped', () => {
  const { core } = leaderOfThree();
  const entries: readonly Entry[] = [
    { index: 0, term: 0, kind: 'confChangeV2', payload: Uint8Array.of(9) },
  ];
  assert.equal(core.step(message('propose', { term: 0, entries })), 'dropped');
  assert.equal(core.basicStatus().lastIndex, 2);
});

test('[R43] a change refused for its size does not stand in the way of the next', () => {
  const { core } = leaderOfThree({ uncommittedBytesMax: 20 });
  core.propose([new Uint8Array(15)]);
  const add = (context: Uint8Array) =>
    core.proposeConfChange({
      version: 1,
      transition: 'auto',
      changes: [{ kind: 'addLearner', node: 4 }],
      context,
    });
  assert.deepEqual(add(new Uint8Array(30)), { kind: 'refused', reason: 'uncommittedBytes' });
  assert.equal(core.basicStatus().lastIndex, 3);
  assert.equal(add(NO_BYTES).kind, 'refused', 'even the smallest has some payload');
  const leave = core.proposeConfChange(LEAVE_JOINT);
  assert.deepEqual(leave, { kind: 'ignored', index: 4, reason: 'notJoint' }, 'not pendingChange');
});
