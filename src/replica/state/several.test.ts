// Several commands in one entry: each with its own result and session, all of them or none.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CrashDisk } from '../../../test/support/wal-crash-disk.ts';
import { AssertionError, must } from '../../base/assert.ts';
import { type MachineCommand, type MachineState, type ShardMachine } from '../../core/machine.ts';
import type { Entry } from '../../core/raft/index.ts';
import { FeedHub } from '../feed/index.ts';
import { encodeCommand, encodeShardCommand, isCommand, stampCommand } from './commands.ts';
import { newestEditions, type SessionLimits, shardRules } from './editions.ts';
import { countSeveral, isPackable, lengthAt, packCommands } from './several.ts';
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
import type { ReplicaState, StateStore } from './types.ts';

const FIRST = { index: 1, term: 1 };
/** Of each shard here: behind it, entries may hold several commands. */
const RAISE = raiseOf({});

function raiseOf(limits: Partial<SessionLimits>): Uint8Array {
  const editions = newestEditions(wordMachine, shardRules(limits));
  return encodeShardCommand({ kind: 'raise', editions }, 1);
}

function several(...lines: string[]): Uint8Array {
  return packCommands(lines.map(payloadOf), 0, lines.length);
}

/** Applies each payload as the next entry, all in one batch; tells `index.position result`. */
function run(data: ReplicaState, ...payloads: Uint8Array[]): string[] {
  const told: string[] = [];
  const first = data.applied().index + 1;
  data.apply(
    payloads.map((payload, i) => entryOf(first + i, payload)),
    {
      onResult: ({ index }: Entry, position: number, result: Uint8Array) => {
        told.push(`${index}.${position} ${describeResult(result)}`);
      },
    },
  );
  return told;
}

function create(states: StateStore, machine: ShardMachine = wordMachine): ReplicaState {
  const data = states.create(1, machine, FIRST, votersOf(1, 2, 3));
  run(data, RAISE);
  return data;
}

async function open(limits: Partial<SessionLimits> = {}): Promise<ReplicaState> {
  const { states } = await openState(new CrashDisk(), limits);
  const data = states.create(1, wordMachine, FIRST, votersOf(1, 2, 3));
  run(data, raiseOf(limits));
  return data;
}

async function restored(
  from: ReplicaState,
  limits: Partial<SessionLimits> = {},
): Promise<ReplicaState> {
  const { states } = await openState(new CrashDisk(), limits);
  const into = states.create(1, wordMachine, { index: 0, term: 0 }, votersOf());
  const { prefix, snapshot, view } = await from.prepareSnapshot();
  copyState(view, prefix, into, snapshot);
  into.install(snapshot);
  return into;
}

// --- bytes --------------------------------------------------------------------------------------

const command = fc.oneof(
  fc.uint8Array({ maxLength: 20 }).map((body) => encodeCommand({ kind: 'plain', body })),
  fc
    .tuple(fc.nat(9), fc.integer({ min: 1, max: 9 }), fc.uint8Array({ maxLength: 300 }))
    .map(([client, sequence, body]) => encodeCommand({ kind: 'session', client, sequence, body })),
);

function unpacked(payload: Uint8Array): Uint8Array[] {
  const commands: Uint8Array[] = [];
  for (let at = 3; at < payload.length; ) {
    const end = at + 4 + lengthAt(payload, at);
    commands.push(payload.subarray(at + 4, end));
    at = end;
  }
  return commands;
}

test('[D24] what is packed is there again, in its order', () => {
  fc.assert(
    fc.property(fc.array(command, { minLength: 1, maxLength: 400 }), (commands) => {
      const payload = packCommands(commands, 0, commands.length);
      assert.equal(countSeveral(payload), commands.length);
      assert.deepEqual(unpacked(payload), commands);
      assert.equal(isCommand(payload), false, 'nobody may propose it from outside');
      assert.equal(stampCommand(payload, 1), false);
    }),
  );
});

/** Written from the rule, without looking at the code: undefined when there is anything wrong. */
function readSlowly(payload: Uint8Array): Uint8Array[] | undefined {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  if (payload.length < 3 || payload[0] !== 7) return undefined;
  const commands: Uint8Array[] = [];
  let at = 3;
  for (let left = view.getUint16(1, true); left > 0; left--) {
    if (at + 4 > payload.length) return undefined;
    const length = view.getUint32(at, true);
    if (at + 4 + length > payload.length) return undefined;
    const one = payload.subarray(at + 4, at + 4 + length);
    if (!(one[0] === 0 && length >= 9) && !(one[0] === 1 && length >= 25)) return undefined;
    commands.push(one);
    at += 4 + length;
  }
  return at === payload.length && commands.length > 0 ? commands : undefined;
}

test('[D25] an entry is read to its last byte or not at all', () => {
  const change = fc.tuple(fc.nat(), fc.nat(255));
  const few = fc.array(command, { minLength: 1, maxLength: 4 });
  let [sound, unsound] = [0, 0];
  fc.assert(
    fc.property(few, fc.array(change, { maxLength: 2 }), fc.nat(4), (commands, changes, cut) => {
      const bytes = packCommands(commands, 0, commands.length);
      // Most of the changes to where it counts: the header, and the first lengths.
      for (const [at, to] of changes) bytes[at % Math.min(bytes.length, 12)] = to;
      const payload = bytes.subarray(0, bytes.length - (cut % 3));
      const expected = payload[0] === 7 ? readSlowly(payload) : [];
      if (payload[0] === 7) assert.equal(countSeveral(payload), expected?.length ?? 0);
      if (expected === undefined) unsound += 1;
      else sound += 1;
    }),
    { numRuns: 2_000, seed: 7 },
  );
  assert.ok(sound > 100 && unsound > 100, `${sound} sound, ${unsound} not`);
});

// --- effects ------------------------------------------------------------------------------------

test('[D24] each command has its own result, also in a batch of several entries', async () => {
  const data = await open();
  const packedOne = several('5 set a 1', '5 add n 2', '5 add n 3');
  const told = run(data, packedOne, payloadOf('-'), payloadOf('6 add n 1'), several('7 add n 1'));
  assert.deepEqual(told, [
    '3.0 done ok',
    '3.1 done 2',
    '3.2 done 5',
    '4.0 done',
    '5.0 done 6',
    '6.0 done 7',
  ]);
  data.apply([entryOf(7, several('8 add n 1', '8 add n 1'))], undefined);
  assert.equal(textOf(data.query(utf8('n'))), '9');
});

test('[D5, D24] a machine that breaks at the third command takes all of it back', async () => {
  const { disk, states, store } = await openState(new CrashDisk());
  const data = create(states);
  run(data, several('5 set a 1', '5 set b 1'));
  await store.flush();
  const before = data.digest();
  const told: string[] = [];
  const sink = { onResult: () => told.push('told') };
  const entry = entryOf(4, several('6 set a 2', '6 set b 2', '6 breakAfter c 2', '6 set d 2'));
  assert.throws(() => data.apply([entry], sink), AssertionError);
  assert.deepEqual([told, data.digest(), data.applied().index], [[], before, 3]);
  const again = await openState(new CrashDisk(disk.files()));
  assert.equal(must(again.states.open(1, wordMachine), 'it is there').digest(), before);
});

test('[D25] before the raise it is a command that nobody knows', async () => {
  const { states } = await openState(new CrashDisk());
  const data = states.create(1, wordMachine, FIRST, votersOf(1));
  assert.deepEqual(run(data, several('5 set a 1', '5 set b 1')), ['2.0 malformed']);
  const raiseFirst = run(data, RAISE, several('5 set a 1', '5 set b 1'));
  assert.deepEqual(raiseFirst, ['3.0 done', '4.0 done ok', '4.1 done ok'], 'behind it at once');
});

test('[D25] an entry with anything wrong about it has no effect at all', async () => {
  const data = await open();
  const good = ['5 set a 1', '5 set b 1'].map(payloadOf);
  const withOne = (odd: Uint8Array): Uint8Array => packCommands([...good, odd], 0, 3);
  const sound = packCommands(good, 0, 2);
  const counted = (count: number): Uint8Array => {
    const bytes = sound.slice();
    bytes[1] = count;
    return bytes;
  };
  const wrongs = [
    withOne(sound),
    withOne(payloadOf('5 open')),
    withOne(payloadOf('5 close 3')),
    withOne(RAISE),
    withOne(encodeShardCommand({ kind: 'wake' }, 5)),
    withOne(encodeShardCommand({ kind: 'evict', keep: 0 }, 5)),
    withOne(new Uint8Array(0)),
    withOne(payloadOf('5 set c 1').subarray(0, 8)),
    counted(0),
    counted(1),
    counted(3),
    sound.subarray(0, -1),
    Uint8Array.of(...sound, 0),
    Uint8Array.of(7),
    Uint8Array.of(7, 0, 0),
  ];
  const empty = data.digest();
  for (const payload of wrongs) {
    assert.match(run(data, payload).join(), /^\d+\.0 malformed$/);
    assert.equal(data.digest(), empty);
  }
});

test('[D25] a command that is wrong in itself leaves its neighbours alone', async () => {
  const data = await open();
  const timeless = payloadOf('5 set x 1');
  stampCommand(timeless, 2 ** 48);
  const unnumbered = payloadOf('5 9/1 set x 1');
  unnumbered[17] = 0;
  const all = [payloadOf('5 set a 1'), timeless, unnumbered, payloadOf('5 set b 1')];
  assert.deepEqual(run(data, packCommands(all, 0, 4)), [
    '3.0 done ok',
    '3.1 malformed',
    '3.2 malformed',
    '3.3 done ok',
  ]);
  assert.equal(textOf(data.query(utf8('all'))), 'a=1 b=1');
});

test('[D24] what may stand with others: commands of sessions, and those without one', () => {
  const kinds = ['5 set a 1', '5 3/1 set a 1', '5 open', '5 close 3'].map(payloadOf);
  assert.deepEqual(kinds.map(isPackable), [true, true, false, false]);
  assert.equal(isPackable(packCommands(kinds, 0, 1)), false);
  assert.equal(isPackable(new Uint8Array(0)), false);
});

// --- sessions -----------------------------------------------------------------------------------

test('[D12, D24] a command that comes twice within an entry has its effect once', async () => {
  const data = await open();
  run(data, payloadOf('5 open'), payloadOf('5 open'));
  const lines = ['5 3/1 add n 5', '5 3/1 add n 5', '5 4/1 add n 1', '5 3/2 add n 1'];
  assert.deepEqual(run(data, several(...lines, '5 3/1 add n 5', '5 99/1 add n 1')), [
    '5.0 done 5',
    '5.1 done 5',
    '5.2 done 6',
    '5.3 done 7',
    '5.4 stale',
    '5.5 expired',
  ]);
});

test('[D13, D26] the order of use is that within an entry, also of a restored state', async () => {
  for (const [lines, gone] of [
    [['5 3/1 add n 1', '5 4/1 add n 1'], 3],
    [['5 4/1 add n 1', '5 3/1 add n 1'], 4],
    [['5 3/1 add n 1', '5 4/1 add n 1', '5 3/2 add n 1'], 4],
  ] as const) {
    const data = await open();
    run(data, payloadOf('5 open'), payloadOf('5 open'), several(...lines));
    const evict = encodeShardCommand({ kind: 'evict', keep: 1 }, 6);
    const stays = gone === 3 ? 4 : 3;
    for (const replica of [await restored(data), data]) {
      assert.deepEqual(
        run(replica, evict, several(`6 ${gone}/9 add n 1`, `6 ${stays}/9 say 1`)).slice(1),
        ['7.0 expired', '7.1 done x'],
      );
    }
  }
});

test('[D13, D24] a session that ends within an entry is gone for what follows', async () => {
  const data = await open({ idleMs: 50 });
  run(data, payloadOf('5 open'), payloadOf('5 open'));
  const told = run(data, several('20 3/1 add n 1', '60 4/1 add n 1', '65 3/2 add n 1'));
  assert.deepEqual(told, ['5.0 done 1', '5.1 expired', '5.2 done 2']);
});

test('[D26] a record without a position is one of an entry with one command', async () => {
  const { store, states } = await openState(new CrashDisk());
  const data = create(states);
  run(data, payloadOf('5 open'), payloadOf('5 open'));
  const flagsOf = (): number[] => {
    const { prefix, view } = data.present();
    const records = [...view.range(prefix, undefined)].filter(({ value }) => value.length >= 25);
    return records.map(({ value }) => value[24] ?? -1);
  };
  run(data, payloadOf('5 3/1 add n 1'), several('5 4/1 add n 1'));
  assert.deepEqual(flagsOf().slice(0, 2), [1, 1]);
  run(data, several('5 3/2 add n 1', '5 4/2 add n 1'));
  assert.deepEqual(flagsOf().slice(0, 2), [1, 3]);
  await store.flush();
});

// --- machines -----------------------------------------------------------------------------------

/** Notes what it is told of each command. */
function witness(): { machine: ShardMachine; seen: string[] } {
  const seen: string[] = [];
  const machine: ShardMachine = {
    ...wordMachine,
    apply: (given: MachineCommand, state: MachineState) => {
      seen.push(`${given.index}.${given.ordinal}`);
      state.emit(utf8('topic'), given.body);
      return wordMachine.apply(given, state);
    },
  };
  return { machine, seen };
}

test('[M18] ordinals ascend within entries, and are the index once it has caught up', async () => {
  const { machine, seen } = witness();
  const { disk, states, store } = await openState(new CrashDisk());
  const data = create(states, machine);
  run(data, payloadOf('5 set a 1'), several('5 set a 1', '5 set b 1', '5 set c 1'));
  run(data, payloadOf('5 set a 1'));
  await store.flush();
  const again = await openState(new CrashDisk(disk.files()));
  const reopened = must(again.states.open(1, machine), 'it is there');
  run(reopened, payloadOf('5 set a 1'), payloadOf('-'), payloadOf('-'), payloadOf('5 set a 1'));
  assert.deepEqual(seen, ['3.3', '4.4', '4.5', '4.6', '5.7', '6.8', '9.9']);
});

test('[M18, D4] ordinals are the same however batches are cut, and in the digest', async () => {
  const payloads = [
    payloadOf('5 set a 1'),
    several('5 set a 1', '5 set b 1', '5 set c 1'),
    payloadOf('-'),
    payloadOf('5 set a 1'),
    payloadOf('-'),
    payloadOf('-'),
    payloadOf('5 set a 1'),
    several('5 set a 1'),
  ];
  const whole = await open();
  run(whole, ...payloads);
  for (let cut = 1; cut < payloads.length; cut++) {
    const data = await open();
    run(data, ...payloads.slice(0, cut));
    const other = await restored(data);
    for (const replica of [data, other]) {
      run(replica, ...payloads.slice(cut));
      assert.equal(replica.digest(), whole.digest());
    }
  }
});

test('[F2, M8] a follower hears of all events of an entry behind the index it names', async () => {
  const feed = new FeedHub({ turnBytesMax: 1 });
  const { machine } = witness();
  const data = create((await openState(new CrashDisk(), {}, 1, { feed })).states, machine);
  // [F7] Events are kept for whoever may come back.
  feed.follow(1, 2, () => {})?.close();
  run(data, payloadOf('5 set a 1'), several('5 set b 1', '5 set c 1'), payloadOf('5 set d 1'));
  const told: string[] = [];
  const follow = (index: number) => {
    return feed.follow(1, index, (news) => {
      if (news.kind !== 'events') return;
      told.push(`${news.events.map(({ event }) => textOf(event)).join()} to ${news.index}`);
    });
  };
  follow(2);
  while (feed.hasNews) feed.deliver();
  assert.deepEqual(told.splice(0), [
    'set a 1 to 3',
    'set b 1 to 3',
    'set c 1 to 4',
    'set d 1 to 5',
  ]);
  follow(3);
  while (feed.hasNews) feed.deliver();
  assert.deepEqual(told, ['set b 1 to 3', 'set c 1 to 4', 'set d 1 to 5']);
});

// --- any entries --------------------------------------------------------------------------------

const line = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('add n 1', 'set a 1', 'del a', 'say 3', 'say 20') },
  {
    weight: 5,
    arbitrary: fc
      .tuple(fc.integer({ min: 3, max: 6 }), fc.integer({ min: 1, max: 4 }))
      .map(([client, sequence]) => `${client}/${sequence} add n 1`),
  },
);
const OPENED = [['open'], ['open'], ['open']];
const entry = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom('close 3', 'close 4').map((one) => [one]) },
  { weight: 4, arbitrary: fc.array(line, { minLength: 1, maxLength: 6 }) },
);

test('[D24] several in an entry do what they do one by one, and replicas are equal', async () => {
  const given = fc.array(entry, { minLength: 1, maxLength: 14 });
  const limits = { sessionsMax: 3, idleMs: 20, resultBytesMax: 8 };
  await fc.assert(
    fc.asyncProperty(given, fc.nat(14), async (entries, middle) => {
      let timeMs = 10;
      const stamped = [...OPENED, ...entries].map((lines) => {
        return lines.map((one) => {
          timeMs += 2;
          return `${timeMs} ${one}`;
        });
      });
      const payloads = stamped.map((lines) => {
        const [first = ''] = lines;
        return / (open|close)/.test(first) ? payloadOf(first) : several(...lines);
      });
      const one = await open(limits);
      const told = run(one, ...payloads);
      const other = await open(limits);
      const early = payloads.slice(0, middle).flatMap((payload) => run(other, payload));
      const third = await restored(other, limits);
      const late = run(third, ...payloads.slice(middle));
      run(other, ...payloads.slice(middle));
      assert.deepEqual([...early, ...late], told);
      assert.equal(other.digest(), one.digest());
      assert.equal(third.digest(), one.digest());

      const alone = await open(limits);
      const resultOf = (text: string): string => text.slice(text.indexOf(' '));
      const singly = run(alone, ...stamped.flat().map(payloadOf)).map(resultOf);
      assert.deepEqual(singly, told.map(resultOf));
      assert.equal(textOf(alone.query(utf8('all'))), textOf(one.query(utf8('all'))));
    }),
    { numRuns: 100 },
  );
});
