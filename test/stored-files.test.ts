// Every build opens what earlier builds have stored: the log, the store, what is kept of members.
//
// `stored/N-STORE.json` are the files of a member as a build wrote them. They are never written
// again: --update writes another one beside them. Commit it where what is stored has changed.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { SocketAddress } from '../src/base/ids.ts';
import type { MemberReplicasParts } from '../src/cluster/index.ts';
import { realCapabilities } from '../src/engine/capabilities.ts';
import { openLmdbStore, openMemoryStore } from '../src/engine/store/index.ts';
import { type Member, openMember } from '../src/member/index.ts';
import { encodeCommand } from '../src/replica/state/index.ts';
import type { WriteOutcome } from '../src/replica/types.ts';
import {
  decodeKvAnswer,
  encodeKvCommand,
  encodeKvQuery,
  kvMachine,
} from '../src/service/kv/index.ts';
import { silentLog } from './support/silent-log.ts';

const STORED = fileURLToPath(new URL('./stored/', import.meta.url));
const STORES = ['memory', 'lmdb'] as const;
const UPDATING = process.env['PARLEY_TEST_UPDATE'] === '1';
const SHARDS = [1, 2];
/** Enough that segments rotate, the log is cut, and a state is behind it. */
const WRITES = 60;
const TOGETHER = 20;
/** Of a client that sends its last command again. */
const LAST = 'last';

type StoreName = (typeof STORES)[number];

interface Fixture {
  readonly store: StoreName;
  /** By path below the member's directory: base64 of what gzip makes of it. */
  readonly files: Readonly<Record<string, string>>;
  /** By shard: keys and values. */
  readonly pairs: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** By shard: a session, and how often its last command had its effect. */
  readonly sessions: Readonly<Record<string, { readonly client: number; readonly sum: number }>>;
}

async function open(directory: string, store: StoreName): Promise<Member> {
  const capabilities = realCapabilities({ dataDirectory: directory, log: silentLog });
  const { clock, disk } = capabilities;
  const openStore: MemberReplicasParts['openStore'] = (below, events) =>
    store === 'memory'
      ? openMemoryStore({ clock, disk, directory: below, flushDelayMs: 20 }, events)
      : Promise.resolve(
          openLmdbStore({ clock, path: join(directory, below), flushDelayMs: 20 }, events),
        );
  const opening = await openMember(
    {
      capabilities,
      proposedHost: '127.0.0.1',
      replicas: { openStore, machineOf: () => kvMachine, onFatal: (reason) => assert.fail(reason) },
    },
    {
      cluster: { name: 'stored', uuid: '11111111-2222-4333-8444-555555555555' },
      listen: '127.0.0.1:0' as SocketAddress,
      directory: '',
      replicas: {
        member: 1,
        peers: [],
        shards: SHARDS.map((shard) => ({ shard, founders: [1] })),
        wal: { segmentBytes: 16 * 1024, batchBytesMax: 4 * 1024, reserveBytes: 64 * 1024 },
        host: { commandBytesMax: 4 * 1024, trailingEntries: 5, purgeEntries: 10, segmentsMax: 3 },
      },
    },
  );
  assert.ok(opening.kind === 'opened', opening.kind === 'refused' ? opening.error.line : '');
  return opening.member;
}

/** Until there is a leader. */
async function applied({ replicas }: Member, shard: number, payload: Uint8Array) {
  for (;;) {
    const outcome = await new Promise<WriteOutcome>((resolve) => {
      replicas.host.propose(shard, payload, resolve);
    });
    if (outcome.kind === 'applied') return outcome;
    assert.ok(outcome.kind === 'refused' && outcome.reason === 'noLeader', JSON.stringify(outcome));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function valueOf({ replicas }: Member, shard: number, key: string): Promise<string> {
  const question = encodeKvQuery({ kind: 'get', key: Buffer.from(key) });
  return new Promise((resolve, reject) => {
    replicas.host.read(shard, 'strong', question, (read) => {
      const answer = read.kind === 'answered' ? decodeKvAnswer(read.result) : undefined;
      if (answer?.kind === 'found') resolve(Buffer.from(answer.value).toString());
      else reject(new Error(`${key} of shard ${shard}: ${read.kind} ${answer?.kind ?? ''}`));
    });
  });
}

function put(key: string, value: string): Uint8Array {
  const condition = { kind: 'always' } as const;
  return encodeCommand({
    kind: 'plain',
    body: encodeKvCommand({
      kind: 'put',
      key: Buffer.from(key),
      value: Buffer.from(value),
      condition,
    }),
  });
}

function add(client: number): Uint8Array {
  const body = encodeKvCommand({ kind: 'add', key: Buffer.from(LAST), amount: 1 });
  return encodeCommand({ kind: 'session', client, sequence: 1, body });
}

/** Two writes of one turn are one entry then. */
async function untilRaised(member: Member, shard: number): Promise<void> {
  for (;;) {
    const twins = [put('twin 1', ''), put('twin 2', '')];
    const [one, two] = await Promise.all(twins.map((twin) => applied(member, shard, twin)));
    if (one?.index === two?.index) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function write(store: StoreName, directory: string): Promise<Fixture> {
  const member = await open(directory, store);
  const pairs: Record<string, Record<string, string>> = {};
  const sessions: Record<string, { client: number; sum: number }> = {};
  for (const shard of SHARDS) {
    const written: Record<string, string> = {};
    for (let i = 0; i < WRITES; i++) {
      const [key, value] = [`key ${i % 25}`, `${i} of shard ${shard} ${'.'.repeat(10 * i)}`];
      await applied(member, shard, put(key, value));
      written[key] = value;
    }
    // Of one turn: once the shard is raised they share an entry.
    await untilRaised(member, shard);
    const keys = Array.from({ length: TOGETHER }, (_, i) => `together ${i}`);
    await Promise.all(keys.map((key) => applied(member, shard, put(key, key))));
    for (const key of keys) written[key] = key;
    const { index: client } = await applied(member, shard, encodeCommand({ kind: 'open' }));
    await Promise.all([put('before', '1'), add(client)].map((one) => applied(member, shard, one)));
    pairs[shard] = written;
    sessions[shard] = { client, sum: 1 };
  }
  await member.close();
  const files: Record<string, string> = {};
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  for (const { name, parentPath } of entries.filter((each) => each.isFile())) {
    const path = join(parentPath, name);
    const bytes = gzipSync(readFileSync(path), { level: 9 });
    files[path.slice(directory.length + 1)] = bytes.toString('base64');
  }
  return { store, files, pairs, sessions };
}

async function check(fixture: Fixture, directory: string): Promise<void> {
  for (const [path, text] of Object.entries(fixture.files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), gunzipSync(Buffer.from(text, 'base64')));
  }
  const member = await open(directory, fixture.store);
  try {
    for (const shard of SHARDS) {
      const { client, sum } = fixture.sessions[shard] ?? { client: 0, sum: 0 };
      // The session is there, and knows that this was done.
      await applied(member, shard, add(client));
      assert.equal(await valueOf(member, shard, LAST), String(sum));
      for (const [key, value] of Object.entries(fixture.pairs[shard] ?? {})) {
        assert.equal(await valueOf(member, shard, key), value);
      }
      await applied(member, shard, put('more', 'can be written'));
      assert.equal(await valueOf(member, shard, 'more'), 'can be written');
    }
  } finally {
    await member.close();
  }
}

async function inDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'parley-stored-'));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function fixtures(): readonly string[] {
  return readdirSync(STORED).toSorted();
}

if (UPDATING) {
  for (const store of STORES) {
    const number = fixtures().filter((name) => name.endsWith(`-${store}.json`)).length + 1;
    const fixture = await inDirectory((directory) => write(store, directory));
    const text = `${JSON.stringify(fixture, null, 2)}\n`;
    writeFileSync(join(STORED, `${number}-${store}.json`), text, { flag: 'wx' });
  }
}

test('there are stored files of every store', () => {
  for (const store of STORES) {
    assert.ok(fixtures().some((name) => name.endsWith(`-${store}.json`)));
  }
});

for (const name of fixtures()) {
  test(`a member opens ${name}, has what was written, and goes on`, async () => {
    const fixture = JSON.parse(readFileSync(join(STORED, name), 'utf8')) as Fixture;
    await inDirectory((directory) => check(fixture, directory));
  });
}
