import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from '../../sim/index.ts';
import { describeSeed, parseSeed, type Seed, Seeds } from './seeds.ts';

for (const [text, kind] of [
  ['127.0.0.1:10001', 'address'],
  ['[2001:db8::1]:10001', 'address'],
  ['localhost:10001', 'name'],
  ['n1.cluster.example.:7', 'name'],
  ['kafka_1:9092', 'name'],
] as const) {
  test(`${text} is a seed given as ${kind} and prints as it was typed`, () => {
    const seed = parseSeed(text);
    assert.ok(seed !== undefined);
    assert.equal(seed.kind, kind);
    assert.equal(describeSeed(seed), text);
  });
}

for (const text of ['', 'n1', ':1', 'n1:0', 'n1:70000', '300.1.1.1:1', '::1:5', 'a b:1', '-x:1']) {
  test(`"${text}" is no seed`, () => assert.equal(parseSeed(text), undefined));
}

interface Setting {
  readonly world: World;
  readonly seeds: Seeds;
  readonly lines: () => string[];
}

function setUp(texts: readonly string[], families: readonly (4 | 6)[] = [4]): Setting {
  const world = new World({ seed: 1 });
  const parsed = texts.map((text) => parseSeed(text) as Seed);
  const seeds = new Seeds(parsed, new Set(families), world.machine('n1').capabilities);
  return { world, seeds, lines: () => world.journal.lines.map((line) => line.slice(13)) };
}

test('addresses need no look-up; the same address twice counts once', () => {
  const { seeds } = setUp(['10.0.0.2:1', '10.0.0.1:1', '10.0.0.2:1']);
  assert.deepEqual(seeds.addresses, ['10.0.0.1:1', '10.0.0.2:1']);
});

test('a name stands for all its addresses of a family that the member can reach', async () => {
  const { world, seeds } = setUp(['db:9', '10.0.0.1:1']);
  world.network.setName('db', ['10.0.0.8', '2001:db8::8', '10.0.0.9']);
  await world.settle(seeds.resolveAll());
  assert.deepEqual(seeds.addresses, ['10.0.0.1:1', '10.0.0.8:9', '10.0.0.9:9']);
});

test('a name without an address fails the start, naming the seed', async () => {
  const { world, seeds } = setUp(['nowhere:9']);
  await assert.rejects(world.settle(seeds.resolveAll()), /nowhere/);
});

test('a name with addresses of the other family only fails the start and says so', async () => {
  const { world, seeds } = setUp(['db:9']);
  world.network.setName('db', ['2001:db8::8']);
  await assert.rejects(world.settle(seeds.resolveAll()), /db:9 has no IPv4 address/);
});

test('names are looked up again every minute, and the new answer replaces the old', async () => {
  const { world, seeds, lines } = setUp(['db:9', '10.0.0.1:1']);
  world.network.setName('db', ['10.0.0.8']);
  await world.settle(seeds.resolveAll());
  world.network.setName('db', ['10.0.0.9']);
  await world.runFor(59_000);
  assert.deepEqual(seeds.addresses, ['10.0.0.1:1', '10.0.0.8:9']);
  await world.runFor(2_000);
  assert.deepEqual(seeds.addresses, ['10.0.0.1:1', '10.0.0.9:9']);
  assert.equal(lines().filter((line) => line.includes('seed addresses changed')).length, 1);
});

test('an outage of the name service is two log lines, and the old addresses stay', async () => {
  const { world, seeds, lines } = setUp(['db:9']);
  world.network.setName('db', ['10.0.0.8']);
  await world.settle(seeds.resolveAll());
  world.network.setName('db', []);
  await world.runFor(10 * 60_000);
  assert.deepEqual(seeds.addresses, ['10.0.0.8:9']);
  world.network.setName('db', ['10.0.0.8']);
  await world.runFor(2 * 60_000);
  const events = lines().filter((line) => line.includes('resolve'));
  assert.equal(events.length, 2, events.join('\n'));
  assert.match(String(events[0]), /warn.*seed does not resolve/);
  assert.match(String(events[1]), /info.*seed resolves again/);
});

test('after stop nobody is asked any more', async () => {
  const { world, seeds } = setUp(['db:9']);
  world.network.setName('db', ['10.0.0.8']);
  await world.settle(seeds.resolveAll());
  seeds.stop();
  world.network.setName('db', ['10.0.0.9']);
  await world.runFor(5 * 60_000);
  assert.deepEqual(seeds.addresses, ['10.0.0.8:9']);
});
