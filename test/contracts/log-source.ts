import assert from 'node:assert/strict';
import {
  type Entry,
  entryBytes,
  type LogSource,
  type Snapshot,
} from '../../src/core/raft/index.ts';
import { entriesFrom, snapshotAt } from '../support/wal-scenario.ts';
import { type MakeBench, rulesFor } from './contract.ts';

/** A log as a host writes it and a core reads it. */
export interface WritableLog {
  readonly source: LogSource;
  readonly append: (entries: readonly Entry[]) => Promise<void>;
  readonly setHardState: (term: number, vote: number, commit: number) => Promise<void>;
  readonly install: (snapshot: Snapshot) => Promise<void>;
  readonly save: (snapshot: Snapshot) => Promise<void>;
  readonly compact: (index: number) => Promise<boolean>;
  /** Brings what is `pending` into memory. */
  readonly load: (low: number, high: number, bytesMax: number) => Promise<void>;
  /** Old entries are on disk only from now on. */
  readonly evict: () => Promise<void>;
}

const UNLIMITED = Number.POSITIVE_INFINITY;

function termsOf(source: LogSource): unknown {
  const entries = source.entries(source.firstIndex(), source.lastIndex() + 1, UNLIMITED);
  return typeof entries === 'string' ? entries : entries.map(({ term }) => term);
}

export function logSourceContract(name: string, make: MakeBench<WritableLog>): void {
  const rule = rulesFor(name, make);

  rule('a new log is empty', ({ subject: { source } }) => {
    assert.deepEqual([source.firstIndex(), source.lastIndex(), source.term(0)], [1, 0, 0]);
    assert.deepEqual(source.initialState().hardState, { term: 0, vote: 0, commit: 0 });
    assert.deepEqual(source.initialState().confState.voters, []);
    assert.equal(source.term(1), 'unavailable');
    assert.deepEqual(source.entries(1, 1, UNLIMITED), []);
  });

  rule('appending replaces what stands there and beyond', async ({ subject: log }) => {
    await log.append(entriesFrom(1, 1, 'a', 'b', 'c'));
    assert.deepEqual(termsOf(log.source), [1, 1, 1]);
    await log.append(entriesFrom(2, 2, 'd'));
    assert.deepEqual(termsOf(log.source), [1, 2]);
    await log.append(entriesFrom(3, 3, 'e', 'f'));
    assert.deepEqual(termsOf(log.source), [1, 2, 3, 3]);
    assert.equal(log.source.term(5), 'unavailable');
    await assert.rejects(log.append(entriesFrom(6, 3, 'x')), /no holes/);
  });

  rule('a range is cut to its bytes, the first entry always included', async ({ subject }) => {
    const entries = entriesFrom(1, 1, 'a', 'bb', 'ccc');
    await subject.append(entries);
    const [one, two] = [entryBytes(entries[0] as Entry), entryBytes(entries[1] as Entry)];
    const count = (bytesMax: number): number => subject.source.entries(1, 4, bytesMax).length;
    assert.deepEqual([0, one, one + two - 1, one + two, UNLIMITED].map(count), [1, 1, 1, 2, 3]);
    assert.deepEqual(subject.source.entries(2, 3, UNLIMITED), entries.slice(1, 2));
  });

  rule('compacting keeps the term of the last entry that goes', async ({ subject: log }) => {
    await log.append([1, 2, 3].flatMap((at) => entriesFrom(at, at, 'x')));
    await log.save(snapshotAt(3, 3));
    assert.equal(await log.compact(2), true);
    assert.equal(log.source.firstIndex(), 3);
    const terms = [1, 2, 3, 4].map((index) => log.source.term(index));
    assert.deepEqual(terms, ['compacted', 2, 3, 'unavailable']);
    assert.equal(log.source.entries(2, 4, UNLIMITED), 'compacted');
    assert.equal(await log.compact(2), false);
    assert.equal(await log.compact(9), false);
    assert.equal(await log.compact(3), true);
    assert.deepEqual([log.source.firstIndex(), log.source.lastIndex()], [4, 3]);
  });

  rule('entries that a compaction overtook are skipped', async ({ subject: log }) => {
    await log.append(entriesFrom(1, 1, 'a', 'b', 'c'));
    await log.save(snapshotAt(2, 1));
    await log.compact(2);
    await log.append([...entriesFrom(2, 1, 'b'), ...entriesFrom(3, 4, 'z')]);
    assert.deepEqual(termsOf(log.source), [4]);
    await log.append(entriesFrom(1, 1, 'a', 'b'));
    assert.deepEqual(termsOf(log.source), []);
  });

  rule(
    'an installed snapshot replaces the log, an older one does not',
    async ({ subject: log }) => {
      await log.append(entriesFrom(1, 1, 'a', 'b', 'c'));
      await log.install(snapshotAt(7, 2, 'seven'));
      const { source } = log;
      assert.deepEqual([source.firstIndex(), source.lastIndex(), source.term(7)], [8, 7, 2]);
      await log.install(snapshotAt(5, 2, 'five'));
      assert.deepEqual(source.snapshot(), snapshotAt(7, 2, 'seven'));
      assert.deepEqual(source.initialState().confState, snapshotAt(7, 2).confState);
      await log.append(entriesFrom(8, 3, 'h'));
      assert.deepEqual(termsOf(source), [3]);
    },
  );

  rule('a saved snapshot is handed out, the log stays', async ({ subject: log }) => {
    await log.append(entriesFrom(1, 1, 'a', 'b', 'c'));
    await log.save(snapshotAt(2, 1, 'two'));
    assert.deepEqual(log.source.snapshot(), snapshotAt(2, 1, 'two'));
    await log.save(snapshotAt(1, 1, 'one'));
    assert.deepEqual(log.source.snapshot(), snapshotAt(2, 1, 'two'));
    assert.deepEqual(termsOf(log.source), [1, 1, 1]);
    await assert.rejects(log.save(snapshotAt(9, 1)), /covers entries that exist/);
  });

  rule(
    'the hard state is what was set last, and its term never falls',
    async ({ subject: log }) => {
      await log.setHardState(3, 2, 1);
      assert.deepEqual(log.source.initialState().hardState, { term: 3, vote: 2, commit: 1 });
      await assert.rejects(log.setHardState(2, 2, 1), /the term never falls/);
    },
  );

  rule('what is not in memory is pending until it is fetched', async ({ subject: log }) => {
    const entries = entriesFrom(1, 1, 'a', 'b', 'c');
    await log.append(entries);
    await log.evict();
    assert.equal(log.source.entries(1, 4, UNLIMITED), 'pending');
    assert.equal(log.source.term(1), 1);
    await log.load(1, 4, UNLIMITED);
    assert.deepEqual(log.source.entries(1, 4, UNLIMITED), entries);
  });
}
