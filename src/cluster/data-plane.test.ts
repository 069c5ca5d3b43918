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
import { DataPlane, type DataPlaneOpening } from './data-plane.ts';
import type { DataPlaneSettings } from './data-plane-settings.ts';

const CLUSTER_ID = '11111111-2222-4333-8444-555555555555';
const PORT = 10_001;
const SHARD = 1;
const MEMBERS = [1, 2, 3];

class Planes {
  readonly world: World;
  readonly planes = new Map<number, DataPlane>();
  readonly fatal: string[] = [];

  constructor(seed: number) {
    this.world = new World({ seed });
    for (const member of MEMBERS) this.world.machine(`n${member}`);
  }

  address(member: number): SocketAddress {
    return this.world.machine(`n${member}`).address(PORT);
  }

  open(member: number, more: Partial<DataPlaneSettings> = {}): Promise<DataPlaneOpening> {
    const { capabilities } = this.world.machine(`n${member}`);
    const { clock, disk } = capabilities;
    const parts = {
      capabilities,
      openStore: (directory: string, events: Parameters<typeof openMemoryStore>[1]) =>
        openMemoryStore({ clock, disk, directory }, events),
      machineOf: () => kvMachine,
      onFatal: (reason: string) => this.fatal.push(`${member}: ${reason}`),
    };
    const settings: DataPlaneSettings = {
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
    return this.world.settle(DataPlane.open(parts, settings));
  }

  async start(member: number): Promise<DataPlane> {
    const opening = await this.open(member);
    assert(opening.kind === 'opened');
    this.planes.set(member, opening.plane);
    return opening.plane;
  }

  async startAll(): Promise<void> {
    for (const member of MEMBERS) await this.start(member);
    const isLed = await this.world.runUntil(() => this.leader() !== undefined, 10_000);
    assert(isLed, 'somebody leads');
  }

  leader(): number | undefined {
    return MEMBERS.find((member) => {
      return this.planes.get(member)?.host.status(SHARD)?.role === 'leader';
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
  const planes = new Planes(1);
  await planes.startAll();
  const client = planes.client([planes.follower()]);
  const outcome = await planes.put(new ShardSession(client), 'colour', 'blue');
  assert.equal(outcome.kind, 'done');
  assert.equal(await planes.get(client, 'colour'), 'blue');
  assert.deepEqual(planes.fatal, []);
});

test('[Q6] a session outlives the leader: what it wrote is there once', async () => {
  const planes = new Planes(2);
  await planes.startAll();
  const client = planes.client();
  const session = new ShardSession(client);
  await planes.put(session, 'a', '1');
  const leader = planes.leader();
  assert(leader !== undefined);
  planes.world.machine(`n${leader}`).kill();
  planes.planes.delete(leader);
  assert.equal((await planes.put(session, 'a', '2')).kind, 'done');
  assert.equal(await planes.get(client, 'a'), '2');
});

test('a member that is closed and opened again goes on where it was', async () => {
  const planes = new Planes(3);
  await planes.startAll();
  const client = planes.client();
  await planes.put(new ShardSession(client), 'a', '1');
  for (const [member, plane] of planes.planes) {
    await planes.world.settle(plane.close());
    planes.world.machine(`n${member}`).exit();
    planes.world.machine(`n${member}`).restart();
  }
  planes.planes.clear();
  await planes.startAll();
  assert.equal(await planes.get(planes.client(), 'a'), '1');
  assert.deepEqual(planes.fatal, []);
});

test('a member whose disk was wiped is refused by those who knew it', async () => {
  const planes = new Planes(4);
  await planes.startAll();
  await planes.put(new ShardSession(planes.client()), 'a', '1');
  const lost = planes.follower();
  const machine = planes.world.machine(`n${lost}`);
  machine.kill();
  machine.disk.wipe();
  machine.restart();
  const plane = await planes.start(lost);
  await planes.world.runFor(5_000);
  for (const member of MEMBERS) assert.equal(plane.peers.isUp(member), false);
  assert.equal(plane.host.status(SHARD)?.leader, 0, 'nobody leads it, and it leads nobody');
});

test('a data directory of another member, or of another cluster, is refused', async () => {
  const planes = new Planes(5);
  const plane = await planes.start(1);
  await planes.world.settle(plane.close());
  const asOther = await planes.open(1, { member: 2, peers: [] });
  assert(asOther.kind === 'refused');
  assert.match(asOther.error.line, /belongs to member 1 of cluster .* \[E_DATA\]/);
  const elsewhere = await planes.open(1, { clusterId: CLUSTER_ID.replace('1', '9') });
  assert(elsewhere.kind === 'refused');
  assert.match(elsewhere.error.line, /belongs to member 1 of cluster 1111/);
  assert.equal((await planes.open(1)).kind, 'opened');
});

test('a data directory whose name is empty or torn says so, and what to do', async () => {
  const planes = new Planes(10);
  const plane = await planes.start(1);
  await planes.world.settle(plane.close());
  const { disk } = planes.world.machine('n1').capabilities;
  const file = await planes.world.settle(disk.open('data/identity', 'readWrite'));
  for (const [length, state] of [
    [20, 'damaged'],
    [0, 'empty'],
  ] as const) {
    await planes.world.settle(file.truncate(length));
    const opening = await planes.open(1);
    assert(opening.kind === 'refused');
    assert.match(opening.error.line, new RegExp(`data/identity is ${state}`));
    assert.match(opening.error.advice ?? '', /this one line: parley cluster 1111\S+ member 1$/);
  }
  const line = `parley cluster ${CLUSTER_ID} member 1\n`;
  await planes.world.settle(file.write(0, new TextEncoder().encode(line)));
  assert.equal((await planes.open(1)).kind, 'opened');
});

test('a directory takes one process, on whatever port, until that one closes', async () => {
  const planes = new Planes(6);
  const first = await planes.start(1);
  const elsewhere = planes.world.machine('n1').address(PORT + 1);
  const second = await planes.open(1, { listen: elsewhere });
  assert(second.kind === 'refused');
  assert.match(second.error.line, /Another process has the data directory.* \[E_DATA\]$/);
  await planes.world.settle(first.close());
  assert.equal((await planes.open(1, { listen: elsewhere })).kind, 'opened');
});

test('a member whose log is too small falls behind, and the others go on', async () => {
  const planes = new Planes(12);
  const sizes = (segmentBytes: number): Partial<DataPlaneSettings> => ({
    wal: { segmentBytes, batchBytesMax: 4_096 },
    host: { commandBytesMax: segmentBytes / 4 },
  });
  for (const member of MEMBERS) {
    const opening = await planes.open(member, sizes(member === 3 ? 8_192 : 65_536));
    assert(opening.kind === 'opened');
    planes.planes.set(member, opening.plane);
  }
  const { host } = planes.planes.get(3) as DataPlane;
  assert(await planes.world.runUntil(() => planes.leader() !== undefined, 10_000));
  host.transferLeader(SHARD, 1);
  const isMoved = () => planes.leader() !== undefined && planes.leader() !== 3;
  assert(await planes.world.runUntil(isMoved, 10_000));
  const session = new ShardSession(planes.client());
  assert.equal((await planes.put(session, 'a', 'x'.repeat(10_000))).kind, 'done');
  await planes.world.runFor(2_000);
  const behind = host.status(SHARD)?.applied.index ?? 0;
  const ahead = planes.planes.get(planes.leader() ?? 0)?.host.status(SHARD)?.applied.index ?? 0;
  assert.ok(behind < ahead, `${behind} < ${ahead}`);
  assert.deepEqual(planes.fatal, []);
});

test('a member that finds its port taken lets go of its directory', async () => {
  const planes = new Planes(11);
  await planes.start(1);
  for (const listen of [planes.address(1), planes.world.machine('n1').address(PORT + 1)]) {
    const second = await planes.open(1, { directory: 'other', listen });
    const found = second.kind === 'refused' ? second.error.code : second.kind;
    assert.equal(found, listen === planes.address(1) ? 'E_ADDRESS_IN_USE' : 'opened');
  }
});

test('strangers and members of other clusters are not talked to', async () => {
  const planes = new Planes(7);
  const plane = await planes.start(1);
  await planes.open(2, { clusterId: CLUSTER_ID.replace('1', '9') });
  const stranger = await planes.open(3, { member: 9 });
  assert(stranger.kind === 'opened');
  await planes.world.runFor(3_000);
  assert.equal(plane.peers.isUp(2), false);
  assert.equal(stranger.plane.peers.isUp(1), false);
});

test('a member that is taken in later is talked to, until it is dropped', async () => {
  const planes = new Planes(8);
  const plane = await planes.start(1);
  plane.addPeer({ member: 4, address: planes.address(2) });
  const opening = await planes.open(2, { member: 4 });
  assert(opening.kind === 'opened');
  assert(await planes.world.runUntil(() => plane.peers.isUp(4), 10_000));
  plane.removePeer(4);
  await planes.world.runFor(1_000);
  assert.equal(plane.peers.isUp(4), false);
});

test('a member whose disk fails says so once, and closes all the same', async () => {
  const planes = new Planes(9);
  await planes.startAll();
  const leader = planes.leader();
  assert(leader !== undefined);
  planes.world.machine(`n${leader}`).disk.rules({ syncErrorRate: 1 });
  await planes.put(new ShardSession(planes.client()), 'a', '1');
  await planes.world.runFor(2_000);
  assert.equal(planes.fatal.length, 1);
  await planes.world.settle(planes.planes.get(leader)?.close() ?? Promise.resolve());
});
