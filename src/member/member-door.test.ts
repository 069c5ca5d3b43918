// A member on the machine's own network and disk, behind the one port that it has.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { silentLog } from '../../test/support/silent-log.ts';
import type { Capabilities, Disk, DiskFile } from '../base/capabilities.ts';
import type { SocketAddress } from '../base/ids.ts';
import { CLASSIC } from '../cluster/index.ts';
import { openHttpEdge } from '../edge/http/index.ts';
import { realCapabilities } from '../engine/capabilities.ts';
import { openLmdbStore } from '../engine/store/index.ts';
import { ClientConnections, ShardClient } from '../replica/requests/index.ts';
import { decodeResult, encodeCommand } from '../replica/state/index.ts';
import type { WriteOutcome } from '../replica/types.ts';
import { decodeKvResult, encodeKvCommand, kvMachine } from '../service/kv/index.ts';
import { type Member, openMember } from './member.ts';

const CLUSTER_ID = '11111111-2222-4333-8444-555555555555';
const ANY_PORT = '127.0.0.1:0' as SocketAddress;

const add = encodeCommand({
  kind: 'plain',
  body: encodeKvCommand({ kind: 'add', key: new TextEncoder().encode('hits'), amount: 1 }),
});

/** A member with all its parts, and a client of it. */
class Home {
  readonly capabilities: Capabilities;
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.capabilities = realCapabilities({ dataDirectory: directory, log: silentLog });
  }

  async open(capabilities = this.capabilities): Promise<Member> {
    const { clock } = capabilities;
    const opening = await openMember(
      {
        capabilities,
        proposedHost: '127.0.0.1',
        replicas: {
          openStore: (below, events) =>
            Promise.resolve(openLmdbStore({ clock, path: join(this.#directory, below) }, events)),
          machineOf: () => kvMachine,
          onFatal: (reason) => assert.fail(reason),
        },
        openHttp: (home) => openHttpEdge({ ...capabilities, ...home, version: '1.2.3' }),
      },
      {
        cluster: { name: 'test', uuid: CLUSTER_ID },
        listen: ANY_PORT,
        directory: '',
        gossip: { ...CLASSIC, nodeId: 'n1', advertised: undefined, seeds: [] },
        replicas: { member: 1, peers: [], shards: [{ shard: 1, founders: [1] }] },
      },
    );
    assert(opening.kind === 'opened');
    return opening.member;
  }

  clientOf(member: Member): { callees: ClientConnections; client: ShardClient } {
    const members = new Map([[1, member.address]]);
    const options = { ...this.capabilities, clusterId: CLUSTER_ID, members };
    const callees = new ClientConnections(options);
    return { callees, client: new ShardClient({ ...this.capabilities, callees, shard: 1 }) };
  }
}

async function homeFor(t: TestContext): Promise<Home> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-replicas-'));
  t.after(() => rm(directory, { recursive: true }));
  return new Home(directory);
}

function addOne(client: ShardClient): Promise<WriteOutcome> {
  return new Promise((resolve) => {
    client.propose(add, 10_000, false, resolve);
  });
}

test('one port serves gossip, HTTP and commands, and what was acknowledged stays', async (t) => {
  const home = await homeFor(t);
  for (const sum of [1, 2]) {
    const member = await home.open();
    const { callees, client } = home.clientOf(member);
    const outcome = await addOne(client);
    assert(outcome.kind === 'applied', JSON.stringify(outcome));
    const result = decodeResult(outcome.result);
    assert(result?.kind === 'done');
    assert.deepEqual(decodeKvResult(result.body), { kind: 'sum', version: outcome.index, sum });
    const page = await fetch(`http://${member.address}/`);
    assert.match(await page.text(), /"node_id": "n1"/);
    callees.close();
    await member.close();
  }
});

/** A disk on which `sync` waits, from `hold` to `release`. */
function slowDisk(disk: Disk): { disk: Disk; hold: () => Promise<void>; release: () => void } {
  const begun = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  let isHeld = false;
  const slowed = (file: DiskFile): DiskFile => ({
    path: file.path,
    size: () => file.size(),
    read: (offset, into) => file.read(offset, into),
    write: (offset, bytes) => file.write(offset, bytes),
    sync: async () => {
      if (isHeld) {
        begun.resolve();
        await released.promise;
      }
      await file.sync();
    },
    truncate: (size) => file.truncate(size),
    close: () => file.close(),
  });
  return {
    disk: {
      open: async (path, mode) => slowed(await disk.open(path, mode)),
      list: (directory) => disk.list(directory),
      makeDirectory: (directory) => disk.makeDirectory(directory),
      rename: (from, to) => disk.rename(from, to),
      remove: (path) => disk.remove(path),
      syncDirectory: (directory) => disk.syncDirectory(directory),
      freeBytes: () => disk.freeBytes(),
      lock: (path) => disk.lock(path),
    },
    /** Resolves when somebody waits. */
    hold: () => {
      isHeld = true;
      return begun.promise;
    },
    release: () => released.resolve(),
  };
}

test('who waits when a member behind a door closes hears what became of it', async (t) => {
  const home = await homeFor(t);
  const slow = slowDisk(home.capabilities.disk);
  const member = await home.open({ ...home.capabilities, disk: slow.disk });
  const { callees, client } = home.clientOf(member);
  await addOne(client);
  const whenWaiting = slow.hold();
  const outcome = addOne(client);
  await whenWaiting;
  const closing = member.close();
  setTimeout(slow.release, 50);
  const heard = await outcome;
  const isTold =
    heard.kind === 'applied' || (heard.kind === 'unknown' && heard.reason === 'stopped');
  assert.ok(isTold, JSON.stringify(heard));
  callees.close();
  await closing;
});
