// Members' replicas as the composition root makes them, on simulated machines.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from '../../sim/index.ts';
import type { SocketAddress } from '../base/ids.ts';
import { openMemoryStore } from '../engine/store/index.ts';
import {
  ClientConnections,
  type CommandOutcome,
  ShardClient,
  ShardSession,
} from '../replica/requests/index.ts';
import type { ReadAnswer } from '../replica/types.ts';
import { decodeKvAnswer, encodeKvCommand, encodeKvQuery, kvMachine } from '../service/kv/index.ts';
import { MemberReplicas, type MemberReplicasOpening } from './member-replicas.ts';
import type { ReplicaSettings } from './replica-settings.ts';

const CLUSTER_ID = '11111111-2222-4333-8444-555555555555';
const PORT = 10_001;
const SHARD = 1;
const MEMBERS = [1, 2, 3];

class Cluster {
  readonly world: World;
  readonly running = new Map<number, MemberReplicas>();
  readonly fatal: string[] = [];

  constructor(seed: number) {
    this.world = new World({ seed });
    for (const member of MEMBERS) this.world.machine(`n${member}`);
  }

  address(member: number): SocketAddress {
    return this.world.machine(`n${member}`).address(PORT);
  }

  open(member: number, more: Partial<ReplicaSettings> = {}): Promise<MemberReplicasOpening> {
    const { capabilities } = this.world.machine(`n${member}`);
    const { clock, disk } = capabilities;
    const parts = {
      capabilities,
      openStore: (directory: string, events: Parameters<typeof openMemoryStore>[1]) =>
        openMemoryStore({ clock, disk, directory }, events),
      machineOf: () => kvMachine,
      onFatal: (reason: string) => this.fatal.push(`${member}: ${reason}`),
    };
    const settings: ReplicaSettings = {
      clusterId: CLUSTER_ID,
      member,
      listen: this.address(member),
      peers: MEMBERS.filter((peer) => peer !== member).map((peer) => ({
        member: peer,
        address: this.address(peer),
      })),
      shards: [{ shard: SHARD, founders: MEMBERS }],
      directory: 'data',
      ...more,
    };
    return this.world.settle(MemberReplicas.open(parts, settings));
  }

  async start(member: number): Promise<MemberReplicas> {
    const opening = await this.open(member);
    assert(opening.kind === 'opened');
    this.running.set(member, opening.replicas);
    return opening.replicas;
  }

  async startAll(): Promise<void> {
    for (const member of MEMBERS) await this.start(member);
    const isLed = await this.world.runUntil(() => this.leader() !== undefined, 10_000);
    assert(isLed, 'somebody leads');
  }

  leader(): number | undefined {
    return MEMBERS.find((member) => {
      return this.running.get(member)?.host.status(SHARD)?.role === 'leader';
    });
  }

  follower(): number {
    const follower = MEMBERS.find((member) => member !== this.leader());
    assert(follower !== undefined);
    return follower;
  }

  /** A client on a machine of its own that knows these members. */
  client(members: readonly number[] = MEMBERS): ShardClient {
    const { clock, net, random } = this.world.machine('client').capabilities;
    const addresses = new Map(members.map((member) => [member, this.address(member)]));
    const options = { clock, net, clusterId: CLUSTER_ID, members: addresses };
    const callees = new ClientConnections(options);
    return new ShardClient({ clock, random, callees, shard: SHARD });
  }

  put(session: ShardSession, key: string, value: string): Promise<CommandOutcome> {
    const body = encodeKvCommand({
      kind: 'put',
      key: bytesOf(key),
      value: bytesOf(value),
      condition: { kind: 'always' },
    });
    return this.world.settle(
      new Promise((resolve) => {
        session.submit(body, 10_000, resolve);
      }),
    );
  }

  async get(client: ShardClient, key: string): Promise<string | undefined> {
    const question = encodeKvQuery({ kind: 'get', key: bytesOf(key) });
    const answer = await this.world.settle(
      new Promise<ReadAnswer>((resolve) => {
        client.read('strong', question, 10_000, resolve);
      }),
    );
    assert(answer.kind === 'answered', JSON.stringify(answer));
    const found = decodeKvAnswer(answer.result);
    return found?.kind === 'found' ? Buffer.from(found.value).toString() : undefined;
  }
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

test('three members elect, take writes wherever they come in, and answer reads', async () => {
  const cluster = new Cluster(1);
  await cluster.startAll();
  const client = cluster.client([cluster.follower()]);
  const outcome = await cluster.put(new ShardSession(client), 'colour', 'blue');
  assert.equal(outcome.kind, 'done');
  assert.equal(await cluster.get(client, 'colour'), 'blue');
  assert.deepEqual(cluster.fatal, []);
});

test('[Q6] a session outlives the leader: what it wrote is there once', async () => {
  const cluster = new Cluster(2);
  await cluster.startAll();
  const client = cluster.client();
  const session = new ShardSession(client);
  await cluster.put(session, 'a', '1');
  const leader = cluster.leader();
  assert(leader !== undefined);
  cluster.world.machine(`n${leader}`).kill();
  cluster.running.delete(leader);
  assert.equal((await cluster.put(session, 'a', '2')).kind, 'done');
  assert.equal(await cluster.get(client, 'a'), '2');
});

test('a member that is closed and opened again goes on where it was', async () => {
  const cluster = new Cluster(3);
  await cluster.startAll();
  const client = cluster.client();
  await cluster.put(new ShardSession(client), 'a', '1');
  for (const [member, replicas] of cluster.running) {
    await cluster.world.settle(replicas.close());
    cluster.world.machine(`n${member}`).exit();
    cluster.world.machine(`n${member}`).restart();
  }
  cluster.running.clear();
  await cluster.startAll();
  assert.equal(await cluster.get(cluster.client(), 'a'), '1');
  assert.deepEqual(cluster.fatal, []);
});

test('a member whose disk was wiped is refused by those who knew it', async () => {
  const cluster = new Cluster(4);
  await cluster.startAll();
  await cluster.put(new ShardSession(cluster.client()), 'a', '1');
  const lost = cluster.follower();
  const machine = cluster.world.machine(`n${lost}`);
  machine.kill();
  machine.disk.wipe();
  machine.restart();
  const replicas = await cluster.start(lost);
  await cluster.world.runFor(5_000);
  for (const member of MEMBERS) assert.equal(replicas.peers.isUp(member), false);
  assert.equal(replicas.host.status(SHARD)?.leader, 0, 'nobody leads it, and it leads nobody');
});

test('a data directory of another member, or of another cluster, is refused', async () => {
  const cluster = new Cluster(5);
  const replicas = await cluster.start(1);
  await cluster.world.settle(replicas.close());
  const asOther = await cluster.open(1, { member: 2, peers: [] });
  assert(asOther.kind === 'refused');
  assert.match(asOther.error.line, /belongs to member 1 of cluster .* \[E_DATA\]/);
  const elsewhere = await cluster.open(1, { clusterId: CLUSTER_ID.replace('1', '9') });
  assert(elsewhere.kind === 'refused');
  assert.match(elsewhere.error.line, /belongs to member 1 of cluster 1111/);
  assert.equal((await cluster.open(1)).kind, 'opened');
});

test('a data directory whose name is empty or torn says so, and what to do', async () => {
  const cluster = new Cluster(10);
  const replicas = await cluster.start(1);
  await cluster.world.settle(replicas.close());
  const { disk } = cluster.world.machine('n1').capabilities;
  const file = await cluster.world.settle(disk.open('data/identity', 'readWrite'));
  for (const [length, state] of [
    [20, 'damaged'],
    [0, 'empty'],
  ] as const) {
    await cluster.world.settle(file.truncate(length));
    const opening = await cluster.open(1);
    assert(opening.kind === 'refused');
    assert.match(opening.error.line, new RegExp(`data/identity is ${state}`));
    assert.match(opening.error.advice ?? '', /this one line: parley cluster 1111\S+ member 1$/);
  }
  const line = `parley cluster ${CLUSTER_ID} member 1\n`;
  await cluster.world.settle(file.write(0, new TextEncoder().encode(line)));
  assert.equal((await cluster.open(1)).kind, 'opened');
});

test('a directory takes one process, on whatever port, until that one closes', async () => {
  const cluster = new Cluster(6);
  const first = await cluster.start(1);
  const elsewhere = cluster.world.machine('n1').address(PORT + 1);
  const second = await cluster.open(1, { listen: elsewhere });
  assert(second.kind === 'refused');
  assert.match(second.error.line, /Another process has the data directory.* \[E_DATA\]$/);
  await cluster.world.settle(first.close());
  assert.equal((await cluster.open(1, { listen: elsewhere })).kind, 'opened');
});

test('a member whose log is too small falls behind, and the others go on', async () => {
  const cluster = new Cluster(12);
  const sizes = (segmentBytes: number): Partial<ReplicaSettings> => ({
    wal: { segmentBytes, batchBytesMax: 4_096 },
    host: { commandBytesMax: segmentBytes / 4 },
  });
  for (const member of MEMBERS) {
    const opening = await cluster.open(member, sizes(member === 3 ? 8_192 : 65_536));
    assert(opening.kind === 'opened');
    cluster.running.set(member, opening.replicas);
  }
  const { host } = cluster.running.get(3) as MemberReplicas;
  assert(await cluster.world.runUntil(() => cluster.leader() !== undefined, 10_000));
  host.transferLeader(SHARD, 1);
  const isMoved = () => cluster.leader() !== undefined && cluster.leader() !== 3;
  assert(await cluster.world.runUntil(isMoved, 10_000));
  const session = new ShardSession(cluster.client());
  assert.equal((await cluster.put(session, 'a', 'x'.repeat(10_000))).kind, 'done');
  await cluster.world.runFor(2_000);
  const behind = host.status(SHARD)?.applied.index ?? 0;
  const ahead = cluster.running.get(cluster.leader() ?? 0)?.host.status(SHARD)?.applied.index ?? 0;
  assert.ok(behind < ahead, `${behind} < ${ahead}`);
  assert.deepEqual(cluster.fatal, []);
});

test('a member that finds its port taken lets go of its directory', async () => {
  const cluster = new Cluster(11);
  await cluster.start(1);
  for (const listen of [cluster.address(1), cluster.world.machine('n1').address(PORT + 1)]) {
    const second = await cluster.open(1, { directory: 'other', listen });
    const found = second.kind === 'refused' ? second.error.code : second.kind;
    assert.equal(found, listen === cluster.address(1) ? 'E_ADDRESS_IN_USE' : 'opened');
  }
});

test('strangers and members of other clusters are not talked to', async () => {
  const cluster = new Cluster(7);
  const replicas = await cluster.start(1);
  await cluster.open(2, { clusterId: CLUSTER_ID.replace('1', '9') });
  const stranger = await cluster.open(3, { member: 9 });
  assert(stranger.kind === 'opened');
  await cluster.world.runFor(3_000);
  assert.equal(replicas.peers.isUp(2), false);
  assert.equal(stranger.replicas.peers.isUp(1), false);
});

test('a member that is taken in later is talked to, until it is dropped', async () => {
  const cluster = new Cluster(8);
  const replicas = await cluster.start(1);
  replicas.addPeer({ member: 4, address: cluster.address(2) });
  const opening = await cluster.open(2, { member: 4 });
  assert(opening.kind === 'opened');
  assert(await cluster.world.runUntil(() => replicas.peers.isUp(4), 10_000));
  replicas.removePeer(4);
  await cluster.world.runFor(1_000);
  assert.equal(replicas.peers.isUp(4), false);
});

test('a member whose disk fails says so once, and closes all the same', async () => {
  const cluster = new Cluster(9);
  await cluster.startAll();
  const leader = cluster.leader();
  assert(leader !== undefined);
  cluster.world.machine(`n${leader}`).disk.rules({ syncErrorRate: 1 });
  await cluster.put(new ShardSession(cluster.client()), 'a', '1');
  await cluster.world.runFor(2_000);
  assert.equal(cluster.fatal.length, 1);
  await cluster.world.settle(cluster.running.get(leader)?.close() ?? Promise.resolve());
});
