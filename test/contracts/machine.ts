// What every state machine owes its shard, and that a shard keeps its own part with it: rules M1 to
// M13 of src/core/SPEC.md. A suite is given bytes that mean something to the machine; it makes up
// the rest.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  isRaise,
  type MachineEdition,
  type MachineView,
  NEVER_MS,
  type QueryAnswer,
  type ShardMachine,
  wholeAnswer,
} from '../../src/core/machine.ts';
import { type FeedEvent, FeedHub } from '../../src/replica/feed/index.ts';
import { MachineBench, type PlainState } from '../support/machine-bench.ts';
import { Replicas, type Step } from './machine-replicas.ts';

export interface MachineSubject {
  readonly machine: ShardMachine;
  /** As it must be for ever, in figures of its own. */
  readonly first: MachineEdition;
  readonly commands: fc.Arbitrary<Uint8Array>;
  readonly questions: fc.Arbitrary<Uint8Array>;
  /** For each limit of the edition, a command that the first one just refuses for it. */
  readonly beyond: Readonly<Record<string, Uint8Array>>;
  /** Whether a result says that the command was no command. */
  readonly isMalformed: (result: Uint8Array) => boolean;
  /** What followers know who heard all events, and the same out of the state. */
  readonly followed: (events: readonly Pick<FeedEvent, 'topic' | 'event'>[]) => unknown;
  readonly observed: (view: MachineView) => unknown;
  /** The machine cuts long answers itself and says so: a smaller budget, a shorter answer. */
  readonly cutsAnswers: boolean;
}

const RUNS = { numRuns: 200 };
const NOISE = fc.uint8Array({ maxLength: 40 });

/** A bench, a list of what the machine did, and time that passes now and then. */
function run(subject: MachineSubject, steps: readonly Step[], on = benchOf(subject)) {
  const results = steps.map(({ body, passesMs }) => {
    on.pass(passesMs);
    return hexOf(on.apply(body));
  });
  return { bench: on, results };
}

function benchOf({ machine }: MachineSubject): MachineBench {
  return new MachineBench(machine);
}

function dump({ pairs, wakeMs }: PlainState): string {
  return `${pairs.map(({ key, value }) => `${hexOf(key)}=${hexOf(value)}`).join(' ')} @${wakeMs}`;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function stepsOf({ commands }: MachineSubject): fc.Arbitrary<Step[]> {
  const body = fc.oneof({ arbitrary: commands, weight: 9 }, { arbitrary: NOISE, weight: 1 });
  return fc.array(fc.record({ body, passesMs: fc.nat(60) }), { maxLength: 40, size: 'max' });
}

export function machineContract(name: string, subject: MachineSubject): void {
  effectRules(name, subject);
  editionRules(name, subject);
  eventRules(name, subject);
  questionRules(name, subject);
  timeRules(name, subject);
  replicaRules(name, subject);
}

function effectRules(name: string, subject: MachineSubject): void {
  const steps = stepsOf(subject);

  test(`${name}: [M1] the same commands have the same effect, events and results`, () => {
    fc.assert(
      fc.property(steps, (given) => {
        const [one, other] = [run(subject, given), run(subject, given)];
        assert.deepEqual(other.results, one.results);
        assert.equal(dump(other.bench.state), dump(one.bench.state));
        assert.deepEqual(other.bench.state.events, one.bench.state.events);
      }),
      RUNS,
    );
  });

  test(`${name}: [M1] a machine goes on from a copied state as if it had made it itself`, () => {
    fc.assert(
      fc.property(steps, steps, (before, after) => {
        const one = run(subject, before).bench;
        const copy = benchOf(subject);
        for (const { key, value } of one.state.pairs) copy.state.put(key, value);
        copy.state.wakeMs = one.state.wakeMs;
        copy.index = one.index;
        copy.ordinal = one.ordinal;
        copy.timeMs = one.timeMs;
        const [here, there] = [run(subject, after, one), run(subject, after, copy)];
        assert.deepEqual(there.results, here.results);
        assert.equal(dump(copy.state), dump(one.state));
      }),
      RUNS,
    );
  });

  test(`${name}: [M2] any bytes have a result, and what is malformed no effect`, () => {
    fc.assert(
      fc.property(steps, NOISE, (given, noise) => {
        const { bench } = run(subject, given);
        const [before, told] = [dump(bench.state), bench.state.events.length];
        if (!subject.isMalformed(bench.apply(noise))) return;
        assert.equal(dump(bench.state), before);
        assert.equal(bench.state.events.length, told);
      }),
      RUNS,
    );
  });
}

function editionRules(name: string, subject: MachineSubject): void {
  const { first, machine } = subject;

  test(`${name}: [M5, M7] the first edition is frozen, and each takes nothing away`, () => {
    assert.deepEqual(machine.editions[0], first);
    for (const [at, edition] of machine.editions.entries()) {
      const before = machine.editions[at - 1];
      if (before === undefined) continue;
      assert.ok(edition.version > before.version);
      assert.ok(isRaise(before, edition));
    }
  });

  test(`${name}: [M6] every limit of an edition decides, and no other number does`, () => {
    assert.deepEqual(Object.keys(subject.beyond).toSorted(), Object.keys(first.limits).toSorted());
    for (const [limit, command] of Object.entries(subject.beyond)) {
      const bench = benchOf(subject);
      bench.edition = first;
      assert.ok(subject.isMalformed(bench.apply(command)), limit);
      const raised = { ...first.limits, [limit]: (first.limits[limit] ?? 0) + 1 };
      bench.edition = { version: first.version, limits: raised };
      assert.ok(!subject.isMalformed(bench.apply(command)), `${limit}, raised by one`);
    }
  });

  test(`${name}: [M5] what a machine does hangs on the edition it is told, not its own`, () => {
    const raised = { version: 99, limits: doubled(machine.editions.at(-1)?.limits ?? {}) };
    const later: ShardMachine = withEditions(machine, [...machine.editions, raised]);
    fc.assert(
      fc.property(stepsOf(subject), fc.constantFrom(...machine.editions), (given, edition) => {
        const [old, young] = [benchOf(subject), new MachineBench(later)];
        old.edition = young.edition = edition;
        const [one, other] = [run(subject, given, old), run(subject, given, young)];
        assert.deepEqual(other.results, one.results);
        assert.equal(dump(young.state), dump(old.state));
      }),
      RUNS,
    );
  });
}

function withEditions(machine: ShardMachine, editions: readonly MachineEdition[]): ShardMachine {
  return {
    kind: machine.kind,
    editions,
    apply: (command, state) => machine.apply(command, state),
    query: (question, view) => machine.query(question, view),
    wake: (moment, state) => machine.wake?.(moment, state),
  };
}

function doubled(limits: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(limits).map(([name, value]) => [name, value * 2]));
}

function eventRules(name: string, subject: MachineSubject): void {
  test(`${name}: [M8] who hears every event knows what the state says`, () => {
    fc.assert(
      fc.property(stepsOf(subject), (given) => {
        const { state } = run(subject, given).bench;
        assert.deepEqual(subject.followed(state.events), subject.observed(state));
      }),
      RUNS,
    );
  });

  test(`${name}: [M9, M11] what waits goes on waiting until there is an event of its topic`, () => {
    let waits = 0;
    fc.assert(
      fc.property(stepsOf(subject), subject.questions, (given, question) => {
        const bench = benchOf(subject);
        let topic: string | undefined;
        for (const step of given) {
          const told = bench.state.events.length;
          run(subject, [step], bench);
          const heard = bench.state.events.slice(told).map((event) => hexOf(event.topic));
          const answer = bench.ask(question, { mayWait: true });
          if (topic !== undefined && !heard.includes(topic)) {
            assert.equal(answer.kind, 'wait', 'nothing was told that could have changed it');
          }
          topic = answer.kind === 'wait' ? hexOf(answer.topic) : undefined;
          if (topic !== undefined) waits += 1;
          assert.notEqual(bench.ask(question, { mayWait: false }).kind, 'wait');
        }
      }),
      RUNS,
    );
    assert.ok(waits > 50, `only ${waits} questions waited`);
  });
}

function questionRules(name: string, subject: MachineSubject): void {
  const anyQuestion = fc.oneof(subject.questions, NOISE);

  test(`${name}: [M2, M3] any bytes are a question, and asking changes nothing`, () => {
    fc.assert(
      fc.property(stepsOf(subject), anyQuestion, (given, question) => {
        const { bench } = run(subject, given);
        const [before, told] = [dump(bench.state), bench.state.events.length];
        const answers = [1, 2].map(() => wholeAnswer((cursor) => bench.ask(question, { cursor })));
        assert.deepEqual(answers[1], answers[0]);
        assert.equal(dump(bench.state), before);
        assert.equal(bench.state.events.length, told);
      }),
      RUNS,
    );
  });

  test(`${name}: [M4, M10] a question reads and answers no more than its budget`, () => {
    const budgets = fc.record({ stepsMax: fc.integer({ min: 1, max: 5 }), bytesMax: fc.nat(200) });
    fc.assert(
      fc.property(stepsOf(subject), subject.questions, budgets, (given, question, budget) => {
        const { bench } = run(subject, given);
        const longest = Math.max(
          0,
          ...bench.state.pairs.map((pair) => {
            return pair.key.length + pair.value.length;
          }),
        );
        const ask = (cursor: Uint8Array | undefined): QueryAnswer => {
          bench.state.steps = 0;
          const answer = bench.ask(question, { cursor, budget });
          assert.ok(bench.state.steps <= budget.stepsMax + 1, `${bench.state.steps} steps`);
          assert.ok(answer.kind === 'done' || answer.kind === 'more');
          const { length } = answer.kind === 'done' ? answer.answer : answer.part;
          assert.ok(length <= budget.bytesMax + longest + 32, `${length} bytes`);
          return answer;
        };
        const inParts = wholeAnswer(ask);
        if (subject.cutsAnswers) return;
        const atOnce = wholeAnswer((cursor) => bench.ask(question, { cursor }));
        assert.deepEqual(inParts, atOnce);
      }),
      RUNS,
    );
  });
}

function timeRules(name: string, subject: MachineSubject): void {
  test(`${name}: [M12] whoever is woken gets on, and has nothing left to do in the end`, () => {
    fc.assert(
      fc.property(stepsOf(subject), (given) => {
        const { state } = run(subject, given).bench;
        const bench = run(subject, given).bench;
        assert.equal(dump(bench.state), dump(state));
        for (let wakes = 0; bench.state.wakeMs !== NEVER_MS; wakes++) {
          assert.ok(wakes < 1_000, 'it is woken for ever');
          const [before, dueMs] = [dump(bench.state), bench.state.wakeMs];
          bench.pass(Math.max(0, dueMs - bench.timeMs));
          assert.notEqual(dump(bench.state), before, 'a wake that changes nothing comes again');
        }
      }),
      RUNS,
    );
  });
}

function replicaRules(name: string, subject: MachineSubject): void {
  test(`${name}: [M6, M8] replicas agree on state, results and events`, async () => {
    const cuts = fc.array(fc.nat(40), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(stepsOf(subject), cuts, fc.nat(40), async (given, ends, middle) => {
        const replicas = new Replicas(subject.machine, () => new FeedHub());
        const straight = await replicas.open();
        const told = straight.apply(given, []);
        const cut = await replicas.open();
        assert.deepEqual(cut.apply(given, ends), told);
        assert.equal(cut.digest(), straight.digest());
        assert.deepEqual(cut.heard(), straight.heard());

        const source = await replicas.open();
        const at = Math.min(middle, given.length);
        source.apply(given.slice(0, at), ends);
        const restored = await replicas.restore(source);
        assert.deepEqual(restored.apply(given.slice(at), ends), told.slice(at));
        assert.equal(restored.digest(), straight.digest());
        assert.equal(restored.wakeMs(), straight.wakeMs());
        assert.deepEqual(
          restored.heard(),
          straight.heard().filter(({ index }) => index > restored.startedAt),
        );
      }),
      { numRuns: 30 },
    );
  });
}
