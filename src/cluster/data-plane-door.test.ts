// A member on the machine's own network and disk, behind the one port that it has.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLog } from '../../test/support/silent-log.ts';
import type { SocketAddress } from '../base/ids.ts';
import { realCapabilities } from '../engine/capabilities.ts';
import { openLmdbStore } from '../engine/store/index.ts';
import { openFrontDoor } from '../engine/transport/index.ts';
import { ClientConnections, ShardClient } from '../replica/requests/index.ts';
import { decodeResult, encodeCommand } from '../replica/state/index.ts';
import type { WriteOutcome } from '../replica/types.ts';
import { decodeKvResult, encodeKvCommand, kvMachine } from '../service/kv/index.ts';
import { DataPlane, type DataPlaneParts } from './data-plane.ts';

const CLUSTER_ID = '11111111-2222-4333-8444-555555555555';
const ANY_PORT = '127.0.0.1:0' as SocketAddress;

const add = encodeCommand({
  kind: 'plain',
  body: encodeKvCommand({ kind: 'add', key: new TextEncoder().encode('hits'), amount: 1 }),
});

test('one port serves HTTP and commands, and what was acknowledged stays', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'parley-plane-'));
  t.after(() => rm(directory, { recursive: true }));
  const capabilities = realCapabilities({ dataDirectory: directory, log: silentLog });
  const { clock } = capabilities;
  const http = createServer((_request, response) => response.end('hello'));
  const parts: DataPlaneParts = {
    capabilities,
    openStore: (below, events) =>
      Promise.resolve(openLmdbStore({ clock, path: join(directory, below) }, events)),
    machineOf: () => kvMachine,
    onFatal: (reason) => assert.fail(reason),
    listen: async (onStream) => {
      const door = await openFrontDoor(ANY_PORT, { http, frames: onStream });
      return { address: door.address, close: () => door.close(0) };
    },
  };
  for (const sum of [1, 2]) {
    const opening = await DataPlane.open(parts, {
      clusterId: CLUSTER_ID,
      member: 1,
      listen: ANY_PORT,
      peers: [],
      shards: [{ shard: 1, founders: [1] }],
      directory: '',
    });
    assert(opening.kind === 'opened');
    const { plane } = opening;
    const callees = new ClientConnections({
      ...capabilities,
      clusterId: CLUSTER_ID,
      members: new Map([[1, plane.address]]),
    });
    const client = new ShardClient({ ...capabilities, callees, shard: 1 });
    const outcome = await new Promise<WriteOutcome>((resolve) => {
      client.propose(add, 10_000, false, resolve);
    });
    assert(outcome.kind === 'applied', JSON.stringify(outcome));
    const result = decodeResult(outcome.result);
    assert(result?.kind === 'done');
    assert.deepEqual(decodeKvResult(result.body), { kind: 'sum', version: outcome.index, sum });
    const page = await fetch(`http://${plane.address}/`);
    assert.equal(await page.text(), 'hello');
    callees.close();
    await plane.close();
  }
});
