// K. Writing, applying and the Ready.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryLog } from '../memory-log.ts';
import { Network } from './network.support.ts';
import { Replica } from './replica.support.ts';
import { leader, logOf, outcomeOf, solo } from './solo.support.ts';
import { bytesOf, describeEntries, parseMessage } from './wording.support.ts';

const ASYNC = { asyncStorageWrites: true } as const;

test('K162: writes are handed out while earlier ones are under way, and complete in order', () => {
  const chief = leader({ options: ASYNC });
  chief.hear('2->1 appendResponse term=2 index=2');
  for (const payload of ['a', 'b', 'c']) {
    chief.core.propose([bytesOf(payload)]);
    chief.handleReady();
  }
  assert.deepEqual(
    chief.diskQueue.map(({ entries }) => describeEntries(entries)),
    ['[2/3:a]', '[2/4:b]', '[2/5:c]'],
  );
  // The others are faster than our disk: they are a majority without us.
  for (const id of [2, 3]) chief.step(parseMessage(`${id}->1 appendResponse term=2 index=5`));
  assert.equal(chief.core.basicStatus().commit, 5);
  while (chief.core.hasReady()) chief.handleReady();
  assert.equal(chief.machineQueue.length, 0, 'nothing is applied before it is durable here');
  chief.runDisk();
  while (chief.core.hasReady()) chief.handleReady();
  assert.equal(describeEntries(chief.machineQueue[0]?.entries ?? []), '[2/3:a]');
  chief.work();
  assert.deepEqual(chief.values, ['a', 'b', 'c']);
});

test('K163: the answer to a write that was replaced and put back frees nothing too early', () => {
  const replica = solo({ options: ASYNC });
  // 2/2 of leader 2, replaced by 3/2 of leader 3, put back by a leader of term 4 that has 2/2.
  replica.step(parseMessage('2->1 append term=2 log=1/1 [2/2]'));
  replica.handleReady();
  replica.step(parseMessage('3->1 append term=3 log=1/1 [3/2]'));
  replica.handleReady();
  replica.step(parseMessage('2->1 append term=4 log=1/1 [2/2,4/3]'));
  replica.handleReady();
  assert.equal(replica.diskQueue.length, 3);
  replica.runDisk();
  replica.runDisk();
  // The disk says 3/2 now. Read from memory it is 2/2, and only that is right.
  assert.equal(replica.log.term(2), 3);
  const answer = replica.core.step(parseMessage('2->1 append term=4 log=2/2 commit=1'));
  assert.equal(answer, 'handled');
  const texts = replica.work();
  assert(texts.includes('1->2 appendResponse term=4 index=2'), texts.join());
  assert.equal(logOf(replica), '2/2 4/3');
});

test('K164: an answer of the disk from an earlier term is disregarded, a later counts', () => {
  const replica = solo({ options: ASYNC });
  replica.step(parseMessage('2->1 append term=2 log=1/1 [2/2]'));
  replica.handleReady();
  replica.step(parseMessage('3->1 vote term=3 log=9/9'));
  assert.equal(outcomeOf(replica, '3->1 vote term=3 log=3/9'), 'handled');
  const work = replica.diskQueue[0];
  replica.runDisk();
  assert.equal(work?.responses.at(-1)?.index, 2);
  replica.handleReady();
  // This write holds no entries, and still names the last one, which is not known to be durable.
  const next = replica.diskQueue[0];
  assert.deepEqual(next?.entries, []);
  const response = next?.responses.at(-1);
  assert.deepEqual(
    [response?.kind, response?.index, response?.logTerm],
    ['storageAppendResponse', 2, 2],
  );
});

test('K165: entries go to the machine once, and count when they are applied', () => {
  const replica = solo({ options: ASYNC });
  replica.hear('2->1 append term=2 log=1/1 [2/2:a,2/3:b] commit=1');
  replica.step(parseMessage('2->1 heartbeat term=2 commit=2'));
  replica.handleReady();
  replica.step(parseMessage('2->1 heartbeat term=2 commit=3'));
  replica.handleReady();
  assert.deepEqual(
    replica.machineQueue.map(({ entries }) => describeEntries(entries)),
    ['[2/2:a]', '[2/3:b]'],
  );
  assert.equal(replica.core.basicStatus().applied, 1);
  replica.runMachine();
  assert.equal(replica.core.basicStatus().applied, 2);
  replica.runMachine();
  assert.equal(replica.core.basicStatus().applied, 3);
});

test('K166: with asynchronous writes one message carries the work and its promises', () => {
  const replica = solo({ options: ASYNC });
  replica.step(parseMessage('2->1 append term=4 log=1/1 [4/2:a] commit=2'));
  const ready = replica.takeReady();
  const [work] = ready.messages;
  assert.deepEqual([work?.kind, work?.term, work?.commit], ['storageAppend', 4, 2]);
  assert.deepEqual(
    work?.responses.map(({ kind, to }) => `${kind} to ${to}`),
    ['appendResponse to 2', 'storageAppendResponse to 1'],
  );
});

test('K166: what happens between a Ready and its end is in the next one', () => {
  const chief = leader({ voters: [1] });
  chief.core.propose([bytesOf('a')]);
  chief.takeReady();
  chief.core.propose([bytesOf('b')]);
  chief.write();
  chief.send();
  chief.finish();
  const next = chief.takeReady();
  assert.equal(describeEntries(next.entries), '[2/4:b]');
  assert.equal(describeEntries(next.committedEntries), '[2/3:a]');
});

test('K166: a Ready is neither taken twice nor ended twice', () => {
  const chief = leader();
  assert.throws(() => chief.core.advance(), /R61/);
  chief.takeReady();
  assert.throws(() => chief.core.ready(), /R61/);
});

test('K167: there is a Ready exactly when it would hold something', () => {
  const net = new Network({ options: { reads: 'lease' } });
  const isEmpty = (replica: Replica): boolean => {
    const ready = replica.takeReady();
    replica.write();
    replica.send();
    replica.finish();
    const lists = [ready.entries, ready.committedEntries, ready.messages, ready.readStates];
    return (
      [...lists, ready.readDrops, ready.fetches].every(({ length }) => length === 0) &&
      ready.softState === undefined &&
      ready.hardState === undefined &&
      ready.snapshot === undefined
    );
  };
  for (let i = 0; i < 400; i++) {
    const id = (i % 3) + 1;
    if (i % 7 === 0) net.at(id).core.tick();
    if (i % 11 === 0) net.at(id).core.propose([bytesOf('x')]);
    if (i % 13 === 0) net.at(id).core.readIndex();
    if (i % 2 === 0) net.deliverNext();
    const had = net.at(id).core.hasReady();
    assert.equal(isEmpty(net.at(id)), !had, `step ${i}`);
  }
  assert(net.commit(1) > 2, 'the group did something');
});

test('K168: term, vote, entries and snapshots must be synced, a commit index need not', () => {
  const syncOf = (text: string): boolean[] => {
    const replica = solo({ log: '[2/2]', term: 2 });
    replica.hear('2->1 heartbeat term=2');
    replica.step(parseMessage(text));
    const { mustSync, mustSyncLog } = replica.takeReady();
    return [mustSync, mustSyncLog];
  };
  assert.deepEqual(syncOf('2->1 append term=2 log=2/2 [2/3]'), [true, true]);
  assert.deepEqual(syncOf('2->1 append term=2 log=2/2 commit=2'), [false, false]);
  assert.deepEqual(syncOf('2->1 heartbeat term=3'), [true, true]);
  assert.deepEqual(syncOf('3->1 vote term=3 log=2/2'), [true, true]);
  assert.deepEqual(syncOf('2->1 snapshot term=2 state=2/9 voters(1 2 3)'), [true, false]);
  assert.deepEqual(syncOf('2->1 heartbeat term=2'), [false, false]);
});

test('K168: entries are applied by a single node only once they are written', () => {
  const alone = leader({ voters: [1] });
  alone.core.propose([bytesOf('a')]);
  const ready = alone.takeReady();
  assert.equal(describeEntries(ready.entries), '[2/3:a]');
  assert.equal(describeEntries(ready.committedEntries), '[]');
});

test('K169: a disk that answers for another term or another entry is not believed', () => {
  const replica = solo({ options: ASYNC });
  replica.step(parseMessage('2->1 append term=2 log=1/1 [2/2]'));
  replica.handleReady();
  assert.equal(outcomeOf(replica, '-1->1 storageAppendResponse term=9 log=2/2'), 'malformed');
  assert.equal(outcomeOf(replica, '-1->1 storageAppendResponse term=1 log=2/2'), 'stale');
  assert.equal(outcomeOf(replica, '-2->1 storageApplyResponse'), 'handled');
  replica.work();
  assert.equal(logOf(replica), '2/2');
});

test('K173: a write is applied by the only voter after it is on its disk', () => {
  const log = new MemoryLog();
  const replica = new Replica(1, log, ASYNC);
  assert.equal(replica.core.hasReady(), false);
  const alone = leader({ voters: [1], options: ASYNC });
  alone.core.propose([bytesOf('a')]);
  while (alone.core.hasReady()) alone.handleReady();
  assert.deepEqual(alone.values, []);
  assert.equal(alone.core.basicStatus().commit, 2);
  alone.work();
  assert.deepEqual(alone.values, ['a']);
});

test('K169: what replaces entries that are being written is written, too', () => {
  const replica = solo({ options: ASYNC });
  replica.step(parseMessage('2->1 append term=2 log=1/1 [2/2,2/3,2/4]'));
  replica.handleReady();
  replica.step(parseMessage('3->1 append term=3 log=2/2 [3/3]'));
  replica.handleReady();
  assert.deepEqual(
    replica.diskQueue.map(({ entries }) => describeEntries(entries)),
    ['[2/2,2/3,2/4]', '[3/3]'],
  );
  replica.work();
  assert.equal(logOf(replica), '2/2 3/3');
});
