import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.ts';
import type { WriteOutcome } from '../types.ts';
import {
  answered,
  applied,
  bytesOf,
  commandOf,
  RequestWorld,
  refused,
} from './requests.support.ts';
import type { ShardClient } from './shard-client.ts';

class Ask {
  outcome: WriteOutcome | undefined;
  isRepeated = false;
  afterMs = -1;

  constructor(world: RequestWorld, client: ShardClient, ms: number, isRepeatable = false) {
    const startedMs = world.clock.monotonicMs();
    client.propose(commandOf('c'), ms, isRepeatable, (outcome, isRepeated) => {
      assert.equal(this.outcome, undefined, 'an outcome is told once');
      this.outcome = outcome;
      this.isRepeated = isRepeated;
      this.afterMs = world.clock.monotonicMs() - startedMs;
    });
    assert.equal(this.outcome, undefined, 'never within the call');
  }
}

test('[Q9] a client that was told who leads asks there the next time', () => {
  const world = new RequestWorld();
  world.elect(3);
  const client = world.client();
  const first = new Ask(world, client, 500);
  world.clock.run(10);
  const second = new Ask(world, client, 500);
  world.clock.run(10);
  assert.deepEqual([first.outcome, second.outcome], [applied(5), applied(5)]);
  assert.deepEqual(world.trail, ['0->1', '1->3', '0->3']);
});

test('[Q9] a dead leader is left for the others, one after the other', () => {
  const world = new RequestWorld();
  world.fateOf = (member) => (member === 3 ? undefined : { kind: 'refused', reason: 'down' });
  world.host(3).onPropose = () => applied(8);
  const ask = new Ask(world, world.client(), 500);
  world.clock.run(500);
  assert.deepEqual(ask.outcome, applied(8));
  assert.deepEqual(world.trail, ['0->1', '0->2', '0->3']);
});

test('commands of one turn travel together', () => {
  const world = new RequestWorld();
  world.elect(1);
  const client = world.client();
  const asks = Array.from({ length: 10 }, () => new Ask(world, client, 500));
  assert.deepEqual(world.expected, [1], 'the connection knows that its turn has work');
  world.clock.run(10);
  assert.equal(world.trail.length, 1);
  assert(asks.every(({ outcome }) => outcome?.kind === 'applied'));
});

test('[Q5] what was refused without effect is sent again until it is taken', () => {
  const world = new RequestWorld();
  const refusals: WriteOutcome[] = [
    refused('noLeader'),
    refused('overloaded'),
    refused('replaced'),
  ];
  for (const host of world.hosts.values()) host.onPropose = () => refusals.shift() ?? applied(6);
  const ask = new Ask(world, world.client(), 500);
  world.clock.run(500);
  assert.deepEqual(ask.outcome, applied(6));
});

test('[Q5] a command that may have had its effect is not sent again', () => {
  const world = new RequestWorld();
  const doubt: WriteOutcome = { kind: 'unknown', reason: 'leaderChanged' };
  world.host(1).onPropose = () => doubt;
  const ask = new Ask(world, world.client(), 500);
  world.clock.run(500);
  assert.deepEqual(ask.outcome, doubt);
  assert.equal(world.trail.length, 1);
});

test('[Q5] unless that is harmless', () => {
  const world = new RequestWorld();
  world.host(1).onPropose = () => ({ kind: 'unknown', reason: 'leaderChanged' });
  world.host(2).onPropose = () => applied(7);
  const ask = new Ask(world, world.client(), 500, true);
  world.clock.run(500);
  assert.deepEqual([ask.outcome, ask.isRepeated], [applied(7), true]);
});

test('[Q5] once in doubt, a later refusal is no proof that nothing happened', () => {
  const world = new RequestWorld();
  world.host(1).onPropose = () => ({ kind: 'unknown', reason: 'leaderChanged' });
  for (const member of [2, 3]) world.host(member).onPropose = () => refused('tooLarge');
  const ask = new Ask(world, world.client(), 500, true);
  world.clock.run(500);
  assert.equal(ask.outcome?.kind, 'unknown');
});

test('[Q5] when the time is over, what was refused each time is refused', () => {
  const world = new RequestWorld();
  for (const host of world.hosts.values()) host.onPropose = () => refused('noLeader');
  const ask = new Ask(world, world.client(), 300);
  world.clock.run(1_000);
  assert.deepEqual(ask.outcome, refused('noLeader'));
  assert(ask.afterMs >= 200 && ask.afterMs <= 400, `after ${ask.afterMs} ms`);
  assert(world.trail.length < 20, `${world.trail.length} attempts: the pauses grow`);
});

test('[Q5] a member that stays silent is left after an attempt, if that is harmless', () => {
  const world = new RequestWorld();
  world.elect(2);
  world.host(1).onPropose = () => undefined;
  const ask = new Ask(world, world.client(100), 1_000, true);
  world.clock.run(1_000);
  assert.equal(ask.outcome?.kind, 'applied');
  assert(ask.afterMs >= 100 && ask.afterMs < 200);
});

test('a closed client gives up what waits to be sent again, and takes nothing more', () => {
  const world = new RequestWorld();
  for (const host of world.hosts.values()) host.onPropose = () => refused('noLeader');
  const client = world.client();
  const waiting = new Ask(world, client, 10_000);
  world.clock.run(20);
  client.close();
  const late = new Ask(world, client, 10_000);
  world.clock.run(200);
  assert.equal(waiting.outcome?.kind, 'refused');
  assert.deepEqual(late.outcome, refused('stopping'));
});

test('a closed client asks nothing again, and nothing new', () => {
  const world = new RequestWorld();
  for (const host of world.hosts.values()) {
    host.onRead = () => ({ kind: 'refused', reason: 'noLeader', leader: 0 });
  }
  const client = world.client();
  const heard: string[] = [];
  const read = (): void => {
    client.read('strong', bytesOf('q'), 10_000, (answer) => {
      heard.push(answer.kind === 'refused' ? answer.reason : answer.kind);
    });
  };
  read();
  world.clock.run(1);
  client.close();
  const asked = world.trail.length;
  assert.deepEqual(heard, ['noLeader'], 'nobody waits for what will not be asked');
  read();
  assert.equal(heard.length, 1, 'never within the call');
  world.clock.run(1_000);
  assert.deepEqual(heard, ['noLeader', 'stopping']);
  assert.equal(world.trail.length, asked);
});

test('commands that travel together have as much time as the one that has least', () => {
  const world = new RequestWorld();
  world.host(1).onPropose = () => undefined;
  const client = world.client();
  const asks = [540, 500, 520].map((ms) => new Ask(world, client, ms));
  world.clock.run(1_000);
  assert.deepEqual(
    asks.map(({ afterMs }) => afterMs),
    [500, 500, 500],
  );
  assert.equal(world.trail.length, 1);
});

test('[Q8] a command that makes no sense is refused here, and not with those beside it', () => {
  const world = new RequestWorld();
  world.elect(1);
  const client = world.client();
  const heard: WriteOutcome[] = [];
  for (const payload of [bytesOf(''), commandOf('c')]) {
    client.propose(payload, 500, false, (outcome) => heard.push(outcome));
  }
  world.clock.run(10);
  assert.deepEqual(heard, [refused('malformed'), applied(5)]);
});

test('[Q9] reads find the leader as well, and local ones the member they are for', () => {
  const world = new RequestWorld();
  world.elect(3);
  const client = world.client();
  const heard: unknown[] = [];
  client.read('strong', bytesOf('q'), 500, (answer) => heard.push(answer));
  world.clock.run(50);
  world.host(2).onRead = () => answered('old');
  client.read('local', bytesOf('q'), 500, (answer) => heard.push(answer), 2);
  world.clock.run(50);
  assert.deepEqual(heard, [answered('x'), answered('old')]);
  assert.deepEqual(world.trail, ['0->1', '1->3', '0->2']);
});

test('[Q9] a read that gets no answer is asked again until its time is over', () => {
  const world = new RequestWorld();
  world.elect(2);
  world.fateOf = (member) =>
    member === 2 && world.clock.monotonicMs() < 1_200
      ? { kind: 'unknown', reason: 'connectionLost' }
      : undefined;
  let heard: unknown;
  world.client().read('strong', bytesOf('q'), 1_000, (answer) => {
    heard = answer;
  });
  world.clock.run(1_000);
  assert.deepEqual(heard, answered('x'));
});

test('what no member would take is refused without asking one', () => {
  const world = new RequestWorld();
  const client = world.client();
  const heard: unknown[] = [];
  const huge = new Uint8Array(LIMITS.replica.payloadBytesMax + 1);
  client.propose(huge, 500, false, (outcome) => heard.push(outcome));
  client.read('strong', huge, 500, (answer) => heard.push(answer));
  assert.deepEqual(heard, []);
  world.clock.run();
  assert.deepEqual(heard, [refused('tooLarge'), refused('tooLarge')]);
  assert.deepEqual(world.trail, []);
});
