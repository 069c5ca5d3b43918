// What of a hard state is written, and in which order promises are kept.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.ts';
import type { HardState, Message } from '../../core/raft/index.ts';
import type { Wal, WalFailure } from '../../engine/wal/index.ts';
import { HardStateMemory, LogWriter } from './log-writer.ts';

function work(state: Partial<HardState>, entries = 0, responses = 0): Message {
  const message: Partial<Message> = {
    term: state.term ?? 0,
    vote: state.vote ?? 0,
    commit: state.commit ?? 0,
    entries: Array.from({ length: entries }, () => ENTRY),
    responses: Array.from({ length: responses }, () => ({}) as Message),
    snapshot: undefined,
  };
  return message as Message;
}

const ENTRY = { term: 1, index: 1, kind: 'normal', payload: new Uint8Array(0) } as const;

test('[H13] a commit index waits for what must survive, a vote or a term does not', () => {
  const memory = new HardStateMemory({ term: 2, vote: 1, commit: 5 });
  assert.equal(memory.toWrite(work({})), undefined);
  assert.equal(memory.toWrite(work({ term: 2, vote: 1, commit: 6 })), undefined);
  assert.deepEqual(memory.toWrite(work({}, 1)), { term: 2, vote: 1, commit: 6 });
  assert.equal(memory.toWrite(work({}, 1)), undefined, 'once');
  const vote = { term: 3, vote: 0, commit: 6 };
  assert.deepEqual(memory.toWrite(work(vote)), vote);
  assert.deepEqual(memory.toWrite(work({ ...vote, vote: 2 })), { ...vote, vote: 2 });
});

test('[H22] entries that wait for the disk are weighed, until they are durable', () => {
  const done: ((outcome: 'durable') => void)[] = [];
  const wal = { append: (_: unknown, then: (outcome: 'durable') => void) => done.push(then) };
  const nothing = (): void => {};
  const writer = new LogWriter(wal as unknown as Wal, nothing, nothing, nothing);
  const large = { ...ENTRY, payload: new Uint8Array(LIMITS.replica.logWaitingBytesMax / 2) };
  const memory = new HardStateMemory({ term: 1, vote: 0, commit: 0 });
  const add = (): void => {
    writer.add({ shard: 1, stored: nothing }, { ...work({}), entries: [large] }, memory);
    writer.flush(0);
  };
  add();
  add();
  assert.equal(writer.isBehind, false);
  add();
  assert.equal(writer.isBehind, true);
  done[0]?.('durable');
  assert.equal(writer.isBehind, false);
});

test('[H12] work of a turn is one append, and is answered in order', () => {
  const appends: { changes: number; done: (outcome: 'durable' | WalFailure) => void }[] = [];
  const wal = {
    append: (changes: readonly unknown[], done: (outcome: 'durable' | WalFailure) => void) =>
      appends.push({ changes: changes.length, done }),
  };
  const said: string[] = [];
  const writer = new LogWriter(
    wal as unknown as Wal,
    () => said.push('clock'),
    () => said.push('turn'),
    ({ reason }) => said.push(reason),
  );
  const add = (shard: number, entries: number, responses: number): void => {
    const client = { shard, stored: () => said.push(`stored ${shard}`) };
    const memory = new HardStateMemory({ term: 1, vote: 0, commit: 0 });
    writer.add(client, work({}, entries, responses), memory);
  };
  add(1, 2, 1);
  add(2, 1, 1);
  add(3, 0, 1);
  add(4, 0, 0);
  writer.flush(100);
  writer.flush(100);
  add(5, 1, 0);
  writer.flush(130);
  assert.deepEqual(
    appends.map(({ changes }) => changes),
    [2, 1],
    'promises without anything to write wait as well, and nothing at all does not',
  );
  assert.equal(writer.waitedMs(150), 50);
  appends[0]?.done('durable');
  assert.deepEqual(said, ['clock', 'stored 1', 'stored 2', 'stored 3', 'turn']);
  assert.equal(writer.waitedMs(150), 20);
  appends[1]?.done({ kind: 'failed', reason: 'EIO' });
  assert.equal(said.at(-1), 'EIO');
});
