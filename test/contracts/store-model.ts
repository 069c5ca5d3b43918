// A store against a sorted map, in random steps: writes, batches taken back, flushes, snapshots,
// closings, and crashes where a test can make them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Store, StoreSnapshot, StoreView } from '../../src/engine/store/index.ts';
import type { Bench, MakeBench } from './contract.ts';
import { bytesOf, type CrashKind, listed, openStore, type StoreKeeper, textOf } from './store.ts';

/** Few and near each other, so that steps meet; bytes at both ends of their range. */
const KEYS = ['\0', '\0\0', 'a', 'a\0', 'a\xff', 'aa', 'ab', 'b', 'b\xff\xff', '\xff', '\xff\0'];

type Step =
  | { readonly kind: 'put'; readonly key: string; readonly value: string }
  | { readonly kind: 'delete' | 'get'; readonly key: string }
  | { readonly kind: 'range'; readonly key: string; readonly high: string | undefined }
  | { readonly kind: 'commit' | 'rollback' | 'flush' | 'snapshot' | 'compare' | 'reopen' }
  | { readonly kind: 'crash'; readonly how: CrashKind };

const key = fc.constantFrom(...KEYS);
const steps: fc.Arbitrary<Step>[] = [
  fc.record({ kind: fc.constant('put' as const), key, value: fc.string({ maxLength: 5 }) }),
  fc.record({ kind: fc.constantFrom('delete' as const, 'get' as const), key }),
  fc.record({ kind: fc.constant('range' as const), key, high: fc.option(key, { nil: undefined }) }),
  fc.constantFrom(
    { kind: 'commit' } as const,
    { kind: 'commit' } as const,
    {
      kind: 'rollback',
    } as const,
  ),
  fc.constantFrom(
    { kind: 'flush' } as const,
    { kind: 'snapshot' } as const,
    { kind: 'compare' } as const,
    { kind: 'reopen' } as const,
  ),
];
const crash: fc.Arbitrary<Step> = fc
  .constantFrom('kill' as const, 'powerLoss' as const, 'powerLossKeepingNothing' as const)
  .map((how) => ({ kind: 'crash', how }));

export function storeModel(name: string, make: MakeBench<StoreKeeper>, numRuns: number): void {
  test(`${name}: [S1, S3, S4, S5, S7] is a sorted map, whatever happens`, async () => {
    let found = 0;
    const property = async (plan: readonly Step[]): Promise<void> => {
      const bench = await make();
      try {
        found += await new Walk(bench).follow(plan);
      } finally {
        await bench.close();
      }
    };
    const { subject, close } = await make();
    await close();
    const arbitrary = fc.oneof(...steps, ...(subject.crash === undefined ? [] : [crash]));
    await fc.assert(
      fc.asyncProperty(fc.array(arbitrary, { minLength: 20, maxLength: 120 }), property),
      { numRuns },
    );
    assert.ok(found > numRuns * 10, 'the walks have compared much');
  });
}

class Walk {
  readonly #bench: Bench<StoreKeeper>;
  /** The map after each batch since the opening, the one found then first. */
  #states: Map<string, string>[] = [new Map()];
  #now = new Map<string, string>();
  #snapshots: { readonly snapshot: StoreSnapshot; readonly expected: string }[] = [];
  #compared = 0;

  constructor(bench: Bench<StoreKeeper>) {
    this.#bench = bench;
  }

  /** Answers how many comparisons were made. */
  async follow(plan: readonly Step[]): Promise<number> {
    let { store } = await openStore(this.#bench);
    for (const step of plan) store = await this.#take(store, step);
    store.rollback();
    this.#now = new Map(this.#states.at(-1));
    this.#compare(store);
    this.#closeSnapshots();
    await this.#bench.settle(store.close());
    return this.#compared;
  }

  async #take(store: Store, step: Step): Promise<Store> {
    switch (step.kind) {
      case 'put':
        store.put(bytesOf(step.key), bytesOf(step.value));
        this.#now.set(step.key, textOf(bytesOf(step.value)) ?? '');
        return store;
      case 'delete':
        store.delete(bytesOf(step.key));
        this.#now.delete(step.key);
        return store;
      case 'get':
        this.#expect(textOf(store.get(bytesOf(step.key))), this.#now.get(step.key));
        return store;
      case 'range':
        this.#expect(
          listed(store.range(bytesOf(step.key), step.high ? bytesOf(step.high) : undefined)),
          describe(this.#now, step.key, step.high),
        );
        return store;
      case 'rollback':
        store.rollback();
        this.#now = new Map(this.#states.at(-1));
        return store;
      case 'compare':
        this.#compare(store);
        return store;
      case 'commit':
      case 'flush':
      case 'snapshot':
      case 'reopen':
      case 'crash':
        this.#commit(store);
        return this.#betweenBatches(store, step);
    }
  }

  async #betweenBatches(store: Store, step: Step): Promise<Store> {
    const { settle } = this.#bench;
    if (step.kind === 'flush') {
      assert.equal(await settle(store.flush()), true);
      this.#expect(store.durableBatch(), this.#states.length - 1);
    } else if (step.kind === 'snapshot') {
      const snapshot = await settle(store.snapshot());
      this.#expect(snapshot.batch, this.#states.length - 1);
      this.#snapshots.push({ snapshot, expected: describe(this.#now) });
      if (this.#snapshots.length > 3) this.#snapshots.shift()?.snapshot.close();
    } else if (step.kind === 'reopen') {
      this.#closeSnapshots();
      await settle(store.close());
      return this.#reopen(this.#states.length - 1);
    } else if (step.kind === 'crash') {
      this.#snapshots = [];
      const durable = store.durableBatch();
      this.#bench.subject.crash?.(step.how);
      return this.#reopen(durable);
    }
    return store;
  }

  /** What is there is as after one of the batches, the durable one or a later one. */
  async #reopen(durable: number): Promise<Store> {
    const { store } = await openStore(this.#bench);
    const found = all(store);
    const at = this.#states.findIndex(
      (state, batch) => batch >= durable && describe(state) === found,
    );
    assert.ok(at >= 0, `${found} is none of the states from batch ${durable} on`);
    this.#compared += 1;
    this.#states = [this.#states[at] as Map<string, string>];
    this.#now = new Map(this.#states[0]);
    return store;
  }

  #commit(store: Store): void {
    const batch = store.commit();
    if (batch === this.#states.length) this.#states.push(new Map(this.#now));
    this.#expect(batch, this.#states.length - 1);
  }

  #compare(store: StoreView): void {
    this.#expect(all(store), describe(this.#now));
    for (const { snapshot, expected } of this.#snapshots) this.#expect(all(snapshot), expected);
  }

  #closeSnapshots(): void {
    for (const { snapshot } of this.#snapshots) snapshot.close();
    this.#snapshots = [];
  }

  #expect(found: unknown, expected: unknown): void {
    this.#compared += 1;
    assert.equal(found, expected);
  }
}

function all(view: StoreView): string {
  return listed(view.range(new Uint8Array(0), undefined));
}

function describe(map: ReadonlyMap<string, string>, low = '', high?: string): string {
  const inside = [...map].filter(([at]) => at >= low && (high === undefined || at < high));
  const sorted = inside.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([at, value]) => `${at}=${value}`).join(' ');
}
