// Whole members on simulated machines: the same objects as in production, on virtual time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from '../../sim/index.ts';
import type { SocketAddress } from '../base/ids.ts';
import { CLASSIC, type Seed } from '../cluster/index.ts';
import { openMemoryStore } from '../engine/store/index.ts';
import {
  ClientConnections,
  type CommandOutcome,
  ShardClient,
  ShardSession,
} from '../replica/requests/index.ts';
import type { ReadAnswer } from '../replica/types.ts';
import { decodeKvAnswer, encodeKvCommand, encodeKvQuery, kvMachine } from '../service/kv/index.ts';
import { type Member, type MemberOpening, type MemberParts, openMember } from './member.ts';
import type { MemberSettings } from './settings.ts';

const CLUSTER_ID = '11111111-2222-4333-8444-555555555555';
const PORT = 10_001;
const SHARD = 1;
const MEMBERS = [1, 2, 3];

type Options = Partial<NonNullable<MemberSettings['replicas']>> & {
  readonly clusterId?: string;
  readonly directory?: string;
  readonly listen?: SocketAddress;
  readonly gossips?: boolean;
};

class Cluster {
  readonly world: World;
  readonly running = new Map<number, Member>();
  readonly fatal: string[] = [];

  constructor(seed: number) {
    this.world = new World({ seed });
    for (const member of MEMBERS) this.world.machine(`n${member}`);
  }

  address(member: number): SocketAddress {
    return this.world.machine(`n${member}`).address(PORT);
  }

  open(
    member: number,
    { clusterId = CLUSTER_ID, directory = 'data', gossips, listen, ...more }: Options = {},
  ): Promise<MemberOpening> {
    const { capabilities } = this.world.machine(`n${member}`);
    const { clock, disk } = capabilities;
    const parts: MemberParts = {
      capabilities,
      proposedHost: '10.0.0.1',
      replicas: {
        openStore: (below, events) => openMemoryStore({ clock, disk, directory: below }, events),
        machineOf: () => kvMachine,
        onFatal: (reason) => this.fatal.push(`${member}: ${reason}`),
      },
    };
    const settings: MemberSettings = {
      cluster: { name: 'test', uuid: clusterId },
      listen: listen ?? this.address(member),
      directory,
      ...(gossips === true ? { gossip: this.#gossip(member) } : {}),
      replicas: {
        member,
        peers: MEMBERS.filter((peer) => peer !== member).map((peer) => ({
          member: peer,
          address: this.address(peer),
        })),
        shards: [{ shard: SHARD, founders: MEMBERS }],
        ...more,
      },
    };
    return this.world.settle(openMember(parts, settings));
  }

  #gossip(member: number): NonNullable<MemberSettings['gossip']> {
    const seeds: Seed[] = [{ kind: 'address', address: this.address(1) }];
    return { ...CLASSIC, nodeId: `name ${member}`, advertised: undefined, seeds };
  }

  async start(member: number): Promise<Member> {
    const opening = await this.open(member);
    assert(opening.kind === 'opened');
    this.running.set(member, opening.member);
    return opening.member;
  }

  async startAll(): Promise<void> {
    for (const member of MEMBERS) await this.start(member);
    const isLed = await this.world.runUntil(() => this.leader() !== undefined, 10_000);
    assert(isLed, 'somebody leads');
  }

  leader(): number | undefined {
    return MEMBERS.find((member) => {
      return this.running.get(member)?.replicas.host.status(SHARD)?.role === 'leader';
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
  for (const [id, member] of cluster.running) {
    await cluster.world.settle(member.close());
    cluster.world.machine(`n${id}`).exit();
    cluster.world.machine(`n${id}`).restart();
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
  const member = await cluster.start(lost);
  await cluster.world.runFor(5_000);
  for (const other of MEMBERS) assert.equal(member.replicas.peers.isUp(other), false);
  assert.equal(
    member.replicas.host.status(SHARD)?.leader,
    0,
    'nobody leads it, and it leads nobody',
  );
});

test('a data directory of another member, or of another cluster, is refused', async () => {
  const cluster = new Cluster(5);
  const member = await cluster.start(1);
  await cluster.world.settle(member.close());
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
  const member = await cluster.start(1);
  await cluster.world.settle(member.close());
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
  const sizes = (segmentBytes: number): Options => ({
    wal: { segmentBytes, batchBytesMax: 4_096 },
    host: { commandBytesMax: segmentBytes / 4 },
  });
  for (const member of MEMBERS) {
    const opening = await cluster.open(member, sizes(member === 3 ? 8_192 : 65_536));
    assert(opening.kind === 'opened');
    cluster.running.set(member, opening.member);
  }
  const { host } = (cluster.running.get(3) as Member).replicas;
  assert(await cluster.world.runUntil(() => cluster.leader() !== undefined, 10_000));
  host.transferLeader(SHARD, 1);
  const isMoved = () => cluster.leader() !== undefined && cluster.leader() !== 3;
  assert(await cluster.world.runUntil(isMoved, 10_000));
  const session = new ShardSession(cluster.client());
  assert.equal((await cluster.put(session, 'a', 'x'.repeat(10_000))).kind, 'done');
  await cluster.world.runFor(2_000);
  const behind = host.status(SHARD)?.applied.index ?? 0;
  const ahead =
    cluster.running.get(cluster.leader() ?? 0)?.replicas.host.status(SHARD)?.applied.index ?? 0;
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
  const member = await cluster.start(1);
  await cluster.open(2, { clusterId: CLUSTER_ID.replace('1', '9') });
  const stranger = await cluster.open(3, { member: 9 });
  assert(stranger.kind === 'opened');
  await cluster.world.runFor(3_000);
  assert.equal(member.replicas.peers.isUp(2), false);
  assert.equal(stranger.member.replicas.peers.isUp(1), false);
});

test('a member that is taken in later is talked to, until it is dropped', async () => {
  const cluster = new Cluster(8);
  const member = await cluster.start(1);
  member.addPeer({ member: 4, address: cluster.address(2) });
  const opening = await cluster.open(2, { member: 4 });
  assert(opening.kind === 'opened');
  assert(await cluster.world.runUntil(() => member.replicas.peers.isUp(4), 10_000));
  member.removePeer(4);
  await cluster.world.runFor(1_000);
  assert.equal(member.replicas.peers.isUp(4), false);
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

test('a member with a name is known by it, and by its number', async () => {
  const cluster = new Cluster(13);
  const opening = await cluster.open(1, { gossips: true });
  assert(opening.kind === 'opened');
  const { numbers } = opening.member;
  assert.deepEqual([numbers.numberOf('name 1'), numbers.nameOf(2)], [1, '2']);
  opening.member.addPeer({ member: 4, address: cluster.address(2), nodeId: 'new' });
  assert.equal(numbers.numberOf('new'), 4);
  opening.member.removePeer(4);
  assert.equal(numbers.numberOf('new'), undefined);
});

test('members gossip and replicate at one address, and one that closes says goodbye', async () => {
  const cluster = new Cluster(14);
  const members = new Map<number, Member>();
  for (const id of MEMBERS) {
    const opening = await cluster.open(id, { gossips: true });
    assert(opening.kind === 'opened');
    members.set(id, opening.member);
  }
  const [first, , last] = members.values();
  assert(first !== undefined && last !== undefined);
  const seesAll = (): boolean => first.gossip.members.view().live.length === 3;
  assert(await cluster.world.runUntil(seesAll, 10_000));
  assert(await cluster.world.runUntil(() => first.replicas.peers.isUp(3), 10_000));
  await cluster.world.settle(last.close('test'));
  assert(await cluster.world.runUntil(() => !seesAll(), 1_000), 'within two rounds');
  assert.equal(first.replicas.peers.isUp(3), false);
});

test('a member that a later step refuses lets go of all it had, and nobody saw it', async () => {
  const cluster = new Cluster(15);
  const witness = await cluster.open(1, { gossips: true });
  assert(witness.kind === 'opened');
  const elsewhere = await cluster.world.settle(
    cluster.world.machine('n2').capabilities.net.openDatagrams(cluster.address(2), {
      onDatagram: () => {},
      onTrouble: () => {},
    }),
  );
  const refused = await cluster.open(2, { gossips: true });
  assert(refused.kind === 'refused');
  assert.equal(refused.error.code, 'E_ADDRESS_IN_USE');
  await cluster.world.settle(elsewhere.close());
  // The identity is claimed by member 2 now; as member 9 the replicas are refused, after gossip.
  const opened = await cluster.open(2, { gossips: true });
  assert(opened.kind === 'opened');
  await cluster.world.settle(opened.member.close());
  await cluster.world.runFor(60_000);
  const asOther = await cluster.open(2, { member: 9, gossips: true });
  assert(asOther.kind === 'refused');
  assert.equal(asOther.error.code, 'E_DATA');
  await cluster.world.runFor(5_000);
  const known = witness.member.gossip.members.view().nodes.map(({ id }) => id.nodeId);
  assert.deepEqual(known, ['name 1'], 'nobody has heard of it');
  assert.equal((await cluster.open(2, { gossips: true })).kind, 'opened');
});

test('replicas without a uuid of their cluster, or without a directory, are refused', async () => {
  const cluster = new Cluster(16);
  const { capabilities } = cluster.world.machine('n1');
  const parts = { capabilities, proposedHost: '10.0.0.1' };
  const listen = cluster.address(1);
  const replicas = { member: 1, peers: [], shards: [] };
  for (const [settings, expected] of [
    [{ cluster: { name: 'a' }, listen, directory: '', replicas }, /^cluster a has no uuid/],
    [{ cluster: { name: 'a', uuid: CLUSTER_ID }, listen, replicas }, /keeps a log/],
    [{ cluster: { name: 'a' }, listen: 'localhost:1' as SocketAddress }, /localhost:1 is no addr/],
  ] as const) {
    const opening = await cluster.world.settle(openMember(parts, settings));
    assert(opening.kind === 'refused');
    assert.match(opening.error.line, expected);
    assert.match(opening.error.line, / \[E_CONFIG\]$/);
  }
});
