// The machine by itself, case by case; kv-model.test.ts holds it against a naive one, and
// `npm run interop -- etcd` against etcd.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MachineBench } from '../../../test/support/machine-bench.ts';
import { must } from '../../base/assert.ts';
import { NEVER_MS, wholeAnswer } from '../../core/machine.ts';
import {
  decodeKeyspaceAnswers,
  decodeKeyspaceResult,
  encodeKeyspaceCommand,
  encodeKeyspaceQuestion,
  type KeyRange,
  type KeyspaceAnswer,
  type KeyspaceChange,
  type KeyspaceCommand,
  type KeyspaceOperation,
  type KeyspaceQuestion,
  type KeyspaceResult,
  keyspaceMachine,
} from './index.ts';
import { deletion, plainRange, putting, textOf, utf8 } from './keyspace.support.ts';
import { itemsOf } from './merges.ts';

const ALL: KeyRange = { key: utf8('\0'), end: 'last' };

class Shard {
  readonly bench = new MachineBench(keyspaceMachine);

  apply(command: KeyspaceCommand): KeyspaceResult {
    return must(
      decodeKeyspaceResult(this.bench.apply(encodeKeyspaceCommand(command))),
      'a result is one',
    );
  }

  do(operation: KeyspaceOperation): KeyspaceResult {
    return this.apply({ kind: 'operate', operation });
  }

  put(key: string, value: string, more = {}): KeyspaceResult {
    return this.do(putting(utf8(key), utf8(value), more));
  }

  ask(
    question: KeyspaceQuestion,
    budget = { stepsMax: 1_000, bytesMax: 100_000 },
  ): readonly KeyspaceAnswer[] {
    const body = encodeKeyspaceQuestion(question);
    const bytes = wholeAnswer((cursor) => this.bench.ask(body, { cursor, budget }));
    return must(decodeKeyspaceAnswers(bytes), 'an answer is one');
  }

  /** As `key=value@revision`. */
  list(range: KeyRange, revision = 0, budget?: { stepsMax: number; bytesMax: number }): string {
    const answers = this.ask({ kind: 'range', operation: plainRange(range, { revision }) }, budget);
    return answers
      .map((answer) => {
        if (answer.kind === 'refused') return answer.error;
        if (answer.kind !== 'range' || answer.result.kind !== 'range') return answer.kind;
        return answer.result.records
          .map(({ key, modRevision, value }) => `${textOf(key)}=${textOf(value)}@${modRevision}`)
          .join(' ');
      })
      .filter((text) => text !== '')
      .join(' ');
  }

  changes(from: number): string {
    const [answer] = this.ask({ kind: 'changes', range: ALL, from });
    if (answer?.kind === 'compacted') return `compacted, first ${answer.first}`;
    return answer?.kind === 'changes' ? answer.changes.map(describe).join(', ') : `${answer?.kind}`;
  }
}

function describe({ kind, previous, record }: KeyspaceChange): string {
  const before = previous === undefined ? '' : ` was ${textOf(previous.value)}`;
  return `${kind} ${textOf(record.key)}@${record.modRevision}${before}`;
}

function revisionOf(result: KeyspaceResult): number {
  assert.notEqual(result.kind, 'refused');
  return result.revision;
}

function errorOf(result: KeyspaceResult): string {
  return result.kind === 'refused' ? result.error : result.kind;
}

test('[KV1] a shard begins at 1, and only what changes something makes a revision', () => {
  const shard = new Shard();
  assert.equal(revisionOf(shard.do(deletion(ALL))), 1);
  assert.equal(revisionOf(shard.put('a', '1')), 2);
  assert.equal(revisionOf(shard.do(plainRange(ALL))), 2);
  assert.equal(errorOf(shard.put('', '1')), 'emptyKey');
  assert.equal(revisionOf(shard.put('b', '1')), 3);
  assert.equal(revisionOf(shard.do(deletion(ALL))), 4, 'two keys, one revision');
});

test('[KV2] a deletion ends the life of a key', () => {
  const shard = new Shard();
  shard.put('a', '1');
  shard.put('a', '2');
  shard.do(deletion({ key: utf8('a'), end: undefined }));
  const result = shard.put('a', '3', { wantsPrevious: true });
  assert.ok(result.kind === 'done' && result.result.kind === 'put');
  assert.equal(result.result.created, true);
  assert.equal(result.result.previous, undefined);
  const [answer] = shard.ask({ kind: 'range', operation: plainRange(ALL) });
  assert.ok(answer?.kind === 'range' && answer.result.kind === 'range');
  const [record] = answer.result.records;
  assert.deepEqual([record?.createRevision, record?.modRevision, record?.version], [5, 5, 1]);
});

test('[KV6] every revision reads as it was, deleted keys and long values as well', () => {
  const shard = new Shard();
  const long = 'x'.repeat(2_000);
  shard.put('a', '1');
  shard.put('b', long);
  shard.put('a', '2');
  shard.do(deletion({ key: utf8('a'), end: undefined }));
  shard.put('c', '3');
  shard.put('a', '4');
  assert.equal(shard.list(ALL, 1), '');
  assert.equal(shard.list(ALL, 3), `a=1@2 b=${long}@3`);
  assert.equal(shard.list(ALL, 4), `a=2@4 b=${long}@3`);
  assert.equal(shard.list(ALL, 5), `b=${long}@3`);
  assert.equal(shard.list(ALL, 7), `a=4@7 b=${long}@3 c=3@6`);
  assert.equal(shard.list(ALL, 8), 'futureRevision');
});

test('[KV8] pages of a range are all of the revision of the first', () => {
  const shard = new Shard();
  for (const key of ['a', 'b', 'c', 'd']) shard.put(key, '1');
  const body = encodeKeyspaceQuestion({ kind: 'range', operation: plainRange(ALL) });
  const budget = { stepsMax: 2, bytesMax: 100_000 };
  const first = shard.bench.ask(body, { cursor: undefined, budget });
  assert.ok(first.kind === 'more');
  shard.put('d', '2');
  shard.do(deletion({ key: utf8('c'), end: undefined }));
  const rest = wholeAnswer((cursor) =>
    shard.bench.ask(body, { cursor: cursor ?? first.cursor, budget }),
  );
  const keys = (decodeKeyspaceAnswers(rest) ?? []).flatMap((answer) => {
    if (answer.kind !== 'range' || answer.result.kind !== 'range') return [];
    return answer.result.records.map(({ key, modRevision }) => `${textOf(key)}@${modRevision}`);
  });
  assert.deepEqual(keys, ['c@4', 'd@5']);
});

test('[KV12] a transaction sees its own changes, makes one revision, or leaves nothing', () => {
  const shard = new Shard();
  shard.put('a', '1');
  const txn = (...success: KeyspaceOperation[]): KeyspaceOperation => ({
    kind: 'txn',
    compares: [],
    success,
    failure: [],
  });
  const done = shard.do(
    txn(
      putting(utf8('b'), utf8('2')),
      deletion({ key: utf8('a'), end: undefined }),
      plainRange(ALL),
    ),
  );
  assert.ok(done.kind === 'done' && done.result.kind === 'txn');
  const [, , range] = done.result.results;
  assert.ok(range?.kind === 'range');
  assert.deepEqual(
    range.records.map(({ key }) => textOf(key)),
    ['b'],
  );
  assert.equal(done.revision, 3);
  const lease = { lease: 7n };
  const refused = shard.do(
    txn(putting(utf8('c'), utf8('3')), putting(utf8('d'), utf8('4'), lease)),
  );
  assert.equal(errorOf(refused), 'leaseNotFound');
  assert.equal(shard.list(ALL), 'b=2@3');
});

test('[KV12] what is wrong is found in the order in which etcd finds it', () => {
  const shard = new Shard();
  const future = plainRange(ALL, { revision: 9 });
  const leased = putting(utf8('c'), utf8('1'), { lease: 9n });
  const txn = (...success: KeyspaceOperation[]): KeyspaceOperation => ({
    kind: 'txn',
    compares: [],
    success,
    failure: [],
  });
  assert.equal(errorOf(shard.do(txn(future, leased))), 'leaseNotFound', 'puts before ranges');
  const twice = [putting(utf8('a'), utf8('1')), putting(utf8('a'), utf8('2'))];
  const empty = plainRange({ key: utf8(''), end: undefined });
  assert.equal(errorOf(shard.do(txn(...twice, empty))), 'emptyKey', 'keys before keys put twice');
  assert.equal(errorOf(shard.do(txn(...twice))), 'duplicateKey');
  const keeping = putting(utf8('a'), utf8(''), { lease: 9n, keepsValue: true });
  assert.equal(errorOf(shard.do(keeping)), 'leaseNotFound', 'alone the lease first');
  assert.equal(errorOf(shard.do(txn(keeping))), 'keyNotFound', 'within others the key first');
});

test('[KV14] merges keep their kind, and say when nothing changed', () => {
  const shard = new Shard();
  const key = utf8('n');
  const merge = (how: Extract<KeyspaceOperation, { kind: 'merge' }>['merge']): string => {
    const result = shard.do({ kind: 'merge', key, merge: how });
    if (result.kind !== 'done' || result.result.kind !== 'merge') return errorOf(result);
    return `${result.result.outcome} ${textOf(result.result.value)} @${result.revision}`;
  };
  assert.equal(merge({ by: 'add', amount: 5n }), 'inserted 5 @2');
  assert.equal(merge({ by: 'add', amount: -7n }), 'merged -2 @3');
  assert.equal(merge({ by: 'min', amount: 4n }), 'noChange -2 @3');
  assert.equal(merge({ by: 'max', amount: 2n ** 63n - 1n }), `merged ${2n ** 63n - 1n} @4`);
  assert.equal(merge({ by: 'add', amount: 1n }), 'numberTooLarge');
  assert.equal(merge({ by: 'union', items: [utf8('x')] }), 'wrongKind');
  shard.do({ kind: 'merge', key: utf8('s'), merge: { by: 'union', items: ['b', 'a'].map(utf8) } });
  const again = shard.do({
    kind: 'merge',
    key: utf8('s'),
    merge: { by: 'union', items: ['c', 'a', 'c'].map(utf8) },
  });
  assert.ok(again.kind === 'done' && again.result.kind === 'merge');
  assert.deepEqual(itemsOf(again.result.value).map(textOf), ['a', 'b', 'c']);
});

test('[KV15, KV16] a lease ends in its time, with all of its keys, and takes none any more', () => {
  const shard = new Shard();
  shard.apply({ kind: 'grant', lease: 5n, ttlMs: 100 });
  shard.put('a', '1', { lease: 5n });
  shard.put('b', '1', { lease: 5n });
  shard.put('b', '2');
  shard.put('c', '1', { lease: 5n });
  shard.bench.pass(80);
  shard.apply({ kind: 'keepAlive', lease: 5n });
  shard.bench.pass(99);
  assert.equal(shard.list(ALL), 'a=1@2 b=2@4 c=1@5');
  shard.bench.pass(1);
  assert.equal(shard.list(ALL), 'b=2@4');
  assert.equal(shard.changes(6), 'delete a@6 was 1, delete c@6 was 1', 'in one revision');
  assert.equal(errorOf(shard.put('d', '1', { lease: 5n })), 'leaseNotFound');
  assert.equal(errorOf(shard.apply({ kind: 'keepAlive', lease: 5n })), 'leaseNotFound');
  shard.bench.pass(600_000);
  assert.equal(shard.bench.state.wakeMs, NEVER_MS, 'nothing is left of it');
});

test('[KV17] a key goes for its age, unless it was written again', () => {
  const shard = new Shard();
  shard.put('a', '1', { ttlMs: 50 });
  shard.put('b', '1', { ttlMs: 50 });
  shard.bench.pass(30);
  shard.put('b', '2', { ttlMs: 50 });
  shard.bench.pass(20);
  assert.equal(shard.list(ALL), 'b=2@4');
  shard.bench.pass(30);
  assert.equal(shard.list(ALL), '');
});

test('[KV18] compaction keeps what may be read, and no more', () => {
  const shard = new Shard();
  shard.put('a', '1');
  shard.put('a', '2');
  shard.put('b', '1');
  shard.do(deletion({ key: utf8('b'), end: undefined }));
  shard.put('c', '1');
  const before = shard.bench.state.pairs.length;
  assert.equal(errorOf(shard.apply({ kind: 'compact', revision: 7 })), 'futureRevision');
  shard.apply({ kind: 'compact', revision: 5 });
  assert.equal(errorOf(shard.apply({ kind: 'compact', revision: 5 })), 'compacted');
  assert.equal(shard.list(ALL, 4), 'compacted');
  assert.equal(shard.list(ALL, 5), 'a=2@3');
  shard.bench.pass(1);
  assert.equal(shard.list(ALL, 5), 'a=2@3');
  assert.equal(shard.list(ALL), 'a=2@3 c=1@6');
  // The first a, and what b was before it was deleted.
  assert.equal(shard.bench.state.pairs.length, before - 2);
  assert.equal(shard.changes(4), 'compacted, first 5');
  assert.equal(shard.changes(5), 'delete b@5, put c@6', 'the compacted revision is whole');
  shard.apply({ kind: 'compact', revision: 6 });
  shard.bench.pass(1);
  // The deletion of b, and where its history began.
  assert.equal(shard.bench.state.pairs.length, before - 4);
  assert.equal(shard.changes(6), 'put c@6');
});

test('[KV20] changes are read again as their events told them', () => {
  const shard = new Shard();
  shard.put('a', '1');
  shard.put('b', '1');
  shard.do(deletion(ALL));
  assert.equal(shard.changes(2), 'put a@2, put b@3, delete a@4 was 1, delete b@4 was 1');
  const told = shard.bench.state.events.map(({ event }) => {
    const [answer] = must(decodeKeyspaceAnswers(event), 'an event is an answer');
    assert.ok(answer?.kind === 'changes');
    return `${answer.revision}: ${answer.changes.map(describe).join(', ')}`;
  });
  assert.deepEqual(told, ['2: put a@2', '3: put b@3', '4: delete a@4 was 1, delete b@4 was 1']);
});

test('[KV20] the record before is that before the revision', () => {
  const shard = new Shard();
  shard.put('a', '1');
  const inner: KeyspaceOperation = {
    kind: 'txn',
    compares: [],
    success: [putting(utf8('a'), utf8('2')), putting(utf8('b'), utf8('2'))],
    failure: [],
  };
  shard.do({ kind: 'txn', compares: [], success: [inner, deletion(ALL)], failure: [] });
  const expected = 'put a@3 was 1, put b@3, delete a@3 was 1, delete b@3';
  assert.equal(shard.changes(3), expected);
  const [answer] = must(
    decodeKeyspaceAnswers(shard.bench.state.events[1]?.event as Uint8Array),
    'told',
  );
  assert.ok(answer?.kind === 'changes');
  assert.equal(answer.changes.map(describe).join(', '), expected);
});
