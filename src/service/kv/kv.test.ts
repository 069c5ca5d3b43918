import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MachineBench } from '../../../test/support/machine-bench.ts';
import { must } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import {
  decodeKvAnswer,
  decodeKvResult,
  encodeKvCommand,
  encodeKvQuery,
  type KvAnswer,
  type KvCommand,
  type KvCondition,
  type KvPair,
  type KvResult,
  kvMachine,
} from './index.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

class Shard {
  readonly bench = new MachineBench(kvMachine);

  run(command: KvCommand): KvResult {
    return this.runBytes(encodeKvCommand(command));
  }

  runBytes(body: Uint8Array): KvResult {
    return must(decodeKvResult(this.bench.apply(body)), '[K1] a result can be read');
  }

  get(key: string): KvAnswer {
    return this.ask(encodeKvQuery({ kind: 'get', key: utf8(key) }));
  }

  range(low: string, high: string | undefined, limit: number): KvAnswer {
    const end = high === undefined ? undefined : utf8(high);
    return this.ask(encodeKvQuery({ kind: 'range', low: utf8(low), high: end, limit }));
  }

  ask(question: Uint8Array): KvAnswer {
    const answer = this.bench.ask(question);
    assert.ok(answer.kind === 'done');
    return must(decodeKvAnswer(answer.answer), '[K1] answers can be read');
  }

  put(key: string, value: string, condition: KvCondition = { kind: 'always' }): KvResult {
    return this.run({ kind: 'put', key: utf8(key), value: utf8(value), condition });
  }
}

// --- against a model ----------------------------------------------------------------------------

interface Held {
  readonly version: number;
  readonly value: string;
}

/** The same machine over a Map and strings. */
class Model {
  readonly held = new Map<string, Held>();
  index = 0;

  run(command: KvCommand): KvResult {
    this.index += 1;
    const key = new TextDecoder().decode(command.key);
    const present = this.held.get(key);
    if (command.kind === 'add') return this.#add(key, command.amount);
    const version = present?.version ?? 0;
    if (!this.#holds(command.condition, present)) return { kind: 'mismatch', version };
    if (command.kind === 'delete') {
      this.held.delete(key);
      return { kind: 'deleted', version };
    }
    this.held.set(key, { version: this.index, value: new TextDecoder().decode(command.value) });
    return { kind: 'stored', version: this.index };
  }

  #add(key: string, amount: number): KvResult {
    const value = this.held.get(key)?.value ?? '0';
    const isNumber = /^(0|-?[1-9][0-9]*)$/.test(value) && Number.isSafeInteger(Number(value));
    const sum = Number(value) + amount;
    if (!isNumber || !Number.isSafeInteger(sum)) return { kind: 'notNumber' };
    this.held.set(key, { version: this.index, value: String(sum) });
    return { kind: 'sum', version: this.index, sum };
  }

  #holds(condition: KvCondition, present: Held | undefined): boolean {
    if (condition.kind === 'always') return true;
    if (condition.kind === 'absent') return present === undefined;
    if (condition.kind === 'version') return present?.version === condition.version;
    return present?.value === new TextDecoder().decode(condition.value);
  }

  pairs(low: string, high: string): string[] {
    return [...this.held]
      .filter(([key]) => key >= low && key < high)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, { version, value }]) => `${key}=${value}@${version}`);
  }
}

const word = fc.constantFrom('', 'a', 'ab', 'b', 'ba', 'c');
const content = fc.constantFrom('', '0', '7', '-3', '007', '1e3', 'x', '9007199254740990');
const condition: fc.Arbitrary<KvCondition> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<KvCondition>({ kind: 'always' }) },
  fc.constant<KvCondition>({ kind: 'absent' }),
  fc.nat(20).map((version): KvCondition => ({ kind: 'version', version })),
  content.map((value): KvCondition => ({ kind: 'value', value: utf8(value) })),
);
const command: fc.Arbitrary<KvCommand> = fc.oneof(
  fc.tuple(word, content, condition).map(([key, value, when]): KvCommand => {
    return { kind: 'put', key: utf8(key), value: utf8(value), condition: when };
  }),
  fc.tuple(word, condition).map(([key, when]): KvCommand => {
    return { kind: 'delete', key: utf8(key), condition: when };
  }),
  fc.tuple(word, fc.integer({ min: -9, max: 9 })).map(([key, amount]): KvCommand => {
    return { kind: 'add', key: utf8(key), amount };
  }),
);

function describe({ key, value, version }: KvPair): string {
  return `${new TextDecoder().decode(key)}=${new TextDecoder().decode(value)}@${version}`;
}

test('[K2, K3, K4, K5, K6] any sequence of commands leaves what a plain map would hold', () => {
  const sequence = fc.array(command, { maxLength: 30 });
  fc.assert(
    fc.property(sequence, word, word, fc.integer({ min: 1, max: 4 }), (list, low, high, limit) => {
      const [shard, model] = [new Shard(), new Model()];
      for (const one of list) assert.deepEqual(shard.run(one), model.run(one));
      const expected = model.pairs(low, high);
      const answer = shard.range(low, high, limit);
      assert.ok(answer.kind === 'pairs');
      assert.deepEqual(answer.pairs.map(describe), expected.slice(0, limit));
      assert.equal(answer.hasMore, expected.length > limit);
      const held = model.held.get(low);
      const got = shard.get(low);
      if (held === undefined) assert.deepEqual(got, { kind: 'absent' });
      else assert.deepEqual(got, { kind: 'found', ...held, value: utf8(held.value) });
    }),
    { numRuns: 1_000 },
  );
});

// --- by example ---------------------------------------------------------------------------------

test('[K3] of two that compare and set against one version, one succeeds', () => {
  const shard = new Shard();
  shard.put('lock', 'free');
  assert.deepEqual(shard.put('lock', 'A', { kind: 'version', version: 1 }), {
    kind: 'stored',
    version: 2,
  });
  assert.deepEqual(shard.put('lock', 'B', { kind: 'version', version: 1 }), {
    kind: 'mismatch',
    version: 2,
  });
  assert.deepEqual(shard.get('lock'), { kind: 'found', version: 2, value: utf8('A') });
});

test('[K5] a key that was deleted and made again has another version', () => {
  const shard = new Shard();
  shard.put('a', 'x');
  shard.run({ kind: 'delete', key: utf8('a'), condition: { kind: 'always' } });
  shard.put('a', 'x');
  const late = shard.put('a', 'y', { kind: 'version', version: 1 });
  assert.deepEqual(late, { kind: 'mismatch', version: 3 });
});

test('[K4] a sum that would not be exact is refused, in both directions', () => {
  const shard = new Shard();
  const max = Number.MAX_SAFE_INTEGER;
  const add = (amount: number): KvResult => shard.run({ kind: 'add', key: utf8('n'), amount });
  assert.deepEqual(add(max), { kind: 'sum', version: 1, sum: max });
  assert.deepEqual(add(1), { kind: 'notNumber' });
  assert.deepEqual(add(-max), { kind: 'sum', version: 3, sum: 0 });
  assert.deepEqual(add(-max), { kind: 'sum', version: 4, sum: -max });
  assert.deepEqual(add(-1), { kind: 'notNumber' });
  assert.deepEqual(shard.get('n'), { kind: 'found', version: 4, value: utf8(String(-max)) });
});

test('[K6] long values cut a range, and going on behind the last key finds the rest', () => {
  const shard = new Shard();
  const value = new Uint8Array(LIMITS.kv.valueBytesMax);
  for (let i = 0; i < 20; i++) {
    shard.run({ kind: 'put', key: utf8(`k${i + 10}`), value, condition: { kind: 'always' } });
  }
  const seen: string[] = [];
  for (let low = ''; ; low = `${must(seen.at(-1), 'there was a key')}\0`) {
    const answer = shard.range(low, undefined, 1_000);
    assert.ok(answer.kind === 'pairs' && answer.pairs.length > 0);
    seen.push(...answer.pairs.map(({ key }) => new TextDecoder().decode(key)));
    if (!answer.hasMore) break;
    assert.ok(answer.pairs.length < 9, 'a megabyte at most');
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 20 }, (_, i) => `k${i + 10}`),
  );
});

// --- strange bytes ------------------------------------------------------------------------------

test('[K1] commands cut short, or with something behind, are malformed and change nothing', () => {
  fc.assert(
    fc.property(command, fc.nat(), (one, cut) => {
      const bytes = encodeKvCommand(one);
      const shard = new Shard();
      const isPut = one.kind === 'put';
      const end = isPut ? bytes.length - one.value.length : bytes.length;
      assert.deepEqual(shard.runBytes(bytes.subarray(0, cut % end)), { kind: 'malformed' });
      if (isPut) return;
      const longer = Uint8Array.of(...bytes, 0);
      assert.deepEqual(shard.runBytes(longer), { kind: 'malformed' });
      assert.deepEqual(shard.bench.state.pairs, []);
    }),
  );
});

test('[K1] any bytes have a result and an answer', () => {
  const bytes = fc.uint8Array({ maxLength: 60 });
  const begun = fc
    .tuple(fc.constantFrom(1, 2, 3), fc.constantFrom(0, 1, 2, 3), bytes)
    .map(([kind, when, rest]) => Uint8Array.of(kind, when, ...rest));
  fc.assert(
    fc.property(fc.oneof(bytes, begun), (some) => {
      const shard = new Shard();
      shard.runBytes(some);
      shard.ask(some);
      decodeKvResult(some);
      decodeKvAnswer(some);
    }),
    { numRuns: 2_000 },
  );
});

test('[K1] questions that ask for nothing, or too much, are answered within the limits', () => {
  const shard = new Shard();
  shard.put('a', '1');
  assert.deepEqual(shard.range('', undefined, 0), { kind: 'malformed' });
  assert.equal(shard.range('', undefined, 2 ** 32 - 1).kind, 'pairs');
  const long = Uint8Array.of(1, 0xff, 0xff, 1, ...new Uint8Array(0xffff));
  assert.deepEqual(shard.ask(long), { kind: 'malformed' });
});
