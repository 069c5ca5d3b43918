// What a shard does for its machine beside applying commands: editions, waking, sessions that are
// ended, ranges that are deleted, and leaving.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ReferenceMachine } from '../../../test/support/reference-machine.ts';
import { CrashDisk } from '../../../test/support/wal-crash-disk.ts';
import { AssertionError, must } from '../../base/assert.ts';
import { type MachineEdition, NEVER_MS, type ShardMachine } from '../../core/machine.ts';
import type { Entry } from '../../core/raft/index.ts';
import { FeedHub } from '../feed/index.ts';
import { encodeShardCommand, type ShardCommand } from './commands.ts';
import {
  decodeEditions,
  encodeEditions,
  newestEditions,
  type ShardEditions,
  shardRules,
} from './editions.ts';
import { GARBAGE_RANGE, generationPrefix, META_RANGE, removedKey } from './layout.ts';
import {
  copyState,
  describeResult,
  entryOf,
  openState,
  payloadOf,
  textOf,
  utf8,
  votersOf,
  wordMachine,
} from './state.support.ts';
import type { FormerLog, ReplicaState, StateStore } from './types.ts';

const FIRST = { index: 1, term: 1 };
const ONE: readonly MachineEdition[] = [{ version: 1, limits: { keyChars: 8, valueChars: 8 } }];
const TWO: readonly MachineEdition[] = [
  ...ONE,
  { version: 2, limits: { keyChars: 8, valueChars: 16 } },
];
const OLD = new ReferenceMachine(ONE);
const NEW = new ReferenceMachine(TWO);
const RULES = shardRules({});
const RAISED = newestEditions(NEW, RULES);
const LONG = '123456789012';

function create(states: StateStore, machine: ShardMachine = wordMachine, shard = 1): ReplicaState {
  return states.create(shard, machine, FIRST, votersOf(1, 2, 3));
}

/** A line as in `payloadOf`, or a command of the host. */
function run(data: ReplicaState, ...lines: (string | (ShardCommand & { at: number }))[]): string[] {
  const told: string[] = [];
  const first = data.applied().index + 1;
  const entries = lines.map((line, i) => {
    const payload = typeof line === 'string' ? payloadOf(line) : encodeShardCommand(line, line.at);
    return entryOf(first + i, payload);
  });
  const sink = {
    onResult: (_entry: Entry, _position: number, result: Uint8Array) =>
      told.push(describeResult(result)),
  };
  data.apply(entries, sink);
  return told;
}

async function restored(from: ReplicaState, machine: ShardMachine): Promise<ReplicaState> {
  const { states } = await openState(new CrashDisk());
  const into = states.create(1, machine, { index: 0, term: 0 }, votersOf());
  const { prefix, snapshot, view } = await from.prepareSnapshot();
  copyState(view, prefix, into, snapshot);
  into.install(snapshot);
  return into;
}

// --- editions -----------------------------------------------------------------------------------

test('[M5, M6] two releases with other limits refuse alike until a raise', async () => {
  const [old, young] = [
    create((await openState(new CrashDisk())).states, OLD),
    create((await openState(new CrashDisk())).states, NEW),
  ];
  for (const replica of [old, young]) {
    assert.deepEqual(run(replica, `1 put a ${LONG}`, '1 put b 1'), ['done malformed', 'done ok']);
  }
  assert.equal(young.digest(), old.digest());
  const raise = { kind: 'raise', editions: RAISED, at: 2 } as const;
  assert.deepEqual(run(young, `1 put a ${LONG}`, raise, `1 put a ${LONG}`), [
    'done malformed',
    'done',
    'done ok',
  ]);
  assert.deepEqual(young.editions(), RAISED);
});

test('[M6] an old release stops before the raise, and goes on with a new one', async () => {
  const { disk, states, store } = await openState(new CrashDisk());
  const data = create(states, OLD);
  run(data, '1 put a 1');
  await store.flush();
  const before = data.digest();
  const raise = { kind: 'raise', editions: RAISED, at: 2 } as const;
  const why = /this release cannot carry it out: .*reference version 2, this release knows 1/;
  assert.throws(() => run(data, '1 put b 1', raise, `1 put c ${LONG}`), why);
  assert.match(data.broken ?? '', why);
  assert.equal(data.digest(), before, 'nothing under it, and no half of the batch');
  assert.deepEqual(data.applied(), { index: 2, term: 1 });

  const upgraded = await openState(new CrashDisk(disk.files()));
  const again = must(upgraded.states.open(1, NEW), 'it is there');
  assert.equal(again.broken, undefined);
  assert.deepEqual(run(again, '1 put b 1', raise, `1 put c ${LONG}`).at(-1), 'done ok');
});

test('[M6] a raised state, from a snapshot or the store, old releases do not run', async () => {
  const { disk, states, store } = await openState(new CrashDisk());
  const data = create(states, NEW);
  run(data, { kind: 'raise', editions: RAISED, at: 1 }, `1 put a ${LONG}`);
  const young = await restored(data, NEW);
  assert.equal(young.digest(), data.digest());
  assert.deepEqual(young.editions(), RAISED);
  const old = await restored(data, OLD);
  await store.flush();
  const downgraded = await openState(new CrashDisk(disk.files()));
  for (const stopped of [old, must(downgraded.states.open(1, OLD), 'it is there')]) {
    assert.match(stopped.broken ?? '', /version 2/);
    assert.throws(() => run(stopped, '1 put b 1'), AssertionError);
    assert.throws(() => stopped.query(utf8('get a')), /\[M6\]/);
  }
});

test('[M7] what takes something away raises nothing, and the same raise twice is one', async () => {
  const data = create((await openState(new CrashDisk())).states, NEW);
  const { machine, shard } = RAISED;
  const lower = (limits: Record<string, number>): ShardEditions => {
    return { ...RAISED, machine: { version: 2, limits } };
  };
  const wrongs: ShardEditions[] = [
    lower({ keyChars: 8, valueChars: 7 }),
    lower({ valueChars: 16 }),
    { ...RAISED, kind: 'other' },
    { ...RAISED, machine: { ...machine, version: 0 } },
    { ...RAISED, shard: { ...shard, limits: {} } },
  ];
  for (const editions of wrongs) {
    assert.deepEqual(run(data, { kind: 'raise', editions, at: 1 }), ['malformed']);
  }
  const raise = { kind: 'raise', editions: RAISED, at: 1 } as const;
  assert.deepEqual(run(data, raise, raise), ['done', 'done']);
  assert.deepEqual(run(data, { kind: 'raise', editions: newestEditions(OLD, RULES), at: 1 }), [
    'malformed',
  ]);
  assert.deepEqual(data.editions(), RAISED);
});

test('[M6] limits of sessions are raised like those of the machine', async () => {
  const first = shardRules({ sessionsMax: 1 });
  const rules = {
    kind: 'shard' as const,
    editions: [
      ...first.editions,
      { version: 2, limits: { ...first.editions[0]?.limits, sessionsMax: 2 } },
    ],
  };
  const { states } = await openState(new CrashDisk(), {}, 1, { rules });
  const data = create(states);
  run(data, '1 open', '1 open');
  assert.equal(data.sessionsHeld().count, 1);
  const editions = newestEditions(wordMachine, rules);
  run(data, { kind: 'raise', editions, at: 1 }, '1 open', '1 open');
  assert.equal(data.sessionsHeld().count, 2);
});

test('[M5] without a record it is the first edition, and another kind is not run', async () => {
  const { disk, states, store } = await openState(new CrashDisk());
  create(states);
  await store.flush();
  const again = await openState(new CrashDisk(disk.files()));
  assert.match(again.states.open(1, OLD)?.broken ?? '', /of kind words, not reference/);
  const other = await openState(new CrashDisk());
  const waiting = other.states.create(1, OLD, { index: 0, term: 0 }, votersOf());
  assert.deepEqual(waiting.editions().machine, ONE[0]);
});

test('[M6] the numbers that shards begin with are those of the first release', () => {
  assert.deepEqual(RULES.editions[0], {
    version: 1,
    limits: {
      sessionsMax: 4_096,
      sessionIdleMs: 3_600_000,
      sessionResultBytesMax: 1_024,
      pairKeyBytesMax: 1_536,
      pairValueBytesMax: 196_608,
      deletedPairsMax: 1_024,
    },
  });
});

test('[D2] editions come back as they were, and strange bytes are none', () => {
  const limits = fc.dictionary(fc.stringMatching(/^[a-zA-Z]{1,9}$/), fc.maxSafeNat());
  const edition = fc.record({ version: fc.nat(2 ** 32 - 1), limits });
  const record = fc.record({ kind: fc.constantFrom('kv', ''), machine: edition, shard: edition });
  fc.assert(
    fc.property(record, fc.uint8Array({ maxLength: 60 }), (editions, noise) => {
      const bytes = encodeEditions(editions);
      const again = must(decodeEditions(bytes), 'it can be read');
      assert.deepEqual(again, {
        ...editions,
        machine: { ...editions.machine, limits: { ...editions.machine.limits } },
        shard: { ...editions.shard, limits: { ...editions.shard.limits } },
      });
      assert.equal(decodeEditions(bytes.subarray(0, -1)), undefined);
      decodeEditions(noise);
    }),
  );
});

// --- waking -------------------------------------------------------------------------------------

test('[M12] a machine is woken once, not before its time, and again after a restart', async () => {
  const { disk, states, store } = await openState(new CrashDisk());
  const data = create(states, NEW);
  assert.equal(data.wakeMs(), NEVER_MS);
  run(data, '100 put a 1 50');
  assert.equal(data.wakeMs(), 150);
  run(data, { kind: 'wake', at: 149 });
  assert.equal(textOf(data.query(utf8('get a'))), '1');
  await store.flush();
  const again = must(
    (await openState(new CrashDisk(disk.files()))).states.open(1, NEW),
    'it is there',
  );
  assert.equal(again.wakeMs(), 150);
  for (const replica of [data, again, await restored(data, NEW)]) {
    run(replica, { kind: 'wake', at: 150 }, { kind: 'wake', at: 150 });
    assert.equal(textOf(replica.query(utf8('get a'))), '');
    assert.equal(replica.wakeMs(), NEVER_MS);
  }
  assert.equal(again.digest(), data.digest());
});

test('[M12] a wake that is early, or comes twice, does not reach the machine', async () => {
  const woken: number[] = [];
  const machine: ShardMachine = {
    ...wordMachine,
    apply: (_command, state) => {
      state.wakeAt(150);
      return utf8('ok');
    },
    wake: ({ timeMs }) => woken.push(timeMs),
  };
  const data = create((await openState(new CrashDisk())).states, machine);
  run(data, { kind: 'wake', at: 99 }, '100 set', { kind: 'wake', at: 149 });
  assert.deepEqual(woken, [], 'not set yet, and not yet due');
  run(data, { kind: 'wake', at: 160 }, { kind: 'wake', at: 170 });
  assert.deepEqual(woken, [160]);
});

test('[M13] a range goes in slices of as many pairs as the edition says', async () => {
  const rules = shardRules({});
  const [first] = rules.editions;
  const limits = { ...first?.limits, deletedPairsMax: 2 };
  const small = { kind: 'shard' as const, editions: [{ version: 1, limits }] };
  const { states } = await openState(new CrashDisk(), {}, 1, { rules: small });
  const data = create(states, NEW);
  run(data, ...['aa', 'ab', 'ac', 'ad', 'ae', 'b'].map((key) => `100 put ${key} 1`));
  run(data, '100 drop a');
  assert.equal(textOf(data.query(utf8('count'))), '4');
  assert.equal(data.wakeMs(), 100, 'it wants to go on');
  run(data, { kind: 'wake', at: 100 });
  assert.equal(textOf(data.query(utf8('count'))), '2');
  run(data, { kind: 'wake', at: 100 });
  assert.equal(textOf(data.query(utf8('count'))), '1');
  assert.equal(data.wakeMs(), NEVER_MS);
});

// --- events -------------------------------------------------------------------------------------

test('[M8, F3] a batch in which the machine broke tells nobody anything', async () => {
  const feed = new FeedHub();
  const broken: ShardMachine = {
    ...wordMachine,
    apply: (command, state) => {
      state.emit(utf8('told'), command.body);
      return wordMachine.apply(command, state);
    },
  };
  const data = create((await openState(new CrashDisk(), {}, 1, { feed })).states, broken);
  const heard: string[] = [];
  feed.follow(1, 1, (news) => {
    if (news.kind === 'events') heard.push(...news.events.map(({ event }) => textOf(event)));
  });
  run(data, '1 set a 1');
  assert.throws(() => run(data, '1 set b 1', '1 breakAfter c 1'), AssertionError);
  while (feed.hasNews) feed.deliver();
  assert.deepEqual(heard, ['set a 1']);
});

// --- sessions -----------------------------------------------------------------------------------

test('[D21] sessions that were used least recently are ended, and answer expired', async () => {
  const { disk, states, store } = await openState(new CrashDisk());
  const data = create(states);
  run(data, '1 open', '1 open', '1 open', '1 2/1 add n 5', '1 3/1 add n 5');
  assert.equal(states.sessionBytes(), data.sessionsHeld().bytes);
  const full = states.sessionBytes();
  assert.deepEqual(run(data, { kind: 'evict', keep: 2, at: 1 }), ['done']);
  assert.ok(states.sessionBytes() < full);
  assert.deepEqual(run(data, '1 4/1 add n 1', '1 2/1 add n 5', '1 3/2 add n 1'), [
    'expired',
    'done 5',
    'done 11',
  ]);
  await store.flush();
  const again = await openState(new CrashDisk(disk.files()));
  const opened = must(again.states.open(1, wordMachine), 'it is there');
  assert.equal(again.states.sessionBytes(), 0, 'a shard that nobody uses takes nothing');
  assert.equal(run(opened, '1 3/2 add n 1')[0], 'done 11', 'and yet nothing has an effect twice');
  assert.equal(again.states.sessionBytes(), states.sessionBytes());
  await again.states.remove(1, FORMER);
  assert.equal(again.states.sessionBytes(), 0);
});

test('[D21] sessions of a state that was replaced weigh nothing', async () => {
  const [source, target] = [await openState(new CrashDisk()), await openState(new CrashDisk())];
  const data = create(source.states);
  run(data, '1 open', '1 open', '1 open', '1 set a 1');
  const into = create(target.states);
  run(into, '1 open');
  const { prefix, snapshot, view } = await data.prepareSnapshot();
  copyState(view, prefix, into, snapshot);
  into.install(snapshot);
  assert.equal(target.states.sessionBytes(), 0);
  run(into, '1 open');
  assert.equal(into.sessionsHeld().count, 4);
  assert.equal(target.states.sessionBytes(), into.sessionsHeld().bytes);
});

test('[D21] what sessions weigh is what is there, whatever comes', async () => {
  const step = fc.oneof(
    fc.constantFrom('1 open', '60 open', '1 2/1 say 9', '1 3/1 say 2', '1 close 2', '200 open'),
    fc.nat(4).map((keep) => ({ kind: 'evict', keep, at: 1 }) as const),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const limits = { sessionsMax: 3, idleMs: 50 };
      const { disk, states, store } = await openState(new CrashDisk(), limits);
      const data = create(states);
      for (const one of steps) run(data, one);
      await store.flush();
      const again = await openState(new CrashDisk(disk.files()), limits);
      const opened = must(again.states.open(1, wordMachine), 'it is there');
      run(opened, '1 set a 1');
      run(data, '1 set a 1');
      assert.equal(again.states.sessionBytes(), states.sessionBytes());
      assert.equal(opened.digest(), data.digest());
    }),
    { numRuns: 50 },
  );
});

// --- leaving ------------------------------------------------------------------------------------

/** Term, vote, and term and index of the last entry. */
function formerLog([term = 0, vote = 0, lastTerm = 0, index = 0]: readonly number[]): FormerLog {
  return { term, vote, last: { term: lastTerm, index } };
}

const FORMER = formerLog([3, 2, 3, 8]);

test('[D27] a closed shard is let go of when it is durable, and opened anew', async () => {
  const { states, store } = await openState(new CrashDisk());
  const data = create(states);
  run(data, '1 set a 1');
  const { snapshot } = await data.prepareSnapshot();
  data.stage(snapshot);
  const releasing = states.release(1);
  assert.equal(states.state(1), data, 'what it wrote is not durable yet');
  assert.equal(await releasing, true);
  assert.equal(states.state(1), undefined);
  const again = states.open(1, wordMachine);
  assert.ok(again !== undefined);
  assert.deepEqual(again.applied(), data.applied());
  assert.equal(again.durableApplied(), data.applied().index);
  assert.deepEqual(again.digest(), data.digest());
  assert.notEqual(again.staging, undefined, 'a transfer goes on');
  run(again, '1 set b 1');

  // Removed while it is let go of.
  const late = states.release(1);
  assert.equal(await states.remove(1, { term: 1, vote: 0, last: { index: 3, term: 1 } }), true);
  assert.equal(await late, true);
  assert.deepEqual([states.shardIds(), states.removed()], [[], [1]]);
  await store.flush();
});

test('[D22] a shard that left is gone at once, its pairs in slices, its mark never', async () => {
  const feed = new FeedHub();
  const { clock, disk, states, store } = await openState(new CrashDisk(), {}, 1, { feed });
  const data = create(states);
  run(data, '1 open', '1 set a 1');
  const heard: string[] = [];
  feed.follow(1, 3, ({ kind }) => heard.push(kind));
  const { snapshot } = await data.prepareSnapshot();
  data.stage(snapshot);
  assert.equal(await states.remove(1, FORMER), true);
  feed.deliver();
  assert.deepEqual(heard, ['end']);
  assert.equal(states.state(1), undefined);
  assert.deepEqual([...store.range(...META_RANGE)], []);
  assert.throws(() => run(data, '1 set a 2'), AssertionError);
  assert.throws(() => create(states), AssertionError, 'the log may have it yet');

  const again = await openState(new CrashDisk(disk.files()));
  assert.deepEqual(again.states.removed(), [1], 'a start has the log forget it');
  assert.deepEqual(again.states.shardIds(), []);
  again.states.forgotten(1);
  const anew = create(again.states);
  run(anew, '1 set b 1');
  for (let i = 0; i < 5; i++) await again.clock.pass(5);
  assert.equal(textOf(anew.query(utf8('all'))), 'b=1', 'old pairs and new ones do not meet');
  assert.deepEqual([...again.store.range(...GARBAGE_RANGE)], []);
  assert.deepEqual(again.states.former(1), FORMER, 'for good');
  const first = generationPrefix(1, 1);
  assert.deepEqual([...again.store.range(first, generationPrefix(1, 2))], []);
  for (let i = 0; i < 5; i++) await clock.pass(5);
});

test('[D22] all that a shard promised before it left is kept together', async () => {
  const { disk, states } = await openState(new CrashDisk());
  assert.equal(states.former(1), undefined);
  const lives = [
    { log: [5, 0, 3, 9], kept: [5, 0, 3, 9] },
    // It voted in the term that it came back with, and had no state yet.
    { log: [5, 2, 0, 0], kept: [5, 2, 3, 9] },
    { log: [7, 3, 7, 4], kept: [7, 3, 7, 4] },
    { log: [8, 0, 7, 3], kept: [8, 0, 7, 4] },
  ];
  for (const { kept, log } of lives) {
    create(states);
    await states.remove(1, formerLog(log));
    states.forgotten(1);
    assert.deepEqual(states.former(1), formerLog(kept));
  }
  create(states);
  const again = await openState(new CrashDisk(disk.files()));
  assert.deepEqual(again.states.removed(), [1], 'its record was not durable');
  await again.states.remove(1, formerLog([9, 1, 0, 0]));
  assert.deepEqual(again.states.former(1), formerLog([9, 1, 7, 4]));
  again.states.forgotten(1);
  create(again.states);
  await again.store.flush();
  const back = await openState(new CrashDisk(again.disk.files()));
  assert.deepEqual(back.states.removed(), [], 'it came back');
});

test('[D22] a mark that cannot be read is damage', async () => {
  const { disk, store } = await openState(new CrashDisk());
  store.put(removedKey(1), Uint8Array.of(1, 2, 3));
  store.commit();
  await store.flush();
  await assert.rejects(openState(new CrashDisk(disk.files())));
});

test('[D22] a shard leaves that nobody opened', async () => {
  const { disk, states, store } = await openState(new CrashDisk());
  create(states).stage((await must(states.state(1), 'open').prepareSnapshot()).snapshot);
  await store.flush();
  const again = await openState(new CrashDisk(disk.files()));
  await again.states.remove(1, FORMER);
  assert.equal(again.states.open(1, wordMachine), undefined);
  for (let i = 0; i < 5; i++) await again.clock.pass(5);
  assert.deepEqual(
    [...again.store.range(Uint8Array.of(1), undefined)].map(({ key }) => key[0]),
    [6],
    'the mark alone is left',
  );
});

// --- what is not written yet --------------------------------------------------------------------

test('[D23] bytes that are not durable are counted by shard', async () => {
  const { states, store } = await openState(new CrashDisk());
  const [big, small] = [create(states, wordMachine, 1), create(states, wordMachine, 2)];
  run(small, '1 set a 1');
  run(big, '1 write a 5000', '1 write b 5000', '1 del a');
  assert.ok(big.unwrittenBytes() > 10_000 && big.unwrittenBytes() < 12_000);
  assert.ok(small.unwrittenBytes() > 0 && small.unwrittenBytes() < 300);
  await store.flush();
  assert.deepEqual([big.unwrittenBytes(), small.unwrittenBytes()], [0, 0]);
  run(small, '1 set b 1');
  assert.ok(small.unwrittenBytes() > 0);
  assert.equal(big.unwrittenBytes(), 0);
});
