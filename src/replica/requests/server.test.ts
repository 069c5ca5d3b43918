import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { LIMITS } from '../../base/limits.ts';
import type { RequestOutcome } from '../../engine/transport/index.ts';
import { REQUEST_KIND } from '../codec/index.ts';
import type { WriteOutcome } from '../types.ts';
import { decodeProposeAnswer, decodeReadReply, type ProposeAnswer } from './answers.ts';
import { encodePropose, encodeRead } from './bodies.ts';
import {
  answered,
  applied,
  bytesOf,
  commandOf,
  RequestWorld,
  refused,
  textOf,
} from './requests.support.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What a client hears that asks `member` to carry out `commands`. */
function propose(
  world: RequestWorld,
  member: number,
  commands: readonly string[],
  ms = 500,
): ProposeAnswer {
  const body = encodePropose({ shard: 7, isForwarded: false, commands: commands.map(commandOf) });
  let heard: RequestOutcome | undefined;
  world.request(member, REQUEST_KIND.propose, body, ms, (outcome) => {
    assert.equal(heard, undefined, '[Q1] answered once');
    heard = outcome;
  });
  world.clock.run(ms);
  assert(heard?.kind === 'answered');
  const answer = decodeProposeAnswer(heard.body);
  assert(answer !== undefined);
  return answer;
}

function reasons({ outcomes }: ProposeAnswer): string[] {
  return outcomes.map((outcome) => ('reason' in outcome ? outcome.reason : outcome.kind));
}

test('[Q1] the leader answers all commands of a request in their order', () => {
  const world = new RequestWorld();
  let index = 10;
  world.host(1).onPropose = (payload) =>
    textOf(payload) === 'no' ? refused('tooLarge') : applied(index++, textOf(payload));
  const { outcomes } = propose(world, 1, ['a', 'no', 'b']);
  assert.deepEqual(outcomes, [applied(10, 'a'), refused('tooLarge'), applied(11, 'b')]);
  assert.deepEqual(world.host(1).proposed, ['7:a', '7:no', '7:b']);
});

test('[Q1] the answer waits for the last command', () => {
  const world = new RequestWorld();
  const body = encodePropose({ shard: 7, isForwarded: false, commands: [commandOf('a')] });
  world.host(1).onPropose = () => undefined;
  let isAnswered = false;
  world.request(1, REQUEST_KIND.propose, body, 500, ({ kind }) => {
    isAnswered = kind === 'answered';
  });
  world.clock.run(499);
  assert.equal(isAnswered, false);
});

test('[Q2] a follower passes commands on, and says who leads', () => {
  const world = new RequestWorld();
  world.elect(3);
  const answer = propose(world, 1, ['a', 'b']);
  assert.deepEqual(answer, { leader: 3, outcomes: [applied(5), applied(5)] });
  assert.deepEqual(world.trail, ['0->1', '1->3']);
});

test('[Q2] two members that take each other for the leader do not pass in circles', () => {
  const world = new RequestWorld();
  world.host(1).onPropose = () => refused('notLeader', 2);
  world.host(2).onPropose = () => refused('notLeader', 1);
  const answer = propose(world, 1, ['a']);
  assert.deepEqual(answer, { leader: 0, outcomes: [refused('notLeader', 1)] });
  assert.deepEqual(world.trail, ['0->1', '1->2']);
});

test('[Q2] what this member took itself is not passed on with the rest', () => {
  const world = new RequestWorld();
  world.elect(2);
  const outcomes = new Map<string, WriteOutcome>([
    ['mine', applied(4)],
    ['doubt', { kind: 'unknown', reason: 'leaderChanged' }],
    ['late', refused('notLeader', 2)],
  ]);
  world.host(1).onPropose = (payload) => outcomes.get(textOf(payload));
  const answer = propose(world, 1, ['mine', 'doubt', 'late']);
  assert.deepEqual(reasons(answer), ['applied', 'leaderChanged', 'applied']);
  assert.deepEqual(world.host(2).proposed, ['7:late']);
});

const FATES: readonly (readonly [RequestOutcome, string, string])[] = [
  [{ kind: 'refused', reason: 'down' }, 'refused', 'noLeader'],
  [{ kind: 'refused', reason: 'noHandler' }, 'refused', 'noLeader'],
  [{ kind: 'refused', reason: 'full' }, 'refused', 'overloaded'],
  [{ kind: 'unknown', reason: 'timeout' }, 'unknown', 'timeout'],
  [{ kind: 'unknown', reason: 'connectionLost' }, 'unknown', 'connectionLost'],
  [{ kind: 'unknown', reason: 'cancelled' }, 'unknown', 'connectionLost'],
  [{ kind: 'answered', body: bytesOf('nonsense') }, 'unknown', 'connectionLost'],
  [{ kind: 'answered', body: Uint8Array.of(0, 0) }, 'refused', 'malformed'],
];

for (const [fate, kind, reason] of FATES) {
  const name = fate.kind === 'answered' ? `answer of ${fate.body.length} bytes` : fate.reason;
  test(`[Q3] passing on that ends with ${name} is told as ${kind} ${reason}`, () => {
    const world = new RequestWorld();
    world.elect(2);
    world.fateOf = (member) => (member === 2 ? fate : undefined);
    const { outcomes } = propose(world, 1, ['a', 'b']);
    for (const outcome of outcomes) {
      assert.equal(outcome.kind, kind);
      assert.equal('reason' in outcome ? outcome.reason : '', reason);
    }
  });
}

test('[Q3] a leader that did it and whose answer got lost leaves the caller in doubt', () => {
  const world = new RequestWorld();
  world.elect(2);
  world.fateOf = (member) => (member === 2 ? 'lostAnswer' : undefined);
  const body = encodePropose({ shard: 7, isForwarded: false, commands: [commandOf('a')] });
  let heard: string | undefined;
  world.request(1, REQUEST_KIND.propose, body, 500, ({ kind }) => {
    heard = kind;
  });
  world.clock.run(1_000);
  assert.equal(heard, 'unknown');
});

test('[Q4] nothing is passed on for a caller whose time is over', () => {
  const world = new RequestWorld();
  world.elect(2);
  const body = encodePropose({ shard: 7, isForwarded: false, commands: [commandOf('a')] });
  world.request(1, REQUEST_KIND.propose, body, 0, () => {});
  world.clock.run(10);
  assert.deepEqual(world.trail, ['0->1']);
});

test('[Q7] a result that does not fit is told to have happened, without it', () => {
  const world = new RequestWorld();
  const long = 'x'.repeat(3 * 1024 * 1024);
  world.host(1).onPropose = () => applied(5, long);
  assert.deepEqual(reasons(propose(world, 1, ['a', 'b'])), ['applied', 'answerTooLarge']);
});

test('[Q8] the one command that waits does not keep those that were refused with it', () => {
  const world = new RequestWorld();
  const kept: Uint8Array[] = [];
  world.host(1).onPropose = (payload) => {
    if (payload.length > 100) return refused('tooLarge');
    // As hosts do.
    kept.push(new Uint8Array(payload));
    return undefined;
  };
  let answers = 0;
  const before = arrayBufferBytes();
  for (let i = 0; i < 20; i++) {
    const large = commandOf('x'.repeat(500_000));
    const commands = [large, commandOf(`small ${i}`), large];
    const body = encodePropose({ shard: 7, isForwarded: false, commands });
    world.request(1, REQUEST_KIND.propose, body, 500, () => {
      answers += 1;
    });
    world.clock.run();
  }
  const grownBytes = arrayBufferBytes() - before;
  assert.ok(grownBytes < 5_000_000, `${grownBytes} bytes wait of 20 MB that came`);
  for (const settle of world.host(1).waiting) settle(applied(5));
  world.clock.run();
  assert.deepEqual([kept.length, answers], [20, 20]);
});

test('[Q10] a request keeps little beside its bytes while one of its commands waits', () => {
  const world = new RequestWorld();
  const commands = ['w', ...Array.from({ length: 511 }, () => '')].map(commandOf);
  const body = encodePropose({ shard: 7, isForwarded: false, commands }).slice();
  const host = world.host(1);
  host.onPropose = (payload) => (textOf(payload) === 'w' ? undefined : refused('overloaded'));
  const ask = (): void => {
    world.request(1, REQUEST_KIND.propose, body, 500, () => {});
    world.clock.run();
    host.proposed.length = 0;
  };
  ask();
  const before = memoryBytes();
  for (let i = 0; i < 20; i++) ask();
  const keptBytes = (memoryBytes() - before) / 20;
  assert.equal(host.waiting.length, 21);
  assert.ok(keptBytes < 3 * body.length, `${keptBytes} bytes for ${body.length} that came`);
});

test('[Q10] requests beyond what may be open are refused as a whole, until others end', () => {
  const world = new RequestWorld();
  const host = world.host(1);
  host.onPropose = () => undefined;
  const { commandsMax, openCommandsMax } = LIMITS.requests;
  const commands = Array.from({ length: commandsMax }, () => commandOf(''));
  const body = encodePropose({ shard: 7, isForwarded: false, commands }).slice();
  const full = openCommandsMax / commandsMax;
  for (let i = 0; i < full; i++) world.request(1, REQUEST_KIND.propose, body, 500, () => {});
  const before = host.proposed.length;
  assert.deepEqual(propose(world, 1, ['a', 'b']).outcomes, [
    refused('overloaded'),
    refused('overloaded'),
  ]);
  assert.equal(host.proposed.length, before, 'the host is not asked');
  for (const settle of host.waiting.slice(0, commandsMax)) settle(refused('stopping'));
  host.onPropose = () => applied(5);
  assert.deepEqual(propose(world, 1, ['a']).outcomes, [applied(5)]);
});

test('[Q2] what is passed on after others were refused is what was asked', () => {
  const world = new RequestWorld();
  const large = 'x'.repeat(10_000);
  const small = ['a', 'b', 'c'].map((letter) => letter.repeat(50));
  world.elect(2);
  world.host(1).onPropose = (payload) =>
    payload.length > 100 ? refused('tooLarge') : refused('notLeader', 2);
  const commands = small.flatMap((command) => [large, command]);
  const tooLarge = 'tooLarge';
  const heard = reasons(propose(world, 1, commands));
  assert.deepEqual(heard, [tooLarge, 'applied', tooLarge, 'applied', tooLarge, 'applied']);
  assert.deepEqual(
    world.host(2).proposed,
    small.map((command) => `7:${command}`),
  );
});

function memoryBytes(): number {
  const bytes = arrayBufferBytes();
  return bytes + process.memoryUsage().heapUsed;
}

function arrayBufferBytes(): number {
  // The first one lets go of what a second thread is still sweeping when it returns.
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
}

const NONSENSE: readonly (readonly [string, Uint8Array])[] = [
  ['that is none', bytesOf('\u0007')],
  [
    'with one command that is none',
    encodePropose({
      shard: 7,
      isForwarded: false,
      commands: [commandOf('a'), new Uint8Array(0)],
    }).slice(),
  ],
];

for (const [which, body] of NONSENSE) {
  test(`[Q8] a request ${which} is answered without outcomes`, () => {
    const world = new RequestWorld();
    let heard: RequestOutcome | undefined;
    world.request(1, REQUEST_KIND.propose, body, 500, (outcome) => {
      heard = outcome;
    });
    world.clock.run();
    assert(heard?.kind === 'answered');
    assert.deepEqual(decodeProposeAnswer(heard.body), { leader: 0, outcomes: [] });
    assert.deepEqual(world.host(1).proposed, []);
  });
}

function read(world: RequestWorld, member: number): unknown {
  const question = bytesOf('q');
  const body = encodeRead({ shard: 7, isForwarded: false, level: 'strong', question });
  let heard: RequestOutcome | undefined;
  world.request(member, REQUEST_KIND.read, body, 500, (outcome) => {
    heard = outcome;
  });
  world.clock.run(1_000);
  return heard?.kind === 'answered' ? decodeReadReply(heard.body) : heard;
}

test('[Q2] a follower passes reads on once, and says who leads', () => {
  const world = new RequestWorld();
  world.elect(2);
  assert.deepEqual(read(world, 1), { leader: 2, answer: answered('x') });
  assert.deepEqual(world.host(2).asked, ['7:strong:q']);
  world.host(2).onRead = () => ({ kind: 'refused', reason: 'notLeader', leader: 1 });
  const answer = { kind: 'refused', reason: 'notLeader', leader: 1 };
  assert.deepEqual(read(world, 1), { leader: 0, answer });
  assert.deepEqual(world.trail, ['0->1', '1->2', '0->1', '1->2']);
});

test('[Q7] a read whose result fits no frame is refused', () => {
  const world = new RequestWorld();
  world.host(1).onRead = () => answered('x'.repeat(9 * 1024 * 1024));
  const answer = { kind: 'refused', reason: 'tooLarge', leader: 0 };
  assert.deepEqual(read(world, 1), { leader: 0, answer });
});
