// How a seed becomes a plan, and a failing plan a smaller one.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Prng } from '../../src/base/prng.ts';
import { Links } from '../links.ts';
import { World } from '../world.ts';
import { noCounts } from './counters.ts';
import { FaultBudget } from './fault-budget.ts';
import { FAULT_CLASSES } from './fault-classes.ts';
import { overrideArgs, parseOverrides } from './overrides.ts';
import { cut } from './partitions.ts';
import { drawScenario, type Overrides } from './scenario.ts';
import { shrink } from './shrink.ts';
import { SimMember } from './sim-member.ts';

const NO_EVENTS = { onUp: () => {}, onRefused: () => {}, onFatal: () => {} };

function membersOf(count: number): { world: World; members: SimMember[] } {
  const world = new World({ seed: 1 });
  const scenario = drawScenario(1);
  const ids = Array.from({ length: count }, (_, i) => i + 1);
  const memberOf = (id: number) => new SimMember(id, world.machine(`m${id}`), scenario, NO_EVENTS);
  return { world, members: ids.map(memberOf) };
}

test('fewer than half of the members are frail, and heirs take their place', () => {
  for (const [count, frailMax] of [
    [1, 0],
    [2, 0],
    [3, 1],
    [5, 2],
  ] as const) {
    const { members } = membersOf(count + 1);
    const founders = members.slice(0, count);
    const faultBudget = new FaultBudget(
      founders.map(({ id }) => id),
      Prng.from(7),
    );
    const frail = founders.filter((member) => faultBudget.mayHarm(member));
    assert.equal(frail.length, frailMax);
    const [gone, heir] = [frail[0], members[count]];
    if (gone === undefined || heir === undefined) continue;
    faultBudget.succeed(gone, heir);
    assert.equal(members.filter((member) => faultBudget.mayHarm(member)).length, frailMax);
    assert.ok(faultBudget.mayHarm(heir) && !faultBudget.mayHarm(gone));
  }
});

test('of every shard fewer than half of the members are frail', () => {
  const { members } = membersOf(7);
  const ids = members.map(({ id }) => id);
  const groups = [[1, 2, 3], [3, 4, 5], [6], [6, 7], ids];
  for (let seed = 1; seed <= 50; seed++) {
    const faultBudget = new FaultBudget(ids, Prng.from(seed), groups);
    const isFrail = (id: number): boolean =>
      members.some((m) => m.id === id && faultBudget.mayHarm(m));
    for (const group of groups) assert.ok(group.filter(isFrail).length * 2 < group.length);
    assert.ok(!faultBudget.mayForm(ids.filter(isFrail)) || !ids.some(isFrail));
  }
});

test('seeds have groups of one to seven, and shards on some of the members', () => {
  const sizes = new Set<number>();
  let spread = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const { founders, idleShards, members, shards } = drawScenario(seed);
    sizes.add(members);
    assert.equal(founders.length, shards + idleShards);
    for (const group of founders) {
      assert.ok(group.length > 0 && group.every((id) => id >= 1 && id <= members));
    }
    if (founders.some((group) => group.length < members)) spread += 1;
  }
  assert.deepEqual(
    [...sizes].toSorted((a, b) => a - b),
    [1, 2, 3, 4, 5, 7],
  );
  assert.ok(spread > 30, `${spread} of 300`);
});

test('nobody crashes right after a write went wrong unnoticed', async () => {
  const { members, world } = membersOf(1);
  const [member] = members;
  assert.ok(member !== undefined);
  const faultBudget = new FaultBudget([1], Prng.from(7));
  const { disk } = member.machine.capabilities;
  assert.ok(faultBudget.mayCrash(member, world.nowMs));
  member.machine.disk.failNext('bitFlip');
  assert.ok(!faultBudget.mayCrash(member, world.nowMs));
  const file = await world.settle(disk.open('f', 'create'));
  await world.settle(file.write(0, Buffer.alloc(10)));
  assert.ok(!faultBudget.mayCrash(member, world.nowMs));
  await world.runFor(3_000);
  assert.ok(faultBudget.mayCrash(member, world.nowMs));
});

test('leaving out a class of faults changes nothing else about a seed', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const { faults, ...rest } = drawScenario(seed);
    for (const name of ['transfer', 'rot', 'settings'] as const) {
      const { faults: fewer, ...same } = drawScenario(seed, { without: [name] });
      assert.deepEqual(same, rest);
      assert.deepEqual(
        [...fewer],
        [...faults].filter((other) => other !== name),
      );
    }
  }
});

test('the classes that are asked for are those of the seed, and nothing else changes', () => {
  for (let seed = 1; seed <= 50; seed++) {
    const { faults, ...rest } = drawScenario(seed, { only: ['kill', 'reset'] });
    assert.deepEqual([...faults], ['kill', 'reset']);
    const same = drawScenario(seed);
    assert.equal(rest.strikeEveryMs, same.strikeEveryMs);
    assert.deepEqual(rest.timing, same.timing);
  }
});

test('over many seeds every class of faults is drawn, together with every other', () => {
  const pairs = new Set<string>();
  for (let seed = 1; seed <= 1_000; seed++) {
    const { faults } = drawScenario(seed);
    for (const a of faults) for (const b of faults) pairs.add(`${a} ${b}`);
  }
  assert.equal(pairs.size, FAULT_CLASSES.length ** 2);
});

test('overrides survive the way over a command line', () => {
  const overrides: Overrides = {
    only: ['kill', 'reset'],
    without: ['rot', 'kill'],
    members: 3,
    clients: 1,
    safetyMs: 2_500,
  };
  assert.deepEqual(parseOverrides(overrideArgs(overrides)), overrides);
  assert.deepEqual(parseOverrides(overrideArgs({})), {});
});

test('a class of faults that is none is refused in a line that lists them', () => {
  const main = fileURLToPath(new URL('../main.ts', import.meta.url));
  const words = [main, '--seed', '1', '--without', 'lightning'];
  const { status, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  assert.equal(status, 2);
  assert.match(stderr, /^--without: there is no class lightning; there are: all, loss, .*\n$/);
});

test('a failing seed shrinks to what makes it fail', async () => {
  const { faults } = drawScenario(3);
  const culprit = [...faults][2];
  assert.ok(culprit !== undefined);
  const run = (overrides: Overrides) => {
    const { clients, faults: left, safetyMs, seed } = drawScenario(3, overrides);
    const fails = left.has(culprit) && safetyMs >= 5_000;
    return Promise.resolve({
      seed,
      events: clients,
      operations: 0,
      span: 0,
      counters: noCounts(),
      failure: fails ? 'it fails' : undefined,
      hash: '',
    });
  };
  const smallest = await shrink(3, run, () => {});
  assert.ok(smallest !== undefined);
  const scenario = drawScenario(3, smallest);
  assert.deepEqual([...scenario.faults], [culprit]);
  assert.deepEqual([scenario.clients, scenario.shards], [1, 1]);
  assert.ok(scenario.safetyMs < 10_000);
});

test('cuts separate whom they say', () => {
  const isCut = (links: Links, a: number, b: number): boolean => links.isCut(a, b);
  const members = [0, 1, 2, 3, 4];
  const count = (links: Links): number =>
    members.flatMap((a) => members.filter((b) => isCut(links, a, b))).length;
  const alone = new Links(Prng.from(1));
  cut('isolate', alone, members, [], Prng.from(1));
  assert.equal(count(alone), 8);
  const ring = new Links(Prng.from(1));
  cut('ring', ring, members, [], Prng.from(1));
  assert.equal(count(ring), 10);
  for (const a of members) assert.equal(members.filter((b) => isCut(ring, a, b)).length, 2);
  const bridge = new Links(Prng.from(1));
  cut('ring', bridge, [0, 1, 2], [], Prng.from(1));
  assert.equal(count(bridge), 2);
  const oneWay = new Links(Prng.from(1));
  cut('oneWay', oneWay, members, [], Prng.from(1));
  assert.equal(count(oneWay), 4);
});
