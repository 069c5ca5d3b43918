// What leaders do for machines, and what members of different releases do to each other.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bytes, HostCluster, text } from '../../../test/support/host-cluster.ts';
import { ReferenceMachine } from '../../../test/support/reference-machine.ts';
import { must } from '../../base/assert.ts';
import type { MachineEdition, ShardMachine } from '../../core/machine.ts';
import type { ConfChange } from '../../core/raft/index.ts';
import type { FeedNews } from '../feed/index.ts';
import { type Command } from '../state/commands.ts';
import { decodeResult, encodeCommand, type ShardEditions } from '../state/index.ts';
import type { WriteOutcome } from '../types.ts';
import { decodeMachinesNote, encodeMachinesNote } from './machines-codec.ts';

const ONE: readonly MachineEdition[] = [{ version: 1, limits: { keyChars: 8, valueChars: 8 } }];
const TWO: readonly MachineEdition[] = [
  ...ONE,
  { version: 2, limits: { keyChars: 8, valueChars: 16 } },
];
const LONG = '1234567890';

/** A cluster whose members can be started with another release. */
async function startReleases(old: readonly number[], shards = 1, newcomers = 0) {
  const releases = new Map<number, ShardMachine>();
  const members = Array.from({ length: 3 + newcomers }, (_, i) => i + 1);
  for (const id of members) releases.set(id, new ReferenceMachine(old.includes(id) ? ONE : TWO));
  const machineOf = (member: number): ShardMachine => must(releases.get(member), 'a release');
  const cluster = await HostCluster.start({ seed: 5, shards, newcomers, machineOf });
  return { cluster, releases };
}

async function run(cluster: HostCluster, command: Command, shard = 1) {
  const leader = await cluster.elect(shard);
  const outcome = await cluster.world.settle(
    new Promise<{ result?: Uint8Array }>((resolve) => {
      cluster.plane(leader).host.propose(shard, encodeCommand(command), (told) => {
        resolve(told.kind === 'applied' ? { result: told.result } : {});
      });
    }),
  );
  return decodeResult(outcome.result ?? new Uint8Array(0));
}

async function put(cluster: HostCluster, line: string, shard = 1): Promise<string> {
  const result = await run(cluster, { kind: 'plain', body: bytes(line) }, shard);
  return result?.kind === 'done' ? text(result.body) : String(result?.kind);
}

async function versions(cluster: HostCluster): Promise<string> {
  const leader = await cluster.elect();
  return cluster.get(leader, 'strong', 'get a');
}

// --- releases -----------------------------------------------------------------------------------

test('[M5, M7] limits are the old ones until the last member is upgraded', async () => {
  const { cluster, releases } = await startReleases([1, 2, 3]);
  const accepts = async (): Promise<boolean> => (await put(cluster, `put a ${LONG}`)) === 'ok';
  assert.equal(await accepts(), false);
  for (const id of [1, 2, 3]) {
    cluster.kill(id);
    releases.set(id, new ReferenceMachine(TWO));
    await cluster.restart(id);
    assert.ok(await cluster.converge());
    await cluster.world.runFor(4_000);
    assert.equal(await accepts(), id === 3, `members 1 to ${id} are new`);
  }
  assert.ok(await cluster.converge());
  const digests = [1, 2, 3].map((id) => cluster.plane(id).digest(1));
  assert.equal(new Set(digests).size, 1);
  assert.equal(await versions(cluster), `strong "${LONG}"`);
  assert.deepEqual(cluster.fatal, []);
  await cluster.close();
});

test('[M6] a forced raise stops the old replica alone, which goes on as a new one', async () => {
  const { cluster, releases } = await startReleases([3], 2);
  for (let i = 0; (await cluster.elect()) === 3; i++) {
    assert.ok(i < 5, 'another one leads');
    cluster.plane(3).host.transferLeader(1, 1);
    await cluster.world.runFor(1_000);
  }
  await cluster.world.runFor(4_000);
  assert.equal(await put(cluster, `put a ${LONG}`), 'malformed', 'nobody raises for two of three');
  const leader = await cluster.elect();
  const raised: ShardEditions = {
    kind: 'reference',
    machine: must(TWO[1], 'a second edition'),
    shard: { version: 1, limits: SHARD_LIMITS },
  };
  cluster.plane(leader).host.raise(1, raised);
  await cluster.world.runFor(500);
  assert.equal(await put(cluster, `put a ${LONG}`), 'ok');
  assert.match(cluster.status(3)?.waitsFor ?? '', /this release cannot carry it out: .*version 2/);
  assert.equal(await put(cluster, 'put a 1', 2), 'ok', 'its other shard goes on');
  assert.deepEqual(cluster.fatal, []);

  await cluster.world.runFor(1_000);
  cluster.kill(3);
  await cluster.restart(3);
  await cluster.world.runFor(1_000);
  assert.equal(await cluster.get(3, 'local', 'get a'), 'refused unknownShard', 'old as before');
  cluster.kill(3);
  releases.set(3, new ReferenceMachine(TWO));
  await cluster.restart(3);
  assert.ok(await cluster.converge());
  assert.equal(cluster.plane(3).digest(1), cluster.plane(leader).digest(1));
  await cluster.close();
});

async function addLearner(cluster: HostCluster, node: number): Promise<string> {
  const { host } = cluster.plane(await cluster.elect());
  const change: ConfChange = {
    version: 1,
    transition: 'auto',
    changes: [{ kind: 'addLearner', node }],
    context: new Uint8Array(0),
  };
  const outcome = await cluster.world.settle(
    new Promise<WriteOutcome>((resolve) => host.changeConfig(1, change, resolve)),
  );
  return outcome.kind === 'applied' ? outcome.kind : `${outcome.kind} ${outcome.reason}`;
}

test('[H47] a member of an older release is not added to a shard that was raised', async () => {
  const { cluster, releases } = await startReleases([4], 1, 1);
  await cluster.world.runFor(4_000);
  assert.equal(await put(cluster, `put a ${LONG}`), 'ok', 'the three raised the shard');
  assert.equal(await addLearner(cluster, 4), 'refused releaseTooOld');
  cluster.kill(4);
  releases.set(4, new ReferenceMachine(TWO));
  await cluster.restart(4);
  await cluster.world.runFor(1_000);
  assert.equal(await addLearner(cluster, 4), 'applied');
  await cluster.world.runFor(2_000);
  assert.equal(cluster.plane(4).digest(1), cluster.plane(await cluster.elect()).digest(1));
  await cluster.close();
});

test('[H47] what a member said is asked for again when its line was lost on one side', async () => {
  const { cluster } = await startReleases([], 1, 1);
  await cluster.world.runFor(4_000);
  assert.equal(await put(cluster, `put a ${LONG}`), 'ok', 'the three raised the shard');
  const { host } = cluster.plane(await cluster.elect());
  host.onPeerDown(4);
  host.onPeerUp(4);
  await cluster.world.runFor(500);
  assert.equal(await addLearner(cluster, 4), 'applied');
  await cluster.close();
});

const SHARD_LIMITS = {
  sessionsMax: 4_096,
  sessionIdleMs: 3_600_000,
  sessionResultBytesMax: 1_024,
  pairKeyBytesMax: 1_536,
  pairValueBytesMax: 196_608,
  deletedPairsMax: 1_024,
};

// --- time ---------------------------------------------------------------------------------------

test('[M12] machines are woken in time, hibernating or not, and by the next leader', async () => {
  const { cluster } = await startReleases([], 3);
  for (const shard of cluster.shards) {
    assert.equal(await put(cluster, 'put a 1 20000', shard), 'ok');
    assert.equal(await put(cluster, 'put b 1 60000', shard), 'ok');
  }
  const allHibernate = (): boolean => {
    return cluster.shards.every((shard) => {
      return [...cluster.planes.keys()].every((id) => {
        return cluster.status(id, shard)?.isHibernating === true;
      });
    });
  };
  assert.ok(await cluster.world.runUntil(allHibernate, 10_000));
  await cluster.world.runFor(5_000);
  assert.ok(allHibernate(), 'an alarm does not keep a shard awake');
  await cluster.world.runFor(16_000);
  for (const id of [1, 2, 3]) {
    for (const shard of cluster.shards) {
      assert.equal(await cluster.get(id, 'local', 'get a', shard), 'local ""');
      assert.equal(await cluster.get(id, 'local', 'get b', shard), 'local "1"');
    }
  }
  cluster.kill(await cluster.elect());
  await cluster.world.runFor(60_000);
  for (const id of cluster.planes.keys()) {
    for (const shard of cluster.shards) {
      assert.equal(await cluster.get(id, 'local', 'get b', shard), 'local ""');
    }
  }
  await cluster.close();
});

test('[M13] a range that is longer than a slice goes by itself', async () => {
  const { cluster } = await startReleases([]);
  for (let i = 0; i < 30; i++) {
    const key = `a${String.fromCharCode(97 + (i % 26))}${i < 26 ? '' : 'x'}`;
    assert.equal(await put(cluster, `put ${key} 1`), 'ok');
  }
  assert.equal(await put(cluster, 'drop a'), 'dropping');
  await cluster.world.runFor(2_000);
  assert.equal(await cluster.get(await cluster.elect(), 'strong', 'count'), 'strong "0"');
  await cluster.close();
});

// --- events and questions -----------------------------------------------------------------------

test('[F2, M8] every replica tells its followers the same events', async () => {
  const { cluster } = await startReleases([]);
  const heard = new Map<number, string[]>();
  await cluster.elect();
  for (const id of [1, 2, 3]) {
    const told: string[] = [];
    heard.set(id, told);
    const onNews = (news: FeedNews): void => {
      if (news.kind !== 'events') assert.fail(`a ${news.kind}`);
      for (const { event, index, topic } of news.events) {
        told.push(`${index} ${text(topic)}=${text(event)}`);
      }
    };
    assert.ok(cluster.plane(id).host.follow(1, 1, onNews));
  }
  for (const line of ['put a 1', 'put b 2 50', 'put a 3']) await put(cluster, line);
  await cluster.world.runFor(2_000);
  const [first = [], ...others] = heard.values();
  assert.deepEqual(
    first.map((line) => line.replace(/^\d+ /, '')),
    ['a=1', 'b=2', 'a=3', 'b='],
  );
  for (const other of others) assert.deepEqual(other, first);
  await cluster.close();
});

test('[M11] a question waits for an event on any replica, and is answered in the end', async () => {
  const { cluster } = await startReleases([]);
  const leader = await cluster.elect();
  const answers: string[] = [];
  for (const id of [1, 2, 3]) {
    const level = id === leader ? 'strong' : 'local';
    cluster.plane(id).host.read(1, level, bytes('await a '), (answer) => {
      answers.push(answer.kind === 'answered' ? text(answer.result) : answer.reason);
    });
  }
  await cluster.world.runFor(300);
  assert.deepEqual(answers, []);
  await put(cluster, 'put b 1');
  await cluster.world.runFor(300);
  assert.deepEqual(answers, [], 'another topic');
  await put(cluster, 'put a 7');
  await cluster.world.runFor(300);
  assert.deepEqual(answers, ['7', '7', '7']);
  assert.equal(await cluster.get(leader, 'strong', 'await a 7'), 'strong "7"', 'its time is over');
  await cluster.close();
});

test('[H45] a question that waits on a hibernating replica is answered in the end', async () => {
  const { cluster } = await startReleases([]);
  assert.equal(await put(cluster, 'put a 1'), 'ok');
  const isHibernating = (id: number): boolean => cluster.status(id)?.isHibernating === true;
  assert.ok(await cluster.world.runUntil(() => [1, 2, 3].every(isHibernating), 10_000));
  const answers: string[] = [];
  for (const id of [1, 2, 3]) {
    cluster.plane(id).host.read(1, 'local', bytes('await a 1'), (answer) => {
      answers.push(answer.kind === 'answered' ? text(answer.result) : answer.reason);
    });
  }
  await cluster.world.runFor(3_000);
  assert.deepEqual(answers, ['1', '1', '1']);
  assert.ok(await cluster.world.runUntil(() => [1, 2, 3].every(isHibernating), 10_000));
  await cluster.close();
});

// --- sessions -----------------------------------------------------------------------------------

const SESSION_BYTES = 200;

test('[D21] sessions of many shards stay within the bound of every member', async () => {
  const sessionBytesMax = 40 * SESSION_BYTES;
  const shards = 12;
  const cluster = await HostCluster.start({ seed: 9, shards, host: { sessionBytesMax } });
  const clients: { shard: number; client: number; writes: number }[] = [];
  let most = 0;
  for (let round = 0; round < 10; round++) {
    for (const shard of cluster.shards) {
      const opened = await run(cluster, { kind: 'open' }, shard);
      assert.ok(opened?.kind === 'opened', opened?.kind);
      const { client } = opened;
      const body = bytes(`k${shard}.${client}=done`);
      const result = await run(cluster, { kind: 'session', client, sequence: 1, body }, shard);
      clients.push({ shard, client, writes: result?.kind === 'done' ? 1 : 0 });
    }
    await cluster.world.runFor(600);
    for (const id of [1, 2, 3]) most = Math.max(most, cluster.plane(id).sessionBytes);
  }
  assert.ok(most > 0 && most <= sessionBytesMax * 1.1, `${most} bytes of ${sessionBytesMax}`);
  assert.ok(await cluster.converge());
  for (const shard of cluster.shards) {
    const digests = new Set([1, 2, 3].map((id) => cluster.plane(id).digest(shard)));
    assert.equal(digests.size, 1);
  }
  // The same command again: its result, or nothing known any more, and no second effect.
  const kinds = new Map<string, number>();
  for (const { client, shard, writes } of clients) {
    const body = bytes(`k${shard}.${client}=twice`);
    const again = await run(cluster, { kind: 'session', client, sequence: 1, body }, shard);
    kinds.set(again?.kind ?? 'none', (kinds.get(again?.kind ?? 'none') ?? 0) + 1);
    assert.ok(again?.kind === 'done' || again?.kind === 'expired', again?.kind);
    if (writes === 0) continue;
    const leader = await cluster.elect(shard);
    const held = await cluster.get(leader, 'strong', `k${shard}.${client}`, shard);
    assert.equal(held, 'strong "done"');
  }
  assert.ok(
    (kinds.get('expired') ?? 0) > 50 && (kinds.get('done') ?? 0) > 10,
    JSON.stringify([...kinds]),
  );
  await cluster.close();
});

test('[D21] a member that leads nothing is kept within its bound by those that lead', async () => {
  const small = 10 * SESSION_BYTES;
  const sizes = new Map([[3, small]]);
  const uneven = await HostCluster.start({
    seed: 3,
    shards: 4,
    hostOf: (id) => ({ sessionBytesMax: sizes.get(id) ?? 1_000_000 }),
  });
  for (const shard of uneven.shards) {
    for (let i = 0; (await uneven.elect(shard)) === 3; i++) {
      assert.ok(i < 5, 'another one leads');
      uneven.plane(3).host.transferLeader(shard, 1);
      await uneven.world.runFor(1_000);
    }
  }
  for (let round = 0; round < 8; round++) {
    for (const shard of uneven.shards) await run(uneven, { kind: 'open' }, shard);
  }
  await uneven.world.runFor(2_000);
  assert.ok(uneven.plane(3).sessionBytes <= small, `${uneven.plane(3).sessionBytes}`);
  assert.ok(uneven.plane(3).sessionBytes > small / 4, 'and keeps what it can');
  await uneven.close();
});

test('[H48] a member whose disk stands still does not cost others their sessions', async () => {
  const sessionBytesMax = 40 * SESSION_BYTES;
  const cluster = await HostCluster.start({ seed: 9, host: { sessionBytesMax } });
  const leader = await cluster.elect();
  const held = (id: number): number => cluster.plane(id).sessionBytes / SESSION_BYTES;
  for (let i = 0; i < 40; i++) await run(cluster, { kind: 'open' });
  assert.ok(await cluster.converge());
  // Its disk stops when it has one too many, so that it cannot hear of any that end.
  const stuck = (leader % 3) + 1;
  const opening = run(cluster, { kind: 'open' });
  assert.ok(await cluster.world.runUntil(() => held(stuck) > 40, 1_000));
  cluster.machine(stuck).disk.rules({ slowFactor: 1e7 });
  await opening;
  await cluster.world.runFor(10_000);
  assert.equal(held(stuck), 41);
  assert.equal(held(leader), 32, 'a fifth went, once');
});

test('[H48] sessions of a shard that is closed here do not crowd out others', async () => {
  const sessionBytesMax = 40 * SESSION_BYTES;
  const cluster = await HostCluster.start({ seed: 9, shards: 2, host: { sessionBytesMax } });
  for (let i = 0; i < 38; i++) await run(cluster, { kind: 'open' }, 1);
  assert.ok(await cluster.converge());
  const closed = ((await cluster.elect(2)) % 3) + 1;
  assert.ok(cluster.plane(closed).host.closeShard(1));
  await cluster.elect(1);
  const clients: number[] = [];
  for (let i = 0; i < 10; i++) {
    const opened = await run(cluster, { kind: 'open' }, 2);
    assert.ok(opened?.kind === 'opened', opened?.kind);
    clients.push(opened.client);
  }
  await cluster.world.runFor(10_000);
  let left = 0;
  for (const client of clients) {
    const body = bytes('a=1');
    const result = await run(cluster, { kind: 'session', client, sequence: 1, body }, 2);
    if (result?.kind === 'done') left += 1;
  }
  assert.ok(left >= 6, `${left} of 10 are left`);
  await cluster.close();
});

// --- notes --------------------------------------------------------------------------------------

test('[M7] notes come back as they were, and strange bytes are none', () => {
  const edition = { version: 3, limits: { a: 1, b: 2 } };
  const newest = [{ kind: 'kv', machine: edition, shard: edition }];
  const note = { keep: 700, asks: true, newest };
  const body = encodeMachinesNote(note);
  assert.deepEqual(decodeMachinesNote(body), note);
  const answer = { ...note, asks: false };
  assert.deepEqual(decodeMachinesNote(encodeMachinesNote(answer)), answer);
  for (let length = 0; length < body.length; length++) {
    if (length !== 2) assert.equal(decodeMachinesNote(body.subarray(0, length)), undefined);
  }
  assert.equal(decodeMachinesNote(encodeMachinesNote({ ...note, keep: 1_001 })), undefined);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => void decodeMachinesNote(noise)),
  );
});
