// One range out of several that lie over each other.

import { compareBytes } from '../../base/bytes.ts';
import type { StorePair } from './types.ts';

/**
 * The pairs of all sources in order. Where several have a key, the first of them counts: give the
 * newest first. Each source is in order, and has a key once.
 */
export function* mergedRange(sources: readonly Iterable<StorePair>[]): Generator<StorePair, void> {
  const iterators = sources.map((source) => source[Symbol.iterator]());
  const heads: (StorePair | undefined)[] = iterators.map(next);
  try {
    for (;;) {
      let least: StorePair | undefined;
      for (const head of heads) {
        if (head === undefined) continue;
        if (least === undefined || compareBytes(head.key, least.key) < 0) least = head;
      }
      if (least === undefined) return;
      yield least;
      for (const [at, head] of heads.entries()) {
        if (head === undefined || compareBytes(head.key, least.key) !== 0) continue;
        heads[at] = next(iterators[at] as Iterator<StorePair>);
      }
    }
  } finally {
    // Whoever stops early must not keep a cursor of LMDB open.
    for (const iterator of iterators) iterator.return?.();
  }
}

function next(iterator: Iterator<StorePair>): StorePair | undefined {
  const result = iterator.next();
  return result.done === true ? undefined : result.value;
}
