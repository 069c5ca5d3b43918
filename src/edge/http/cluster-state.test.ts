// GET /: the shape of the classic program, parts of it, and states that are large.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterPort } from '../../cluster/index.ts';
import { SystemClock } from '../../engine/clock/index.ts';
import { createApp } from './app.ts';
import { httpParts, recordingCluster } from './cluster.support.ts';
import { clusterStateRoute } from './routes/cluster-state.ts';
import { Turns } from './turns.ts';

interface State {
  readonly cluster_state: {
    readonly node_states: readonly {
      readonly key_values: Readonly<Record<string, { readonly value: string; status: string }>>;
    }[];
    readonly [key: string]: unknown;
  };
}

async function stateAt(url: string, keys: Iterable<readonly [string, string]>): Promise<State> {
  const cluster = recordingCluster();
  for (const [key, value] of keys) {
    assert.equal(cluster.gossip.set(key, value, 0).kind, 'written', key);
  }
  cluster.gossip.set('gone', 'x', 0);
  cluster.gossip.delete('gone', 0);
  const app = await createApp(httpParts({ cluster }));
  const answer = await app.inject(url);
  assert.equal(answer.statusCode, 200);
  assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
  return answer.json<State>();
}

function keysOf({ cluster_state: state }: State): { own: string[]; won: string[] } {
  const { node_states: nodes, seed_addrs: _seeds, ...won } = state;
  return { own: Object.keys(nodes[0]?.key_values ?? {}), won: Object.keys(won) };
}

const COLORS = [
  ['color', 'blue'],
  ['color/sky', 'grey'],
  ['colour', 'red'],
  ['b', '1'],
  ['parley', 'x'],
] as const;

for (const [query, own, won] of [
  ['', 'b color color/sky colour gone parley', 'b color color/sky colour parley'],
  ['?key=color', 'color', 'color'],
  ['?key=colo', '', ''],
  ['?key=gone', 'gone', ''],
  ['?key=zz', '', ''],
  ['?prefix=color', 'color color/sky', 'color color/sky'],
  ['?prefix=zz', '', ''],
  ['?key=color%2Fsky&prefix=color', 'color/sky', 'color/sky'],
  ['?key=b&prefix=color', '', ''],
  ['?key=&prefix=', 'b color color/sky colour gone parley', 'b color color/sky colour parley'],
] as const) {
  test(`GET /${query} has ${won === '' ? 'no keys' : won}`, async () => {
    const keys = keysOf(await stateAt(`/${query}`, COLORS));
    assert.deepEqual(keys, { own: words(own), won: words(won) });
  });
}

function words(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}

function* numbered(count: number, value: string): Generator<readonly [string, string]> {
  for (let i = 0; i < count; i++) yield [`key-${String(i).padStart(5, '0')}`, value];
}

/** Reads all of `GET /` as a connection would, and keeps none of it. */
async function readAll(cluster: ClusterPort): Promise<{ bytes: number; chunkBytesMax: number }> {
  const clock = new SystemClock();
  const answer = clusterStateRoute.run({ cluster, clock }, {});
  assert.ok(answer.kind === 'pieces');
  const stream = new Turns(clock).answer(answer.make);
  assert.ok(typeof stream !== 'string');
  let bytes = 0;
  let chunkBytesMax = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    chunkBytesMax = Math.max(chunkBytesMax, chunk.length);
  }
  return { bytes, chunkBytesMax };
}

for (const [count, value, written] of [
  // Written as six characters each: more than one string can hold.
  [4_100, '\u0001'.repeat(10_900), 6 * 10_900],
  // Near the limit of all keys together.
  [17_740, 'x'.repeat(15_000), 15_000],
] as const) {
  test(`${count} keys of ${value.length} are answered in small chunks`, async () => {
    const cluster = recordingCluster();
    for (const [key, text] of numbered(count, value)) {
      assert.equal(cluster.gossip.set(key, text, 0).kind, 'written');
    }
    const { bytes, chunkBytesMax } = await readAll(cluster);
    assert.ok(bytes > 2 * count * written, `${bytes} bytes`);
    assert.ok(chunkBytesMax < 256 * 1024, `a chunk of ${chunkBytesMax} bytes`);
    const app = await createApp(httpParts({ cluster }));
    const [key] = [...numbered(count, '')].at(-1) ?? [''];
    const state = (await app.inject(`/?key=${key}`)).json<State>();
    assert.equal(state.cluster_state[key], value);
  });
}
