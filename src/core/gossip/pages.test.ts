// Pages of keys and of winners, held against what a reader gets who takes everything at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GossipCluster } from '../../../test/support/gossip-cluster.ts';
import { compareText } from '../../base/bytes.ts';
import { Entry, EntryTable } from './entry-table.ts';

const KEYS = [
  'a',
  'aa',
  'ab',
  'b',
  'b/1',
  'b/2',
  'c',
  'd',
  'e',
  'f',
  'g',
  'z😀',
  'z\u{ffff}',
  'zz',
];
const KEY = fc.constantFrom(...KEYS);
const PREFIX = fc.constantFrom('', 'a', 'b', 'b/', 'z', 'nothing');

/** All pages, one after the other. */
function readAll<Item extends { readonly key: string }>(
  page: (after: string | undefined) => readonly Item[],
): Item[] {
  const all: Item[] = [];
  for (;;) {
    const next = page(all.at(-1)?.key);
    if (next.length === 0) return all;
    all.push(...next);
  }
}

type Step =
  | { readonly kind: 'put'; readonly key: string }
  | { readonly kind: 'delete'; readonly key: string }
  | { readonly kind: 'purge' }
  | { readonly kind: 'clear' }
  | { readonly kind: 'read'; readonly prefix: string; readonly count: number }
  | { readonly kind: 'many'; readonly from: number };

const kind = <Kind extends Step['kind']>(name: Kind): fc.Arbitrary<Kind> => fc.constant(name);

const STEP: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: kind('put'), key: KEY }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('delete'), key: KEY }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('purge') }) },
  { weight: 1, arbitrary: fc.record({ kind: kind('clear') }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: kind('read'),
      prefix: PREFIX,
      count: fc.integer({ min: 1, max: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kind('many'), from: fc.nat(999) }) },
);

test('the pages of a table are its entries in key order, whatever happened before', () => {
  fc.assert(
    fc.property(fc.array(STEP, { maxLength: 60 }), (steps) => {
      const table = new EntryTable({ bytes: 0 });
      let version = 0;
      const put = (key: string, status: 'set' | 'deleted'): void =>
        table.put(new Entry(key, '', ++version, status, 0));
      for (const step of steps) {
        if (step.kind === 'put') put(step.key, 'set');
        else if (step.kind === 'delete') put(step.key, 'deleted');
        else if (step.kind === 'clear') table.clear();
        else if (step.kind === 'purge') table.purge(1, 0);
        else if (step.kind === 'many') {
          for (let i = 0; i < 40; i++) put(`m${(step.from * 7 + i * 13) % 100}`, 'set');
        } else {
          const { prefix, count } = step;
          const pages = readAll((after) => table.page(prefix, after, count));
          const whole = table.after(0).filter(({ key }) => key.startsWith(prefix));
          assert.deepEqual(
            pages.map(({ key, version: at }) => `${key} ${at}`),
            whole
              .toSorted((a, b) => compareText(a.key, b.key))
              .map(({ key, version: at }) => `${key} ${at}`),
          );
        }
      }
    }),
  );
});

const WRITE = fc.record({
  by: fc.constantFrom('n1', 'n2', 'n3'),
  key: KEY,
  what: fc.constantFrom('set', 'set', 'delete', 'exchange'),
});

test('[G20] the pages of winners are the winners in key order', () => {
  fc.assert(
    fc.property(
      fc.array(WRITE, { maxLength: 80 }),
      PREFIX,
      fc.integer({ min: 1, max: 4 }),
      (writes, prefix, count) => {
        const cluster = new GossipCluster();
        for (const name of ['n1', 'n2', 'n3']) cluster.start(name);
        for (let i = 0; i < 4; i++) cluster.roundOfAll(1_000, ['n1']);
        assert.equal(cluster.node('n2').liveNodes().length, 3);
        for (const [i, { by, key, what }] of writes.entries()) {
          if (what === 'set') cluster.node(by).set(key, String(i), cluster.nowMs);
          else if (what === 'delete') cluster.node(by).delete(key, cluster.nowMs);
          else cluster.exchange(by, 'n2');
        }
        const node = cluster.node('n2');
        const pages = readAll((after) => node.winnersPage(prefix, after, count));
        const whole = [...node.winners()]
          .filter(([key]) => key.startsWith(prefix))
          .toSorted(([a], [b]) => compareText(a, b));
        assert.deepEqual(
          pages.map(({ key, value }) => [key, value]),
          whole.map(([key, { value }]) => [key, value]),
        );
      },
    ),
    { numRuns: 60 },
  );
});

test('a page looks at so many deleted keys and no more', () => {
  const cluster = new GossipCluster();
  const node = cluster.start('n1');
  for (let i = 0; i < 10_000; i++) node.delete(`k${10_000 + i}`, cluster.nowMs);
  node.set('last', 'v', cluster.nowMs);
  const [first] = node.winnersPage('', undefined, 32);
  assert.deepEqual(first, { key: `k${10_000 + 4_095}`, value: undefined });
  const pages = readAll((after) => node.winnersPage('', after, 32));
  assert.deepEqual(
    pages.filter(({ value }) => value !== undefined),
    [{ key: 'last', value: 'v' }],
  );
});
