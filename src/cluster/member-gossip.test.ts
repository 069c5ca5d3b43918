// The gossip of members on a simulated network: the same objects as in production, on virtual time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from '../../sim/index.ts';
import { encodeWire } from '../../test/support/gossip-wire.ts';
import { ParleyError } from '../base/errors.ts';
import type { SocketAddress } from '../base/ids.ts';
import { zstdBlocks } from '../engine/codec/index.ts';
import { CLASSIC, type GossipSettings } from './gossip-settings.ts';
import { MemberGossip } from './member-gossip.ts';
import { parseSeed, type Seed } from './seeds.ts';

const PORT = 10_001;
const EVERYWHERE = '0.0.0.0:1' as SocketAddress;
const NO_PORT = '10.0.0.1:0' as SocketAddress;

/** A world in which members start, die and are asked what they see, by name. */
class Cluster {
  readonly world: World;
  readonly gossips = new Map<string, MemberGossip>();

  constructor(seed: number) {
    this.world = new World({ seed });
  }

  settings(name: string, more: Partial<GossipSettings> = {}): GossipSettings {
    return {
      ...CLASSIC,
      nodeId: name,
      listen: this.world.machine(name).address(PORT),
      advertised: undefined,
      seeds: [parseSeed(this.world.machine('n1').address(PORT)) as Seed],
      ...more,
    };
  }

  async open(name: string, more: Partial<GossipSettings> = {}): Promise<MemberGossip> {
    const { capabilities } = this.world.machine(name);
    const parts = { capabilities, blocks: zstdBlocks, proposedHost: '10.0.0.1' };
    return this.world.settle(MemberGossip.open(parts, this.settings(name, more)));
  }

  async start(name: string): Promise<MemberGossip> {
    const gossip = await this.open(name);
    this.gossips.set(name, gossip);
    gossip.start();
    return gossip;
  }

  gossip(name: string): MemberGossip {
    const gossip = this.gossips.get(name);
    assert.ok(gossip !== undefined, name);
    return gossip;
  }

  live(name: string): string {
    const ids = this.gossip(name).members.view().live;
    return ids
      .map((id) => id.nodeId)
      .toSorted()
      .join(' ');
  }

  /** Milliseconds until every one of `observers` sees exactly `expected` alive. */
  async until(expected: string, withinMs: number, observers = expected): Promise<number> {
    const since = this.world.nowMs;
    const all = observers.split(' ');
    const done = (): boolean => all.every((name) => this.live(name) === expected);
    const reached = await this.world.runUntil(done, withinMs);
    const seen = all.map((name) => `${name}: ${this.live(name)}`).join('; ');
    assert.ok(reached, `wanted ${expected} within ${withinMs} ms; ${seen}`);
    return this.world.nowMs - since;
  }

  journal(event: string): string[] {
    return this.world.journal.lines.filter((line) => line.includes(event));
  }
}

async function fiveMembers(seed: number): Promise<Cluster> {
  const cluster = new Cluster(seed);
  for (const name of ['n1', 'n2', 'n3', 'n4', 'n5']) await cluster.start(name);
  await cluster.until('n1 n2 n3 n4 n5', 5_000);
  return cluster;
}

for (const seed of [1, 2, 3]) {
  test(`five members find each other through one seed, seed ${seed}`, async () => {
    const cluster = await fiveMembers(seed);
    for (const name of cluster.gossips.keys()) {
      const [self] = cluster.gossip(name).members.view().live;
      assert.equal(self?.nodeId, name, 'a member names itself first');
    }
    assert.equal(cluster.journal('member joined').length, 20, 'each of five hears of four others');
  });
}

test('a key set on one reaches all, and listeners hear of it once', async () => {
  const cluster = await fiveMembers(4);
  const heard: string[] = [];
  const subscription = cluster.gossip('n5').members.subscribe('app.', (change) => {
    heard.push(`${change.owner.nodeId} ${change.key}=${change.value}`);
  });
  cluster.gossip('n2').members.set('app.color', 'blue');
  cluster.gossip('n2').members.set('other', 'x');
  await cluster.world.runFor(3_000);
  for (const name of cluster.gossips.keys()) {
    const [winner] = cluster.gossip(name).members.winnersPage('app.color', undefined, 1);
    assert.deepEqual(winner, { key: 'app.color', value: 'blue' }, name);
  }
  assert.deepEqual(heard, ['n2 color=blue']);
  subscription.unsubscribe();
  cluster.gossip('n2').members.set('app.color', 'green');
  await cluster.world.runFor(3_000);
  assert.equal(heard.length, 1);
});

test('a watcher of the live members sees each come and go', async () => {
  const cluster = new Cluster(5);
  const first = await cluster.start('n1');
  const sizes: number[] = [];
  first.members.watchLive(({ nodes }) => void sizes.push(nodes.length));
  await cluster.start('n2');
  await cluster.until('n1 n2', 5_000);
  await cluster.world.runFor(1_000);
  await cluster.world.settle(cluster.gossip('n2').stop('test'));
  await cluster.until('n1', 3_000);
  await cluster.world.runFor(1_000);
  assert.equal(Math.max(...sizes), 2);
  assert.equal(sizes.at(-1), 1);
});

test('a killed member is found dead, and is another member when it returns', async () => {
  const cluster = await fiveMembers(6);
  await cluster.world.runFor(30_000);
  const firstRun = cluster.gossip('n4').members.self.generation;
  cluster.world.machine('n4').kill();
  cluster.gossips.delete('n4');
  const detectedMs = await cluster.until('n1 n2 n3 n5', 15_000);
  assert.ok(detectedMs > 1_000, `${detectedMs} ms: silence must last before it means death`);
  assert.equal(cluster.journal('member died').length, 4);

  cluster.world.machine('n4').restart();
  await cluster.start('n4');
  await cluster.until('n1 n2 n3 n4 n5', 5_000);
  assert.ok(cluster.gossip('n4').members.self.generation > firstRun);
});

test('a member cut off and back again is the same member, back without a restart', async () => {
  const cluster = await fiveMembers(7);
  await cluster.world.runFor(30_000);
  const { network } = cluster.world;
  network.partition([0, 1, 2], [3, 4]);
  await cluster.until('n1 n2 n3', 15_000);
  await cluster.until('n4 n5', 15_000);
  network.links.heal();
  await cluster.until('n1 n2 n3 n4 n5', 15_000);
  assert.equal(cluster.journal('member returned').length, 12);
});

for (const seed of [20, 21, 22]) {
  test(`under loss, doubles, delays and a cut all end up agreeing, seed ${seed}`, async () => {
    const cluster = await fiveMembers(seed);
    const { network } = cluster.world;
    const chance = cluster.world.random('writes');
    const names = [...cluster.gossips.keys()];
    network.links.all({ lossRate: 0.2, duplicateRate: 0.1, lateRate: 0.2, lateMs: 2_000 });
    for (let i = 0; i < 60; i++) {
      const writer = cluster.gossip(names[chance.below(names.length)] as string).members;
      const key = `k${chance.below(5)}`;
      if (chance.below(5) === 0) writer.delete(key);
      else writer.set(key, `v${i}`);
      if (i === 20) network.partition([0, 1], [2, 3, 4]);
      if (i === 40) network.links.heal();
      await cluster.world.runFor(500);
    }
    network.links.all({ lossRate: 0, duplicateRate: 0, lateRate: 0 });
    await cluster.until(names.join(' '), 30_000);
    await cluster.world.runFor(5_000);
    const views = names.map((name) => {
      const winners = cluster.gossip(name).members.winnersPage('', undefined, 1_000);
      return winners.map(({ key, value }) => `${key}=${value}`);
    });
    assert.ok(views[0]?.length !== 0, 'some key has survived');
    for (const view of views) assert.deepEqual(view, views[0]);
  });
}

test('a member that leaves is dead for all others within two rounds', async () => {
  const cluster = await fiveMembers(8);
  // Between two rounds, so that only the goodbye is answered.
  await cluster.world.runFor(10_300);
  const leaver = cluster.gossip('n3');
  cluster.gossips.delete('n3');
  const since = cluster.world.nowMs;
  await cluster.world.settle(leaver.stop('test'));
  const leftMs = cluster.world.nowMs - since;
  assert.ok(leftMs < 100, `it waits for the answers and no longer, not ${leftMs} ms`);
  const heardMs = await cluster.until('n1 n2 n4 n5', 1_000);
  assert.ok(heardMs <= 1_000, `${heardMs} ms`);
  await cluster.world.runFor(1_000);
  assert.equal(cluster.journal('member left').length, 4);
  assert.equal(cluster.journal('member died').length, 0);
});

test('a leaver that nobody answers gives up quickly and sends nothing afterwards', async () => {
  const cluster = await fiveMembers(9);
  cluster.world.network.partition([0], [1, 2, 3, 4]);
  const leaver = cluster.gossip('n1');
  cluster.gossips.delete('n1');
  const since = cluster.world.nowMs;
  await cluster.world.settle(leaver.stop('test'));
  assert.ok(cluster.world.nowMs - since < 500);
  await cluster.world.settle(leaver.stop('again'));
});

test('rubbish on the port is summed up in one line a minute', async () => {
  const cluster = await fiveMembers(10);
  const stranger = cluster.world.machine('stranger');
  const quiet = { onDatagram: () => {}, onTrouble: () => {} };
  const { net } = stranger.capabilities;
  const socket = await cluster.world.settle(net.openDatagrams(stranger.address(9), quiet));
  for (let i = 0; i < 300; i++) {
    socket.send(new Uint8Array([i, 1, 2, 3, 4, 5]), cluster.gossip('n1').address);
    await cluster.world.runFor(100);
  }
  const lines = cluster.journal('datagrams refused');
  assert.equal(lines.length, 1, lines.join('\n'));
  await cluster.world.runFor(60_000);
  assert.match(String(cluster.journal('datagrams refused').at(-1)), /count=29\d/);
});

for (const [title, key, value, says] of [
  ['a key that begins outside ASCII', 'ä', 'x', /the key begins with a character outside ASCII/],
  ['a key that is too long', 'k'.repeat(2_000), 'x', /the key is too long \(at most 1024 bytes\)/],
  ['a value that is too long', 'k', 'x'.repeat(20_000), /the value is too long for gossip/],
  ['half a surrogate pair', 'k', '\ud800', /the value holds half a surrogate pair/],
] as const) {
  test(`${title} is refused, naming the parameter and the reason`, async () => {
    const { members } = await new Cluster(12).start('n1');
    assert.throws(
      () => members.set(key, value),
      (error) =>
        error instanceof ParleyError && error.subject !== undefined && says.test(error.line),
    );
  });
}

for (const [title, more, says] of [
  ['0.0.0.0 as its address', { advertised: EVERYWHERE }, /--public_addr 10\.0\.0\.1:1/],
  ['port 0 as its address', { advertised: NO_PORT }, /port 0 is no port/],
  ['a seed that does not resolve', { seeds: [parseSeed('nowhere:1') as Seed] }, /nowhere/],
] as const) {
  test(`a member with ${title} does not start and frees its port`, async () => {
    const cluster = new Cluster(13);
    await assert.rejects(
      cluster.open('n1', more),
      (error) => error instanceof ParleyError && says.test(error.line),
    );
    await cluster.open('n1');
  });
}

test('keys that members keep for themselves are refused', async () => {
  const cluster = new Cluster(20);
  const { members } = await cluster.start('n1');
  for (const key of ['parley.leaving', 'service', 'ready', 'node_states', 'seed_addrs']) {
    const refusal = { code: 'E_RESERVED', subject: 'key' };
    assert.throws(() => members.set(key, 'x'), refusal, key);
    assert.throws(() => members.delete(key), refusal, key);
  }
  members.set('services', 'x');
});

test('a deletion on a member that never set the key deletes it for all, and for good', async () => {
  const cluster = await fiveMembers(21);
  const valueOn = (name: string): string | undefined => {
    const { members } = cluster.gossip(name);
    return members.winnersPage('', undefined, 10).find(({ key }) => key === 'color')?.value;
  };
  cluster.gossip('n1').members.set('color', 'red');
  cluster.gossip('n2').members.set('color', 'blue');
  cluster.gossip('n3').members.delete('color');
  await cluster.world.runFor(2_000);
  for (const name of cluster.gossips.keys()) assert.equal(valueOn(name), undefined);
  // Long after the tombstone was purged and its member stopped.
  await cluster.world.runFor(8_000);
  await cluster.world.settle(cluster.gossip('n3').stop('test'));
  cluster.gossips.delete('n3');
  await cluster.world.runFor(120_000);
  for (const name of cluster.gossips.keys()) assert.equal(valueOn(name), undefined);
  cluster.gossip('n4').members.set('color', 'green');
  await cluster.world.runFor(2_000);
  for (const name of cluster.gossips.keys()) assert.equal(valueOn(name), 'green');
});

test('of two writes on two members the later one wins, whoever has written more', async () => {
  const cluster = await fiveMembers(22);
  for (let i = 0; i < 50; i++) cluster.gossip('n1').members.set(`busy.${i}`, 'x');
  cluster.gossip('n1').members.set('color', 'first');
  await cluster.world.runFor(5);
  cluster.gossip('n2').members.set('color', 'second');
  await cluster.world.runFor(3_000);
  for (const name of cluster.gossips.keys()) {
    const [winner] = cluster.gossip(name).members.winnersPage('color', undefined, 1);
    assert.equal(winner?.value, 'second', name);
  }
});

test('a seed that does not answer is in the log', async () => {
  const cluster = new Cluster(23);
  await cluster.start('n2');
  await cluster.world.runFor(11_000);
  assert.equal(cluster.journal('no seed answers').length, 1);
});

test('keys that claim to be from years ahead are told of in the log', async () => {
  const cluster = await fiveMembers(24);
  const [n1, n2] = [cluster.gossip('n1').members, cluster.gossip('n2').members];
  const delta = [
    { op: 'node', id: n2.self, lastGc: 0n, fromExcluded: 0n },
    { op: 'keyValue', key: 'k', value: 'x', version: 2n ** 50n, status: 0 },
  ] as const;
  n1.receive(encodeWire({ version: 0, type: 'ack', delta }), n2.self.address);
  await cluster.world.runFor(1_000);
  assert.match(String(cluster.journal('datagrams refused')), /years after this clock/);
  assert.deepEqual(n1.winnersPage('', undefined, 1), []);
});
