// Which read hears what, and when.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, describeRead, text } from '../../../test/support/host-cluster.ts';
import { must } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import { answered, type QueryAnswer } from '../../core/machine.ts';
import type { RaftCore, ReadOutcome } from '../../core/raft/index.ts';
import type { Question, ReplicaState } from '../state/index.ts';
import type { ReadLevel } from '../types.ts';
import { MemberLoad } from './admission.ts';
import { Answers } from './answers.ts';
import { Reads } from './reads.ts';

/** A core that answers when the test says so, and a state that echoes. */
class Scene {
  readonly answers = new Answers();
  readonly reads = new Reads(this.answers, { timeoutMs: 1_000, retryMs: 300 });
  readonly asked: string[] = [];
  readonly heard: string[] = [];
  outcome: ReadOutcome | undefined;
  answer: ((question: Uint8Array) => QueryAnswer) | undefined;
  applied = 5;

  ask(level: ReadLevel, ...questions: string[]): void {
    for (const question of questions) {
      this.reads.add(level, bytes(question), (answer) => this.heard.push(describeRead(answer)), 0);
    }
  }

  hand(nowMs = 0): void {
    const core = {
      readIndex: (byRound: boolean): ReadOutcome => {
        this.asked.push(byRound ? 'round' : 'lease');
        return this.outcome ?? { kind: 'accepted', ticket: this.asked.length };
      },
    };
    this.reads.hand(core as unknown as RaftCore, 2, nowMs);
  }

  news(): string {
    const data = {
      applied: () => ({ term: 1, index: this.applied }),
      ask: ({ body }: Question): QueryAnswer => {
        if (text(body) === 'boom') throw new Error('a bug');
        return this.answer?.(body) ?? answered(body);
      },
    };
    try {
      this.reads.serve(data as unknown as ReplicaState);
    } finally {
      this.answers.deliver();
    }
    return this.heard.splice(0).join(', ');
  }
}

test('[H40] strong reads of a turn share a question, and wait for the state', () => {
  const scene = new Scene();
  scene.ask('strong', 'a', 'b');
  scene.hand();
  assert.deepEqual(scene.asked, ['round']);
  scene.reads.confirm({ ticket: 1, index: 6 }, true);
  assert.equal(scene.news(), '');
  scene.applied = 6;
  assert.equal(scene.news(), 'strong "a", strong "b"');
  assert.ok(scene.reads.isEmpty);
});

test('local reads wait for nobody', () => {
  const scene = new Scene();
  scene.ask('local', 'a');
  scene.hand();
  assert.equal(scene.news(), 'local "a"');
  assert.deepEqual(scene.asked, []);
});

test('[H42] an answer by lease counts only when the time is known', () => {
  const scene = new Scene();
  scene.ask('lease', 'a');
  scene.hand();
  scene.reads.confirm({ ticket: 1, index: 5 }, true);
  assert.equal(scene.news(), 'lease "a"');
  scene.ask('lease', 'b');
  scene.hand();
  scene.reads.confirm({ ticket: 2, index: 5 }, false);
  assert.equal(scene.news(), '');
  scene.hand();
  assert.deepEqual(scene.asked, ['lease', 'lease', 'round']);
  scene.reads.confirm({ ticket: 3, index: 5 }, false);
  assert.equal(scene.news(), 'strong "b"');
});

test('a question that got no answer is put again, until the time is over', () => {
  const scene = new Scene();
  scene.ask('strong', 'a');
  scene.hand(0);
  scene.reads.sweep(299);
  assert.ok(!scene.reads.isGathering);
  scene.reads.sweep(300);
  assert.ok(scene.reads.isGathering);
  scene.hand(300);
  scene.reads.confirm({ ticket: 1, index: 5 }, true);
  assert.equal(scene.news(), '', 'the first question is forgotten');
  scene.reads.sweep(1_000);
  assert.equal(scene.news(), 'refused timeout');
  assert.ok(scene.reads.isEmpty);
});

test('a read whose index is known and whose state never comes is refused in time', () => {
  const scene = new Scene();
  scene.ask('strong', 'a');
  scene.hand();
  scene.reads.confirm({ ticket: 1, index: 9 }, true);
  scene.reads.sweep(1_000);
  assert.equal(scene.news(), 'refused timeout');
});

test('what the core drops or refuses is refused once', () => {
  const scene = new Scene();
  scene.ask('strong', 'a');
  scene.hand();
  scene.reads.drop({ ticket: 1, reason: 'leaderChanged' }, 3);
  scene.reads.confirm({ ticket: 1, index: 5 }, true);
  assert.equal(scene.news(), 'refused notLeader');
  scene.outcome = { kind: 'refused', reason: 'noLeader' };
  scene.ask('strong', 'b');
  scene.hand();
  assert.equal(scene.news(), 'refused noLeader');
});

test('a machine that throws leaves nobody without an answer', () => {
  const scene = new Scene();
  scene.ask('local', 'a', 'boom', 'b');
  assert.throws(() => scene.news(), /a bug/);
  assert.deepEqual(scene.heard, ['local "a"', 'refused stopping', 'local "b"']);
  assert.ok(scene.reads.isEmpty);
});

test('[H20] questions are bounded in number and bytes, and let go of once', () => {
  const load = new MemberLoad();
  const answers = new Answers();
  const shards = [0, 1, 2].map(() => new Reads(answers, { timeoutMs: 100, retryMs: 50 }, load));
  const { memberReadsBytesMax, payloadBytesMax, readsWaitingMax } = LIMITS.replica;
  const [one, two, three] = shards as [Reads, Reads, Reads];
  const ask = (reads: Reads, size: number) => {
    return reads.add('strong', new Uint8Array(size), () => {}, 0);
  };
  assert.equal(ask(one, payloadBytesMax + 1), 'tooLarge');
  for (let i = 0; i < memberReadsBytesMax / payloadBytesMax; i++) {
    assert.equal(ask(i % 2 === 0 ? one : two, payloadBytesMax), undefined);
  }
  assert.equal(ask(three, 1), 'overloaded');
  for (const reads of shards) reads.stop();
  assert.deepEqual([load.reads, load.readBytes], [0, 0]);
  for (let i = 0; i < readsWaitingMax; i++) assert.equal(ask(three, 1), undefined);
  assert.equal(ask(three, 1), 'overloaded');
});

test('[H43] answers that are long come over several turns, one per shard at least', () => {
  const answers = new Answers();
  const load = new MemberLoad();
  const long = {
    applied: () => ({ term: 1, index: 5 }),
    ask: () => answered(new Uint8Array(1024 * 1024)),
  };
  const shards = [0, 1].map(() => new Reads(answers, { timeoutMs: 100, retryMs: 50 }, load));
  let heard = 0;
  for (const reads of shards) {
    for (let i = 0; i < 10; i++) reads.add('local', bytes('a'), () => (heard += 1), 0);
  }
  const turns: number[] = [];
  while (load.reads > 0) {
    for (const reads of shards) reads.serve(long as unknown as ReplicaState);
    answers.deliver();
    turns.push(heard);
  }
  assert.deepEqual(turns, [9, 17, 20]);
  assert.deepEqual(
    shards.map(({ isCutShort, isEmpty }) => [isCutShort, isEmpty]),
    [
      [false, true],
      [false, true],
    ],
  );
});

test('[H43] reads that are put off and then time out ask for no more turns', () => {
  const answers = new Answers();
  const load = new MemberLoad();
  const long = {
    applied: () => ({ term: 1, index: 5 }),
    ask: () => answered(new Uint8Array(1024 * 1024)),
  };
  const reads = new Reads(answers, { timeoutMs: 100, retryMs: 50 }, load);
  for (let i = 0; i < 12; i++) reads.add('strong', bytes('a'), () => {}, 0);
  const core = { readIndex: (): ReadOutcome => ({ kind: 'accepted', ticket: 1 }) };
  reads.hand(core as unknown as RaftCore, 2, 0);
  reads.confirm({ ticket: 1, index: 5 }, true);
  reads.serve(long as unknown as ReplicaState);
  answers.deliver();
  assert.deepEqual([reads.isCutShort, reads.isEmpty], [true, false]);
  reads.sweep(100);
  reads.serve(long as unknown as ReplicaState);
  assert.deepEqual([reads.isCutShort, reads.isEmpty, load.reads], [false, true, 0]);
});

test('at a stop everyone is told', () => {
  const scene = new Scene();
  scene.ask('strong', 'a');
  scene.hand();
  scene.ask('lease', 'b');
  scene.reads.stop();
  assert.equal(scene.news(), 'refused stopping, refused stopping');
});

// --- questions that take more than one turn -----------------------------------------------------

const part = (name: string): QueryAnswer => ({
  kind: 'more',
  part: bytes(name),
  cursor: bytes('c'),
});

test('[H45] what needs more than its budget is asked on, behind the others', () => {
  const scene = new Scene();
  const asked: string[] = [];
  const slices = [part('a'), part('b'), answered(bytes('c'))];
  scene.answer = (question) => {
    asked.push(text(question));
    return text(question) === 'long' ? must(slices.shift(), 'no more') : answered(question);
  };
  scene.ask('local', 'long', 'x', 'y');
  assert.equal(scene.news(), '', 'one slice is enough for a turn');
  assert.equal(scene.reads.isCutShort, true);
  scene.ask('local', 'z');
  assert.equal(scene.news(), 'local "x", local "y"');
  assert.equal(scene.news(), 'local "z", local "abc"');
  assert.deepEqual(asked, ['long', 'x', 'y', 'long', 'z', 'long']);
  assert.equal(scene.reads.isCutShort, false);
  assert.ok(scene.reads.isEmpty);
});

test('[H45] an answer of many parts has an end', () => {
  const scene = new Scene();
  const long = new Uint8Array(1024 * 1024);
  scene.answer = () => ({ kind: 'more', part: long, cursor: long });
  scene.ask('local', 'a');
  for (let i = 0; i < 4; i++) assert.equal(scene.news(), '');
  assert.equal(scene.news(), 'refused tooLarge');
  assert.ok(scene.reads.isEmpty);
});

/** Events as the test says. */
class WaitingScene extends Scene {
  readonly wakes: (() => void)[] = [];
  closed = 0;
  ready = 0;
  override readonly reads = new Reads(
    this.answers,
    { timeoutMs: 1_000, retryMs: 300 },
    new MemberLoad(),
    {
      wait: (_topic, wake) => {
        this.wakes.push(wake);
        return { close: () => void (this.closed += 1) };
      },
      onReady: () => void (this.ready += 1),
    },
  );
  isThere = false;
  override answer = (question: Uint8Array): QueryAnswer => {
    const { isThere } = this;
    return isThere ? answered(question) : { kind: 'wait', topic: question };
  };
}

test('[H45] a read waits for its event, and not in vain', () => {
  const scene = new WaitingScene();
  scene.ask('strong', 'a');
  scene.hand();
  scene.reads.confirm({ ticket: 1, index: 5 }, true);
  assert.equal(scene.news(), '');
  scene.wakes.shift()?.();
  assert.equal(scene.ready, 1);
  assert.equal(scene.news(), '', 'it was another change');
  scene.isThere = true;
  scene.wakes.shift()?.();
  assert.equal(scene.news(), 'strong "a"');
  assert.ok(scene.reads.isEmpty);
});

test('[H45] a read that waited for most of its time must be answered', () => {
  const scene = new WaitingScene();
  scene.ask('local', 'a');
  assert.equal(scene.news(), '');
  scene.reads.sweep(749);
  assert.equal(scene.ready, 0);
  scene.reads.sweep(750);
  assert.deepEqual([scene.ready, scene.closed], [1, 1]);
  scene.isThere = true;
  assert.equal(scene.news(), 'local "a"');
});

test('[H45, H91] who waits for an event hears of the end', () => {
  const scene = new WaitingScene();
  scene.ask('local', 'a', 'b');
  assert.equal(scene.news(), '');
  scene.reads.stop();
  assert.equal(scene.news(), 'refused stopping, refused stopping');
  assert.equal(scene.closed, 2);
  assert.ok(scene.reads.isEmpty);
});
