// What test/support/store-writer.ts leaves in a store, and what it should.

import assert from 'node:assert/strict';
import { textOf } from '../../../test/contracts/store.ts';
import { SystemClock } from '../clock/index.ts';
import { openLmdbStore, type StoreView } from './index.ts';

/** The last batch that is there, once it is clear that it and those before it are whole. */
export async function readLast(path: string, keeps: number): Promise<number> {
  const events = { onDurable: () => {}, onFailure: () => {} };
  const opening = openLmdbStore({ path, clock: new SystemClock() }, events);
  assert.equal(opening.kind, 'opened', opening.kind === 'refused' ? opening.message : '');
  const { store } = opening;
  const last = Number(textOf(store.get(Buffer.from('last'))) ?? 0);
  assert.equal(contents(store), last === 0 ? '' : expectedAfter(last, keeps));
  await store.close();
  return last;
}

function contents(view: StoreView): string {
  const pairs = [...view.range(new Uint8Array(0), undefined)];
  return pairs.map(({ key, value }) => `${textOf(key)}=${textOf(value)?.trim()}`).join(' ');
}

/** What the writer's batches 1 to `last` make. */
function expectedAfter(last: number, keeps: number): string {
  const map = new Map([['last', String(last)]]);
  for (let n = Math.max(1, last - keeps + 1); n <= last; n++) {
    for (const letter of ['a', 'b']) map.set(`${letter}${n}`, String(n));
  }
  const sorted = [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([key, value]) => `${key}=${value}`).join(' ');
}
