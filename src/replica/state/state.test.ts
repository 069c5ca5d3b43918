import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CrashDisk } from '../../../test/support/wal-crash-disk.ts';
import { AssertionError } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import {
  answered,
  type MachineQuestion,
  type MachineState,
  type MachineView,
} from '../../core/machine.ts';
import { decodeResult, encodeCommand, stampCommand } from './commands.ts';
import { DurableMarks } from './durable-marks.ts';
import {
  decodeMeta,
  decodeStaged,
  encodeMeta,
  encodeStaged,
  endOfPrefix,
  FORMAT_KEY,
  GARBAGE_RANGE,
  generationPrefix,
  metaKey,
  stagedKey,
} from './layout.ts';
import { PeerMemory } from './peer-memory.ts';
import { confBytes } from './replica-state.ts';
import {
  copyState,
  entryOf,
  openState,
  payloadOf,
  textOf,
  utf8,
  votersOf,
  wordMachine,
} from './state.support.ts';
import { openStateStore } from './state-store.ts';
import type { ReplicaState, StateStore } from './types.ts';

const FIRST = { index: 1, term: 1 };
const SESSIONS = { sessionsMax: 2, idleMs: 50, resultBytesMax: 8 };

function create(states: StateStore, shard = 1): ReplicaState {
  return states.create(shard, wordMachine, FIRST, votersOf(1, 2, 3));
}

// --- replicas are equal -------------------------------------------------------------------------

const step = fc.record({
  what: fc.constantFrom('open', 'close', 'use', 'again', 'plain', 'empty', 'say'),
  client: fc.nat(3),
  passesMs: fc.nat(30),
});

/** Lines of commands that meet sessions which are there, were there, or never were. */
function linesOf(steps: readonly { what: string; client: number; passesMs: number }[]): string[] {
  const opened: number[] = [];
  const sequences = new Map<number, number>();
  let timeMs = 100;
  return steps.map(({ what, client, passesMs }, i) => {
    const index = i + 2;
    timeMs += passesMs;
    const id = opened.at(-1 - client) ?? 99;
    if (what === 'open') opened.push(index);
    if (what === 'use' || what === 'say') sequences.set(id, (sequences.get(id) ?? 0) + 1);
    const place = `${id}/${sequences.get(id) ?? 1}`;
    if (what === 'open') return `${timeMs} open`;
    if (what === 'close') return `${timeMs} close ${id}`;
    if (what === 'empty') return '-';
    if (what === 'plain') return `${timeMs} set k${client} ${index}`;
    return what === 'say' ? `${timeMs} ${place} say ${client * 5}` : `${timeMs} ${place} add n 1`;
  });
}

/** Applies in batches whose ends are given by `cuts`. */
function applyInBatches(
  data: ReplicaState,
  lines: readonly string[],
  cuts: readonly number[],
): string[] {
  const told: string[] = [];
  const sink = {
    onResult: ({ index }: { index: number }, _position: number, result: Uint8Array) => {
      told.push(`${index} ${Buffer.from(result).toString('hex')}`);
    },
  };
  let at = data.applied().index - 1;
  for (const cut of [...cuts.toSorted((a, b) => a - b), lines.length]) {
    const batch = lines.slice(at, Math.max(at, cut));
    const first = at + 2;
    data.apply(
      batch.map((line, i) => entryOf(first + i, payloadOf(line))),
      sink,
    );
    at += batch.length;
  }
  return told;
}

test('[D8, D13] however batches are cut, restored or not, a replica holds the same', async () => {
  const inputs = fc.tuple(fc.array(step, { minLength: 1, maxLength: 40 }), fc.array(fc.nat(40)));
  await fc.assert(
    fc.asyncProperty(inputs, fc.nat(40), async ([steps, cuts], middle) => {
      const lines = linesOf(steps);
      const restoredAt = Math.min(middle, lines.length);
      const one = create((await openState(new CrashDisk(), SESSIONS)).states);
      const told = applyInBatches(one, lines, []);

      const { states } = await openState(new CrashDisk(), SESSIONS);
      const other = create(states);
      applyInBatches(other, lines.slice(0, restoredAt), cuts);
      const third = states.create(3, wordMachine, { index: 0, term: 0 }, votersOf());
      const prepared = await other.prepareSnapshot();
      copyState(prepared.view, prepared.prefix, third, prepared.snapshot);
      prepared.close();
      assert.ok(third.install(prepared.snapshot));
      const late = applyInBatches(third, lines, cuts);
      applyInBatches(other, lines, cuts);

      assert.equal(other.digest(), one.digest());
      assert.equal(third.digest(), one.digest());
      assert.deepEqual(late, told.slice(restoredAt), 'and every caller hears the same');
    }),
    { numRuns: 150 },
  );
});

test('[D8] a session that came with a snapshot still knows what it did', async () => {
  const { states } = await openState(new CrashDisk(), SESSIONS);
  const leader = create(states);
  leader.apply(
    [entryOf(2, payloadOf('100 open')), entryOf(3, payloadOf('100 2/1 add n 5'))],
    undefined,
  );
  const follower = states.create(2, wordMachine, { index: 0, term: 0 }, votersOf());
  const { view, prefix, snapshot } = await leader.prepareSnapshot();
  copyState(view, prefix, follower, snapshot);
  follower.install(snapshot);
  const told: string[] = [];
  const sink = {
    onResult: (_entry: unknown, _position: number, result: Uint8Array) => {
      const decoded = decodeResult(result);
      told.push(decoded?.kind === 'done' ? textOf(decoded.body) : String(decoded?.kind));
    },
  };
  follower.apply([entryOf(4, payloadOf('120 2/1 add n 5'))], sink);
  follower.apply([entryOf(5, payloadOf('120 2/2 add n 5'))], sink);
  assert.deepEqual(told, ['5', '10']);
});

// --- the rules of a slice -----------------------------------------------------------------------

test('[D3] old entries, ones too far on, and config changes are bugs of the host', async () => {
  const { states } = await openState(new CrashDisk());
  for (const [shard, entry] of [
    entryOf(1, payloadOf('1 set a 1')),
    entryOf(3, payloadOf('1 set a 1')),
    { ...entryOf(2, new Uint8Array(0)), kind: 'confChange' as const },
  ].entries()) {
    const data = create(states, shard);
    assert.throws(() => data.apply([entry], undefined), AssertionError);
    assert.throws(() => data.setConfState(votersOf(1), { index: 2, term: 1 }), AssertionError);
    assert.equal(textOf(data.query(utf8('all'))), '');
  }
  const data = create(states, 9);
  assert.throws(() => data.setConfState(votersOf(1), { index: 3, term: 1 }), AssertionError);
});

test('[D1] a shard is created and opened once', async () => {
  const { states, disk, store } = await openState(new CrashDisk());
  create(states);
  assert.throws(() => create(states), AssertionError);
  assert.throws(() => states.open(1, wordMachine), AssertionError);
  assert.equal(states.open(2, wordMachine), undefined);
  assert.equal(states.state(2), undefined);
  await store.flush();
  const again = await openState(new CrashDisk(disk.files()));
  assert.deepEqual(again.states.shardIds(), [1]);
  assert.equal(again.states.state(1), undefined, 'not before it is opened');
  assert.deepEqual(again.states.open(1, wordMachine)?.confState(), votersOf(1, 2, 3));
});

test('[D7] a value too long for a chunk breaks the machine that wrote it', async () => {
  const { states } = await openState(new CrashDisk());
  const data = create(states);
  const { valueBytesMax } = LIMITS.state;
  data.apply([entryOf(2, payloadOf(`1 write a ${valueBytesMax}`))], undefined);
  const tooLong = entryOf(3, payloadOf(`1 write a ${valueBytesMax + 1}`));
  assert.throws(() => data.apply([tooLong], undefined), /\[D7\]/);
  assert.deepEqual(data.applied(), { index: 2, term: 1 });
});

test('[D6] a question that writes is a bug of the machine', async () => {
  const { states } = await openState(new CrashDisk());
  const machine = {
    ...wordMachine,
    query: ({ body }: MachineQuestion, view: MachineView) => {
      (view as MachineState).put(body, body);
      return answered(body);
    },
  };
  const data = states.create(1, machine, FIRST, votersOf(1));
  assert.throws(() => data.query(utf8('a')), /\[D6\]/);
});

test('[D14] a prepared snapshot is held until its last holder let go', async () => {
  const { states, store } = await openState(new CrashDisk());
  const prepared = await create(states).prepareSnapshot();
  prepared.retain();
  prepared.close();
  assert.equal(store.stats().snapshotsOpen, 1);
  prepared.close();
  assert.equal(store.stats().snapshotsOpen, 0);
  assert.throws(() => prepared.close(), AssertionError);
  assert.throws(() => prepared.retain(), AssertionError);
});

test('[D17] a state that is not newer than what is applied is never installed', async () => {
  const { states } = await openState(new CrashDisk());
  const [source, target] = [create(states, 1), create(states, 2)];
  const { view, prefix, snapshot } = await source.prepareSnapshot();
  copyState(view, prefix, target, snapshot);
  assert.throws(() => target.install(snapshot), /\[D17\]/);
});

test('[D9] marks of many batches stay few, and never promise too much', () => {
  const passing = fc.record({ batches: fc.nat(3), indexes: fc.nat(3), lag: fc.nat(200) });
  fc.assert(
    fc.property(fc.array(passing, { maxLength: 300 }), (steps) => {
      const marks = new DurableMarks(0);
      const history = [{ batch: 0, index: 0 }];
      let [batch, index, told] = [0, 0, 0];
      for (const { batches, indexes, lag } of steps) {
        batch += batches;
        index += indexes;
        marks.note(batch, index);
        history.push({ batch, index });
        const durableBatch = Math.max(0, batch - lag);
        const now = marks.durableIndex(durableBatch);
        const newest = history.filter((mark) => mark.batch <= durableBatch);
        assert.ok(now >= told && now <= Math.max(told, newest.at(-1)?.index ?? 0));
        told = now;
      }
      assert.equal(marks.durableIndex(batch), index);
    }),
  );
});

// --- what a start finds -------------------------------------------------------------------------

test('[D2] a store of another layout, or with a damaged record, is refused', async () => {
  const wrongs: [Uint8Array, Uint8Array, string][] = [
    [FORMAT_KEY, Uint8Array.of(2), 'version'],
    [metaKey(1), Uint8Array.of(1, 2, 3), 'corrupt'],
    [stagedKey(1), Uint8Array.of(1, 2, 3), 'corrupt'],
  ];
  for (const [key, value, reason] of wrongs) {
    const { store, clock, states } = await openState(new CrashDisk());
    create(states);
    store.put(key, value);
    store.commit();
    const random = { u32: () => 0, unit: () => 0, below: () => 0 };
    const opening = openStateStore({ store, clock, random });
    assert.ok(opening.kind === 'refused');
    assert.equal(opening.reason, reason);
    assert.match(opening.message, /\. (Start|Replace) /);
  }
});

test('[D19] garbage of before the start is removed as well, slice by slice', async () => {
  const { states, store, disk, clock } = await openState(new CrashDisk());
  const data = create(states);
  const { snapshot } = await data.prepareSnapshot();
  const staging = data.stage(snapshot);
  const pairs = Array.from({ length: 2_500 }, (_, i) => {
    return { key: utf8(`\u0001${String(i).padStart(5, '0')}`), value: utf8('x') };
  });
  staging.add(pairs, staging.progress);
  data.dropStaging();
  await clock.pass(5);
  const prefix = generationPrefix(1, 2);
  const count = (of: typeof store): number => [...of.range(prefix, endOfPrefix(prefix))].length;
  assert.equal(count(store), 2_500 - LIMITS.state.removedPairsMax);
  states.close();
  await clock.pass(5);
  assert.equal(count(store), 2_500 - LIMITS.state.removedPairsMax, 'closed: nothing goes on');
  await store.flush();
  const again = await openState(new CrashDisk(disk.files()));
  for (let i = 0; i < 3; i++) await again.clock.pass(5);
  assert.equal(count(again.store), 0);
  assert.deepEqual([...again.store.range(...GARBAGE_RANGE)], []);
});

test('[D19] a state is staged apart from one that is still being removed', async () => {
  const { states, store, clock } = await openState(new CrashDisk());
  const data = create(states);
  const { snapshot } = await data.prepareSnapshot();
  const pairs = [{ key: utf8('\u0001key'), value: utf8('x') }];
  const forsaken = data.stage(snapshot);
  forsaken.add(pairs, forsaken.progress);
  const staging = data.stage(snapshot);
  staging.add(pairs, staging.progress);
  for (let i = 0; i < 3; i++) await clock.pass(5);
  const keptIn = (generation: number): number => {
    const prefix = generationPrefix(1, generation);
    return [...store.range(prefix, endOfPrefix(prefix))].length;
  };
  assert.deepEqual([keptIn(2), keptIn(3)], [0, 1]);
});

test('[D2] records come back as they were, and strange bytes are none', () => {
  const counter = fc.maxSafeNat();
  const name = fc.uint8Array({ minLength: 16, maxLength: 16 });
  const bytes = fc.uint8Array({ maxLength: 80 });
  fc.assert(
    fc.property(
      fc.nat(2 ** 32 - 1),
      counter,
      counter,
      name,
      bytes,
      (generation, index, term, id, rest) => {
        const confState = votersOf(1, 2, 3);
        const meta = decodeMeta(encodeMeta(generation, { index, term }, confBytes(confState)));
        assert.deepEqual(meta?.applied, { index, term });
        assert.deepEqual(meta?.snapshot.confState, confState);
        const progress = { chunks: index, pairs: term, bytes: 7, chain: id, lastKey: rest };
        const snapshot = { index, term, confState, data: id };
        const staged = { generation, isComplete: index % 2 === 0, snapshot, progress };
        assert.deepEqual(decodeStaged(encodeStaged(staged)), staged);
        decodeMeta(rest);
        decodeStaged(rest);
        assert.equal(decodeStaged(encodeStaged(staged).subarray(0, 60)), undefined);
      },
    ),
  );
});

test('[D10] a stamp is taken by commands only, and changes nothing but their time', () => {
  const payload = encodeCommand({ kind: 'session', client: 5, sequence: 3, body: utf8('x') });
  const before = payload.slice();
  assert.ok(stampCommand(payload, 1_234.9));
  assert.ok(stampCommand(payload, -1));
  assert.deepEqual(payload, before);
  assert.equal(stampCommand(utf8('what is this?'), 1), false);
  assert.equal(stampCommand(new Uint8Array(0), 1), false);
});

test('[D11] any bytes are a result or none', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
      const result = decodeResult(bytes);
      const isKnown = bytes.length > 0 && (bytes[0] as number) <= 6;
      assert.ok(result === undefined || isKnown);
    }),
  );
});

// --- members ------------------------------------------------------------------------------------

test('[D20] a member is known again after a crash, another in its place is not', async () => {
  const { store, disk } = await openState(new CrashDisk());
  const memory = new PeerMemory(store);
  assert.equal(await memory.meet(2, 77n), 'known');
  assert.equal(await memory.meet(2 ** 40, 2n ** 64n - 1n), 'known');
  const crashed = await openState(new CrashDisk(disk.files()));
  const again = new PeerMemory(crashed.store);
  assert.equal(await again.meet(2, 77n), 'known');
  assert.equal(await again.meet(2, 78n), 'other');
  assert.equal(await again.meet(2 ** 40, 2n ** 64n - 1n), 'known');
  assert.equal(await again.meet(2 ** 40 + 1, 1n), 'known');
});

test('[D20] two connections of a new member wait for the same flush', async () => {
  const { store } = await openState(new CrashDisk());
  const flushes: ((isDurable: boolean) => void)[] = [];
  store.flush = () => new Promise((resolve) => flushes.push(resolve));
  const memory = new PeerMemory(store);
  const answers: string[] = [];
  const meetings = [1, 2].map(async () => answers.push(await memory.meet(2, 77n)));
  assert.equal(await memory.meet(2, 78n), 'other');
  assert.deepEqual(answers, []);
  assert.equal(flushes.length, 1);
  flushes[0]?.(false);
  await Promise.all(meetings);
  assert.deepEqual(answers, ['failed', 'failed']);
});
