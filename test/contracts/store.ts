// What every store must keep. A suite meets a store through its keeper, which can open it again
// and, in a simulated world, take its power away.

import assert from 'node:assert/strict';
import { LIMITS } from '../../src/base/limits.ts';
import type { Store, StoreOpening, StorePair, StoreView } from '../../src/engine/store/index.ts';
import type { StoreEvents } from '../../src/engine/store/types.ts';
import { type Bench, type MakeBench, rulesFor } from './contract.ts';

export interface StoreKeeper {
  /** The store as it was left. Rejects only for bugs. */
  open(events: StoreEvents): Promise<StoreOpening>;
  /** Ends the process at once, where a test can do that; the power too unless it is a kill. */
  readonly crash?: (how: CrashKind) => void;
}

export type CrashKind = 'kill' | 'powerLoss' | 'powerLossKeepingNothing';

/** A store that is open, and what it has said. */
export interface Opened {
  readonly store: Store;
  readonly durable: number[];
  readonly failures: string[];
}

export const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1');
export const textOf = (bytes: Uint8Array | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1');

export async function openStore(bench: Bench<StoreKeeper>): Promise<Opened> {
  const durable: number[] = [];
  const failures: string[] = [];
  const opening = await bench.settle(
    bench.subject.open({
      onDurable: (batch) => durable.push(batch),
      onFailure: (reason) => failures.push(reason),
    }),
  );
  assert.equal(opening.kind, 'opened', opening.kind === 'refused' ? opening.message : '');
  return { store: opening.store, durable, failures };
}

/** `a=1 b=2`, pair by pair. */
export function listed(pairs: Iterable<StorePair>): string {
  return [...pairs].map(({ key, value }) => `${textOf(key)}=${textOf(value)}`).join(' ');
}

export function range(view: StoreView, low: string, high?: string): string {
  return listed(view.range(bytesOf(low), high === undefined ? undefined : bytesOf(high)));
}

export function put(store: Store, ...pairs: string[]): void {
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    store.put(bytesOf(pair.slice(0, at)), bytesOf(pair.slice(at + 1)));
  }
}

export function storeContract(name: string, make: MakeBench<StoreKeeper>): void {
  readingRules(name, make);
  batchRules(name, make);
  durabilityRules(name, make);
}

function readingRules(name: string, make: MakeBench<StoreKeeper>): void {
  const rule = rulesFor(name, make);

  rule('[S1] what is put is there at once, and ordered by bytes', async (bench) => {
    const { store } = await openStore(bench);
    put(store, 'b=2', '\xff=last', 'a=1', 'ab=', '\0=first', 'B=upper', 'a\0=zero');
    assert.equal(textOf(store.get(bytesOf('a'))), '1');
    assert.equal(textOf(store.get(bytesOf('ab'))), '', 'an empty value is a value');
    assert.equal(store.get(bytesOf('c')), undefined);
    const all = '\0=first B=upper a=1 a\0=zero ab= b=2 \xff=last';
    assert.equal(range(store, ''), all);
    store.commit();
    assert.equal(await bench.settle(store.flush()), true);
    assert.equal(range(store, ''), all, 'the same after the flush');
    assert.equal(textOf(store.get(bytesOf('ab'))), '');
    await bench.settle(store.close());
  });

  rule('[S1] a range begins at its low end and stops before its high end', async (bench) => {
    const { store } = await openStore(bench);
    put(store, 'a=1', 'b=2', 'ba=3', 'c=4');
    store.commit();
    for (const flushed of [false, true]) {
      if (flushed) await bench.settle(store.flush());
      assert.equal(range(store, 'a', 'c'), 'a=1 b=2 ba=3');
      assert.equal(range(store, 'aa', 'ba'), 'b=2');
      assert.equal(range(store, 'b', 'b\0'), 'b=2');
      assert.equal(range(store, 'b', 'b'), '');
      assert.equal(range(store, 'c', 'a'), '', 'ends the wrong way round hold nothing');
      assert.equal(range(store, 'c'), 'c=4');
      assert.equal(range(store, 'd'), '');
      assert.equal(range(store, '', 'a'), '');
    }
    await bench.settle(store.close());
  });

  rule('[S2] bounds and keys that are longer than any key lie between keys', async (bench) => {
    const { store } = await openStore(bench);
    const longest = 'b'.repeat(LIMITS.store.keyBytesMax);
    put(store, 'a=1', `${longest}=2`, 'c=3');
    store.commit();
    for (const flushed of [false, true]) {
      if (flushed) await bench.settle(store.flush());
      const snapshot = await bench.settle(store.snapshot());
      for (const view of [store, snapshot]) {
        for (const moreBytes of [1, 100, 60_000]) {
          const tooLong = longest + 'b'.repeat(moreBytes);
          assert.equal(range(view, 'a', tooLong), `a=1 ${longest}=2`);
          assert.equal(range(view, tooLong), 'c=3');
          assert.equal(view.get(bytesOf(tooLong)), undefined);
        }
        assert.equal(range(view, longest, 'c'), `${longest}=2`);
        assert.equal(range(view, 'a', longest), 'a=1');
      }
      snapshot.close();
    }
    await bench.settle(store.close());
  });

  rule('[S1] a range may be left half-way, and another one begun in it', async (bench) => {
    const { store } = await openStore(bench);
    put(store, 'a=1', 'b=2', 'c=3');
    store.commit();
    await bench.settle(store.flush());
    put(store, 'bb=4');
    store.commit();
    const seen: (string | undefined)[] = [];
    for (const { key } of store.range(bytesOf(''), undefined)) {
      seen.push(textOf(key));
      for (const inner of store.range(bytesOf('bb'), undefined)) {
        seen.push(textOf(inner.key));
        break;
      }
      if (seen.length >= 4) break;
    }
    assert.deepEqual(seen, ['a', 'bb', 'b', 'bb']);
    await bench.settle(store.close());
  });

  rule('[S1] newer writes hide older ones, wherever those are', async (bench) => {
    const { store } = await openStore(bench);
    put(store, 'a=old', 'b=old', 'c=old', 'd=old');
    store.commit();
    await bench.settle(store.flush());
    put(store, 'b=new', 'e=new');
    store.delete(bytesOf('c'));
    store.delete(bytesOf('nothing there'));
    store.commit();
    const after = 'a=old b=new d=old e=new';
    assert.equal(range(store, ''), after);
    assert.equal(store.get(bytesOf('c')), undefined);
    await bench.settle(store.flush());
    assert.equal(range(store, ''), after);
    put(store, 'c=again');
    store.delete(bytesOf('e'));
    store.delete(bytesOf('a'));
    put(store, 'a=back');
    store.commit();
    assert.equal(range(store, ''), 'a=back b=new c=again d=old');
    await bench.settle(store.close());
  });

  rule('[S2] the longest key and a large value go in and come back', async (bench) => {
    let { store } = await openStore(bench);
    const [key, value] = [new Uint8Array(1_978).fill(7), new Uint8Array(300_000).fill(9)];
    store.put(key, value);
    store.commit();
    await bench.settle(store.close());
    ({ store } = await openStore(bench));
    assert.deepEqual(Buffer.from(store.get(key) ?? []), Buffer.from(value));
    assert.throws(() => store.put(new Uint8Array(1_979), value), /\[S2\]/);
    assert.throws(() => store.put(new Uint8Array(0), value), /\[S2\]/);
    await bench.settle(store.close());
  });
}

function batchRules(name: string, make: MakeBench<StoreKeeper>): void {
  const rule = rulesFor(name, make);

  rule('[S3] batches are numbered from one, empty ones are none', async (bench) => {
    let { store } = await openStore(bench);
    assert.equal(store.commit(), 0);
    put(store, 'a=1');
    assert.equal(store.commit(), 1);
    assert.equal(store.commit(), 1);
    store.delete(bytesOf('nothing there'));
    assert.equal(store.commit(), 2);
    await bench.settle(store.close());
    ({ store } = await openStore(bench));
    assert.equal(store.commit(), 0, 'from one again with each opening');
    assert.equal(store.durableBatch(), 0);
    await bench.settle(store.close());
  });

  rule('[S3] a batch that is taken back leaves no trace', async (bench) => {
    const { store } = await openStore(bench);
    put(store, 'a=1', 'b=2');
    store.commit();
    await bench.settle(store.flush());
    put(store, 'c=3', 'd=4');
    store.commit();
    const before = store.stats();
    put(store, 'a=x', 'a=y', 'c=x', 'e=x', 'e=y');
    for (const key of ['b', 'd', 'e', 'c']) store.delete(bytesOf(key));
    put(store, 'd=z');
    store.rollback();
    assert.equal(range(store, ''), 'a=1 b=2 c=3 d=4');
    assert.equal(store.commit(), 2, 'nothing is open');
    assert.deepEqual(store.stats(), before);
    store.rollback();
    assert.equal(range(store, ''), 'a=1 b=2 c=3 d=4', 'what is committed stays');
    await bench.settle(store.close());
  });

  rule('[S5] a snapshot stays as it was while writers go on', async (bench) => {
    const { store } = await openStore(bench);
    put(store, 'a=1', 'b=2', 'c=3');
    store.commit();
    await bench.settle(store.flush());
    put(store, 'd=4');
    store.delete(bytesOf('b'));
    const batch = store.commit();
    const early = await bench.settle(store.snapshot());
    assert.equal(early.batch, batch);
    put(store, 'a=x', 'b=x', 'e=x');
    store.delete(bytesOf('c'));
    store.delete(bytesOf('d'));
    store.commit();
    const late = await bench.settle(store.snapshot());
    for (let round = 0; round < 3; round++) {
      assert.equal(range(early, ''), 'a=1 c=3 d=4');
      assert.equal(range(early, 'b', 'd'), 'c=3');
      assert.equal(textOf(early.get(bytesOf('c'))), '3');
      assert.equal(early.get(bytesOf('b')), undefined);
      assert.equal(range(late, ''), 'a=x b=x e=x');
      await bench.settle(store.flush());
      put(store, `f=${round}`);
      store.commit();
    }
    assert.equal(store.stats().snapshotsOpen, 2);
    early.close();
    early.close();
    late.close();
    assert.equal(store.stats().snapshotsOpen, 0, 'closing twice is closing once');
    await bench.settle(store.close());
  });

  rule('[S5] a snapshot is pulled across many turns', async (bench) => {
    const { store } = await openStore(bench);
    for (let i = 1_000; i < 2_000; i++) put(store, `k${i}=${i}`);
    store.commit();
    await bench.settle(store.flush());
    const snapshot = await bench.settle(store.snapshot());
    let count = 0;
    for (const { key } of snapshot.range(bytesOf(''), undefined)) {
      assert.equal(textOf(key), `k${1_000 + count}`);
      count += 1;
      store.delete(key);
      if (count % 100 !== 0) continue;
      store.commit();
      await bench.settle(store.flush());
    }
    assert.equal(count, 1_000);
    assert.equal(range(store, ''), '');
    snapshot.close();
    await bench.settle(store.close());
  });
}

function durabilityRules(name: string, make: MakeBench<StoreKeeper>): void {
  const rule = rulesFor(name, make);

  rule('[S4] a flush makes durable what is committed, and says so', async (bench) => {
    const { store, durable, failures } = await openStore(bench);
    assert.equal(await bench.settle(store.flush()), true, 'nothing to do');
    put(store, 'a=1');
    const first = store.commit();
    assert.equal(store.durableBatch(), 0);
    const flushed = store.flush();
    put(store, 'b=2');
    const second = store.commit();
    assert.equal(await bench.settle(flushed), true);
    assert.ok(store.durableBatch() >= first);
    assert.equal(await bench.settle(store.flush()), true);
    assert.equal(store.durableBatch(), second);
    assert.deepEqual(durable.at(-1), second);
    assert.deepEqual(
      durable,
      durable.toSorted((a, b) => a - b),
      'it only grows',
    );
    assert.deepEqual(failures, []);
    assert.equal(store.stats().waitingBytes, 0);
    await bench.settle(store.close());
  });

  rule('[S4] what is committed becomes durable by itself', async (bench) => {
    const { store, durable } = await openStore(bench);
    put(store, 'a=1');
    const batch = store.commit();
    await bench.until(() => store.durableBatch() === batch, 'nobody asked, the store did it');
    assert.deepEqual(durable, [batch]);
    assert.equal(store.stats().flushes, 1);
    await bench.settle(store.close());
  });

  rule('[S4] a store that is closed comes back whole', async (bench) => {
    let { store } = await openStore(bench);
    for (let i = 0; i < 200; i++) {
      put(store, `k${i}=${i}`);
      if (i >= 100) store.delete(bytesOf(`k${i - 100}`));
      if (i % 7 === 0) store.commit();
    }
    store.commit();
    const before = range(store, '');
    await bench.settle(store.close());
    ({ store } = await openStore(bench));
    assert.equal(range(store, ''), before);
    assert.equal(store.stats().waitingBytes, 0);
    await bench.settle(store.close());
    ({ store } = await openStore(bench));
    assert.equal(range(store, ''), before, 'closing an untouched store changes nothing');
    await bench.settle(store.close());
  });

  rule('[S6] a store that is behind says so until it has caught up', async (bench) => {
    const { store } = await openStore(bench);
    assert.equal(store.isBehind, false);
    const large = new Uint8Array(1024 * 1024);
    for (let i = 0; i < 70; i++) {
      store.put(bytesOf(`k${i}`), large);
      store.commit();
    }
    assert.equal(store.isBehind, true);
    assert.ok(store.stats().waitingBytes > 64 * 1024 * 1024);
    assert.equal(await bench.settle(store.flush()), true);
    assert.equal(store.isBehind, false);
    assert.equal(store.stats().waitingBytes, 0);
    assert.equal(store.get(bytesOf('k69'))?.length, large.length);
    await bench.settle(store.close());
  });

  rule('[S9] a closed store takes nothing, an open snapshot keeps it open', async (bench) => {
    const { store } = await openStore(bench);
    const snapshot = await bench.settle(store.snapshot());
    await assert.rejects(bench.settle(store.close()), /\[S9\]/);
    snapshot.close();
    await bench.settle(store.close());
    assert.throws(() => put(store, 'a=1'), /\[S9\]/);
  });
}
