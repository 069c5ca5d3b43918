import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesOf, RequestWorld, refused } from './requests.support.ts';
import { type CommandOutcome, ShardSession } from './session.ts';

const OPENED = Uint8Array.of(1, 40, 0, 0, 0, 0, 0, 0, 0);
const DONE = (text: string): Uint8Array => Uint8Array.of(0, ...bytesOf(text));

/** A shard that says of each command what the test wants; `kind` is the command's. */
class Shard {
  readonly world = new RequestWorld();
  readonly session = new ShardSession(this.world.client(100));
  readonly heard: CommandOutcome[] = [];
  /** Kind and sequence of the commands that arrived. */
  readonly arrived: string[] = [];
  results: Uint8Array[] = [];
  /** How many commands of the session are carried out without an answer. */
  silent = 0;

  constructor() {
    for (const host of this.world.hosts.values()) {
      host.onPropose = (payload) => {
        const kind = payload[0];
        this.arrived.push(kind === 1 ? `${payload[9]}/${payload[17]}` : `kind ${kind}`);
        if (kind === 2) return { kind: 'applied', index: 40, result: OPENED };
        if (this.silent > 0) {
          this.silent -= 1;
          return { kind: 'unknown', reason: 'leaderChanged' };
        }
        return { kind: 'applied', index: 41, result: this.results.shift() ?? DONE('ok') };
      };
    }
  }

  submit(ms = 1_000): void {
    this.session.submit(bytesOf('c'), ms, (outcome) => this.heard.push(outcome));
  }

  get kinds(): string[] {
    return this.heard.map((outcome) => ('reason' in outcome ? outcome.reason : outcome.kind));
  }
}

test('[Q6] a session opens with its first command and numbers what follows', () => {
  const shard = new Shard();
  shard.submit();
  shard.submit();
  shard.world.clock.run(100);
  assert.deepEqual(shard.arrived, ['kind 2', '40/1', '40/2']);
  const done: CommandOutcome = { kind: 'done', index: 41, result: bytesOf('ok') };
  assert.deepEqual(shard.heard, [done, done]);
});

test('[Q6] opening the session takes of the time of its first command', () => {
  const world = new RequestWorld();
  const startMs = world.clock.monotonicMs();
  for (const host of world.hosts.values()) {
    host.onPropose = (payload) => {
      if (payload[0] !== 2) return undefined;
      if (world.clock.monotonicMs() < startMs + 300) return refused('noLeader');
      return { kind: 'applied', index: 40, result: OPENED };
    };
  }
  let heardMs = 0;
  new ShardSession(world.client()).submit(bytesOf('c'), 500, () => {
    heardMs = world.clock.monotonicMs();
  });
  world.clock.run(2_000);
  assert.equal(heardMs, startMs + 500);
});

test('[Q6] a command in doubt is sent with the same number until it is answered', () => {
  const shard = new Shard();
  shard.silent = 2;
  shard.submit();
  shard.submit();
  shard.world.clock.run(1_000);
  assert.deepEqual(shard.arrived, ['kind 2', '40/1', '40/1', '40/1', '40/2']);
  assert.deepEqual(shard.kinds, ['done', 'done']);
});

test('[Q6] a command whose time is over stays in doubt, and the next has its own number', () => {
  const shard = new Shard();
  shard.silent = 1_000;
  shard.submit(200);
  shard.world.clock.run(400);
  shard.silent = 0;
  shard.submit();
  shard.world.clock.run(100);
  assert.deepEqual(shard.kinds, ['timeout', 'done']);
  assert.equal(shard.arrived.at(-1), '40/2');
});

test('[Q6] a result that was not kept is done all the same', () => {
  const shard = new Shard();
  shard.results = [Uint8Array.of(3)];
  shard.submit();
  shard.world.clock.run(100);
  assert.deepEqual(shard.heard, [{ kind: 'done', index: 41, result: undefined }]);
});

test('[Q6] an expired session refuses what it never saw, and doubts what it may have', () => {
  const shard = new Shard();
  shard.results = [Uint8Array.of(5), Uint8Array.of(5)];
  shard.submit();
  shard.world.clock.run(100);
  shard.silent = 1;
  shard.submit();
  shard.world.clock.run(100);
  assert.deepEqual(shard.heard, [
    { kind: 'refused', reason: 'sessionExpired' },
    { kind: 'unknown', reason: 'sessionExpired' },
  ]);
  assert.deepEqual(shard.arrived, ['kind 2', '40/1', 'kind 2', '40/1', '40/1']);
});

test('[Q6] a session that cannot be opened refuses the command, which was never sent', () => {
  const shard = new Shard();
  for (const host of shard.world.hosts.values()) host.onPropose = () => refused('diskFull');
  shard.submit();
  shard.world.clock.run(100);
  assert.deepEqual(shard.heard, [{ kind: 'refused', reason: 'diskFull' }]);
});

test('[Q6] a closed session is forgotten by the shard', () => {
  const shard = new Shard();
  shard.submit();
  shard.world.clock.run(100);
  let isClosed = false;
  shard.session.close(500, () => {
    isClosed = true;
  });
  shard.world.clock.run(100);
  assert.deepEqual(shard.arrived.at(-1), 'kind 3');
  assert(isClosed);
});

test('[Q6] commands beyond the limit are refused at once, in their turn', () => {
  const shard = new Shard();
  shard.world.host(1).onPropose = () => undefined;
  for (let i = 0; i < 16_385; i++) shard.submit();
  assert.deepEqual(shard.heard, []);
  shard.world.clock.run();
  assert.deepEqual(shard.heard[0], { kind: 'refused', reason: 'overloaded' });
});
