// Settings with which a member cannot run: each is refused with its name, the reason and a way out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from '../../sim/index.ts';
import type { SocketAddress } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import { openMemoryStore } from '../engine/store/index.ts';
import { segmentBytesFor } from '../engine/wal/index.ts';
import { encodeCommand } from '../replica/state/index.ts';
import type { WriteOutcome } from '../replica/types.ts';
import { kvMachine } from '../service/kv/index.ts';
import { RANGES } from './data-plane-numbers.ts';
import { MemberReplicas } from './member-replicas.ts';
import { FEATURES_ALL, type ReplicaSettings, refusalOfReplicas } from './replica-settings.ts';

const HERE = '10.0.0.1:7000' as SocketAddress;

const SOUND: ReplicaSettings = {
  clusterId: '11111111-2222-4333-8444-555555555555',
  member: 1,
  peers: [
    { member: 2, address: '10.0.0.2:7000' as SocketAddress },
    { member: 3, address: '10.0.0.3:7000' as SocketAddress },
  ],
  shards: [
    { shard: 0, founders: [1, 2, 3] },
    { shard: 7, founders: [] },
  ],
  directory: 'data',
};

/** Alone, as tests below open it. */
const ALONE: Partial<ReplicaSettings> = { peers: [], shards: [{ shard: 1, founders: [1] }] };

function peersAt(...addresses: readonly string[]): ReplicaSettings['peers'] {
  return addresses.map((address, i) => ({ member: i + 2, address: address as SocketAddress }));
}

function lineOf(changes: Partial<ReplicaSettings>): string | undefined {
  return refusalOfReplicas({ ...SOUND, ...changes })?.line;
}

test('settings that are sound, and those with nothing but defaults, are taken', () => {
  assert.equal(lineOf({}), undefined);
  assert.equal(lineOf({ ...ALONE, directory: '' }), undefined);
});

const REFUSED: readonly (readonly [Partial<ReplicaSettings>, RegExp])[] = [
  [{ clusterId: 'testing' }, /^clusterId is "testing": .* uuid/],
  [{ directory: '../elsewhere' }, /^directory is "..\/elsewhere": .* relative path/],
  [{ member: 0 }, /^member is 0: .* from 1 to 4294967295/],
  [{ member: 1.5 }, /^member is 1.5: /],
  [{ member: 2 ** 32 }, /^member is 4294967296: /],
  [{ peers: [{ member: 0, address: HERE }] }, /^peers\[0\].member is 0: /],
  [{ peers: [{ member: 1, address: HERE }] }, /^peers\[0\].member is 1: .* of its own/],
  [{ peers: [...SOUND.peers, ...peersAt('10.0.0.4:1')] }, /^peers is 2, 3, 2: 2 is there twice/],
  [{ peers: peersAt('host:1') }, /^peers\[0\].address is "host:1": .* IP:PORT/],
  [{ peers: peersAt('10.0.0.2:0') }, /^peers\[0\].address is "10.0.0.2:0": nobody can be reached/],
  [{ peers: peersAt('0.0.0.0:7000') }, /^peers\[0\].address is "0.0.0.0:7000": nobody can/],
  [{ peers: peersAt('10.0.0.2:1', '10.0.0.2:1') }, /^peers\[1\].* is the address of member 2/],
  [{ shards: [{ shard: -1, founders: [] }] }, /^shards\[0\].shard is -1: .* from 0 to 4294967295/],
  [{ shards: [{ shard: 1, founders: [1, 2, 1] }] }, /^shards\[0\].founders is 1, 2, 1: 1 is there/],
  [{ shards: [{ shard: 1, founders: [0] }] }, /^shards\[0\].founders is 0: that is no id/],
  [
    { shards: [{ shard: 1, founders: Array.from({ length: 257 }, (_, i) => i + 1) }] },
    /^shards\[0\].founders is 257 members: .* 256 at most/,
  ],
  [{ shards: [...SOUND.shards, ...SOUND.shards] }, /^shards is 0, 7, 0, 7: 0 is there twice/],
  [{ features: FEATURES_ALL + 1 }, /^features is \d+: .* does not understand/],
  [{ features: -1 }, /^features is -1: /],
  [
    { features: 0, host: { hibernation: true } },
    /^host.hibernation is true: .* Add 1 to the features/,
  ],
  [{ host: { tickMs: Number.NaN } }, /^host.tickMs is NaN: .* a number from 1 to/],
  [{ wal: { segmentBytes: 8192.5 } }, /^wal.segmentBytes is 8192.5: .* a whole number from 8192/],
];

test('what cannot be is refused with its name, the reason and what to give instead', () => {
  for (const [changes, expected] of REFUSED) {
    assert.match(lineOf(changes) ?? 'taken', expected, JSON.stringify(changes));
    assert.match(lineOf(changes) ?? 'taken', / \[E_CONFIG\]$/);
  }
});

const CONTRADICTIONS: readonly (readonly [Partial<ReplicaSettings>, RegExp])[] = [
  [
    { wal: { segmentBytes: 1024 * 1024, batchBytesMax: 1024 } },
    /^wal.segmentBytes is 1048576, and host.commandBytesMax is 1048576: .* Give .* 1052772 or more/,
  ],
  [
    { wal: { batchBytesMax: 9 * 1024 * 1024 } },
    /^wal.segmentBytes .* wal.batchBytesMax is 9437184/,
  ],
  [{ wal: { reserveBytes: 1024 } }, /^wal.reserveBytes is 1024, and wal.segmentBytes is 16777216/],
  [{ host: { heartbeatTicks: 10 } }, /^host.electionTicks is 10, .* Give host.electionTicks 11/],
  [{ host: { tickMs: 2 } }, /^host.tickMs is 2, and host.phases is 3/],
  [
    { host: { hibernateAfterTicks: 9 } },
    /^host.hibernateAfterTicks is 9, and host.electionTicks is 10/,
  ],
  [{ host: { electionTicks: 21, hibernateAfterTicks: 21 } }, /^host.lostTicks is 20, and/],
];

test('two numbers that contradict each other are refused with both', () => {
  for (const [changes, expected] of CONTRADICTIONS) {
    assert.match(lineOf(changes) ?? 'taken', expected, JSON.stringify(changes));
  }
});

/** Opens a member alone, puts one command through it and closes it again. */
async function propose(changes: Partial<ReplicaSettings>, bytes: number): Promise<WriteOutcome> {
  const world = new World({ seed: 1 });
  const { capabilities } = world.machine('n1');
  const { clock, disk } = capabilities;
  const parts = {
    capabilities,
    machineOf: () => kvMachine,
    onFatal: (reason: string) => assert.fail(reason),
    openStore: (directory: string, events: Parameters<typeof openMemoryStore>[1]) =>
      openMemoryStore({ clock, disk, directory }, events),
  };
  const settings = { ...SOUND, ...ALONE, directory: '', ...changes };
  const replicas = await world.settle(MemberReplicas.open(parts, settings));
  const isLed = (): boolean => (replicas.host.status(1)?.applied.index ?? 0) > 1;
  assert(await world.runUntil(isLed, 3_600_000), `alone and leads: ${JSON.stringify(changes)}`);
  const payload = new Uint8Array(bytes);
  payload.set(encodeCommand({ kind: 'plain', body: new Uint8Array(0) }));
  const outcome = await world.settle(
    new Promise<WriteOutcome>((resolve) => {
      replicas.host.propose(1, payload, resolve);
    }),
  );
  await world.settle(replicas.close());
  return outcome;
}

test('the largest command fits the smallest segment, and a larger one is refused', async () => {
  const { payloadBytesMax } = LIMITS.replica;
  for (const commandBytesMax of [payloadBytesMax, 4_000]) {
    const segmentBytes = Math.max(8_192, segmentBytesFor(commandBytesMax));
    const wal = { segmentBytes, batchBytesMax: 4_096 };
    const host = { commandBytesMax };
    const large = await propose({ wal, host }, commandBytesMax);
    assert.equal(large.kind, 'applied', JSON.stringify(large));
    const tooLarge = await propose({ wal, host }, commandBytesMax + 1);
    assert.deepEqual(
      [tooLarge.kind, 'reason' in tooLarge && tooLarge.reason],
      ['refused', 'tooLarge'],
    );
  }
});

/** What is to be expected of a member that may take next to nothing. */
const SAYS_NO = new Map([
  ['host.commandBytesMax 1', 'tooLarge'],
  [`wal.reserveBytes ${2 ** 50}`, 'diskFull'],
]);

test('with any number at its least or its most a member opens and takes commands', async () => {
  let opened = 0;
  for (const [name, range] of Object.entries(RANGES)) {
    const [group, key] = name.split('.') as [string, string];
    // Nobody waits for a year, or for a gigabyte of zeros.
    const most = range.isWhole && key !== 'segmentBytes' ? range.max : range.min;
    for (const value of new Set([range.min, most])) {
      const changes = { [group]: { [key]: value } };
      if (refusalOfReplicas({ ...SOUND, ...ALONE, ...changes }) !== undefined) continue;
      opened += 1;
      const outcome = await propose(changes, 100);
      const found = outcome.kind === 'refused' ? outcome.reason : outcome.kind;
      assert.equal(found, SAYS_NO.get(`${name} ${value}`) ?? 'applied', `${name} ${value}`);
    }
  }
  assert.ok(opened > 40, `${opened} were opened`);
});
