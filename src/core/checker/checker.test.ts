import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulateHistory, type Workload } from '../../../test/support/simulated-object.ts';
import {
  appendListWorkload,
  casRegisterWorkload,
  kvWorkload,
  queueWorkload,
  registerWorkload,
  streamWorkload,
} from '../../../test/support/workloads.ts';
import { Prng } from '../../base/prng.ts';
import { checkHistory, type JudgedPart } from './checker.ts';
import { type Model, NEVER, type Operation, type StateValue } from './model.ts';
import { casRegisterModel } from './models/cas-register.ts';
import { kvModel } from './models/kv.ts';
import type { RegisterAction } from './models/register.ts';

const SMALL_HISTORIES = 20_000;
const CROWDS = 800;

/** Tries every order, knows no tricks: whatever it says is right. */
function isLinearizable<Action, State extends StateValue>(
  model: Model<Action, State>,
  rest: readonly Operation<Action>[],
  state: State = model.init(),
): boolean {
  if (rest.every(({ returnAt }) => returnAt === NEVER)) return true;
  return rest.some((first, i) => {
    if (rest.some((other) => other.returnAt < first.callAt)) return false;
    const next = model.step(state, first.action);
    return next !== undefined && isLinearizable(model, rest.toSpliced(i, 1), next);
  });
}

/** Up to six operations that overlap at random, with answers that some state would have given. */
function randomHistory<Action, State extends StateValue>(
  workload: Workload<Action, State>,
  random: Prng,
): Operation<Action>[] {
  const { model } = workload;
  return Array.from({ length: 1 + random.below(6) }, (_, process) => {
    const callAt = random.below(10);
    const returnAt = random.below(5) === 0 ? NEVER : callAt + random.below(6);
    const asked = workload.ask(random, random.below(4));
    if (returnAt === NEVER) return { process, key: '', action: asked, callAt, returnAt };
    let state = model.init();
    for (let steps = random.below(4); steps > 0; steps--) {
      state = model.step(state, workload.ask(random, random.below(4))) ?? state;
    }
    return { process, key: '', action: workload.answer(state, asked), callAt, returnAt };
  });
}

/** The order respects real time, makes sense to the model, and gives the states that it claims. */
function assertOrderHolds<Action, State extends StateValue>(
  model: Model<Action, State>,
  { operations, reach }: JudgedPart<Action, State>,
): void {
  const placed = new Set(reach.order);
  assert.equal(placed.size, reach.order.length, 'nothing is placed twice');
  let state = model.init();
  for (const [i, index] of reach.order.entries()) {
    const { callAt, action } = operations[index] as Operation<Action>;
    const later = reach.order.slice(i + 1).map((other) => operations[other] as Operation<Action>);
    const unplaced = operations.filter((_, other) => !placed.has(other));
    const latest = [...later, ...unplaced].filter(({ returnAt }) => returnAt < callAt);
    assert.deepEqual(latest, [], 'what returned before the call comes before it');
    const next = model.step(state, action);
    assert.notEqual(next, undefined, `${model.describe(action)} makes sense`);
    state = next as State;
    assert.equal(reach.states[i], state);
  }
}

/** As above, but remembers what it tried, so that it can take crowds. */
function isCrowdLinearizable<Action, State extends StateValue>(
  model: Model<Action, State>,
  operations: readonly Operation<Action>[],
): boolean {
  const tried = new Set<string>();
  const search = (placed: number, state: State): boolean => {
    const name = `${placed} ${JSON.stringify(state)}`;
    if (tried.has(name)) return false;
    tried.add(name);
    const rest = operations.filter((_, i) => (placed & (1 << i)) === 0);
    if (rest.every(({ returnAt }) => returnAt === NEVER)) return true;
    const firstReturn = Math.min(...rest.map(({ returnAt }) => returnAt));
    return operations.some((operation, i) => {
      if ((placed & (1 << i)) !== 0 || operation.callAt > firstReturn) return false;
      const next = model.step(state, operation.action);
      return next !== undefined && search(placed | (1 << i), next);
    });
  };
  return search(0, model.init());
}

/** Thirteen operations of six clients, three answers of which may be wrong. */
function compareCrowds<Action, State extends StateValue>(workload: Workload<Action, State>): void {
  const { model } = workload;
  const random = Prng.from(4, `crowd ${model.name}`);
  let good = 0;
  for (let round = 0; round < CROWDS; round++) {
    const lossChance = (round % 3) * 0.04;
    const crowd = { clients: 6, operations: 13, keys: 1, lossChance };
    const history = simulateHistory(workload, crowd, random);
    for (let wrong = 0; wrong < 3; wrong++) {
      const victim = random.below(history.length);
      const chosen = history[victim] as Operation<Action>;
      const confused = history[random.below(history.length)] as Operation<Action>;
      if (chosen.returnAt === NEVER) continue;
      const state = model.step(model.init(), confused.action) ?? model.init();
      history[victim] = { ...chosen, action: workload.answer(state, chosen.action) };
    }
    const verdict = checkHistory(model, history);
    const expected = isCrowdLinearizable(model, history);
    assert.equal(verdict.kind, expected ? 'linearizable' : 'notLinearizable', show(model, history));
    if (expected) good += 1;
  }
  const share = good / CROWDS;
  assert(share > 0.1 && share < 0.95, `both verdicts occur: ${share} linearizable`);
}

function compareWithDumb<Action, State extends StateValue>(
  workload: Workload<Action, State>,
): void {
  const { model } = workload;
  const random = Prng.from(1, `dumb ${model.name}`);
  let good = 0;
  for (let round = 0; round < SMALL_HISTORIES; round++) {
    const history = randomHistory(workload, random);
    const verdict = checkHistory(model, history);
    const expected = isLinearizable(model, history);
    assert.equal(verdict.kind, expected ? 'linearizable' : 'notLinearizable', show(model, history));
    if (verdict.kind === 'linearizable') {
      good += 1;
      const [part] = verdict.parts;
      assert(part !== undefined && verdict.parts.length === 1);
      assertOrderHolds(model, part);
      const left = part.operations.filter((_, i) => !part.reach.order.includes(i));
      assert(
        left.every(({ returnAt }) => returnAt === NEVER),
        'what returned is placed',
      );
    } else if (verdict.kind === 'notLinearizable') {
      assertOrderHolds(model, verdict.part);
      const stuck = verdict.part.operations[verdict.part.reach.stuck];
      assert(stuck !== undefined && stuck.returnAt !== NEVER, 'what returned is stuck');
      assert(!verdict.part.reach.order.includes(verdict.part.reach.stuck));
    }
  }
  const share = good / SMALL_HISTORIES;
  assert(share > 0.1 && share < 0.9, `both verdicts occur: ${share} linearizable`);
}

function show<Action, State extends StateValue>(
  model: Model<Action, State>,
  history: readonly Operation<Action>[],
): string {
  return history
    .map(({ callAt, returnAt, action }) => `${callAt}..${returnAt} ${model.describe(action)}`)
    .join('\n');
}

test('[C5] [C7] register: the search agrees with trying every order', () =>
  compareWithDumb(registerWorkload));
test('[C5] [C7] cas-register: the search agrees with trying every order', () =>
  compareWithDumb(casRegisterWorkload));
test('[C5] [C7] kv: the search agrees with trying every order', () => compareWithDumb(kvWorkload));
test('[C5] [C7] append-list: the search agrees with trying every order', () =>
  compareWithDumb(appendListWorkload));
test('[C5] [C7] queue: the search agrees with trying every order', () =>
  compareWithDumb(queueWorkload));
test('[C5] [C7] stream: the search agrees with trying every order', () =>
  compareWithDumb(streamWorkload));

test('[C6] [C7] crowds: the search agrees with a plain one that remembers', () => {
  compareCrowds(registerWorkload);
  compareCrowds(casRegisterWorkload);
  compareCrowds(kvWorkload);
  compareCrowds(appendListWorkload);
  compareCrowds(queueWorkload);
  compareCrowds(streamWorkload);
});

test('[C8] a history is linearizable if and only if it is so for each key', () => {
  const random = Prng.from(2, 'keys');
  let good = 0;
  for (let round = 0; round < 5_000; round++) {
    const parts = ['a', 'b', 'c'].map((key) =>
      randomHistory(casRegisterWorkload, random).map((operation) => ({ ...operation, key })),
    );
    const expected = parts.every((part) => isLinearizable(casRegisterModel, part));
    const verdict = checkHistory(casRegisterModel, parts.flat());
    assert.equal(verdict.kind, expected ? 'linearizable' : 'notLinearizable');
    if (verdict.kind === 'linearizable') good += 1;
    if (verdict.kind === 'notLinearizable') {
      assert(!isLinearizable(casRegisterModel, verdict.part.operations), 'it names a bad key');
    }
  }
  assert(good > 200 && good < 4_000, `both verdicts occur: ${good}`);
});

test('[C9] a search that may not go on is unknown and names the keys that are left', () => {
  const random = Prng.from(3, 'budget');
  const crowd = { clients: 6, operations: 200, keys: 3, lossChance: 0 };
  const history = simulateHistory(kvWorkload, crowd, random);
  const verdict = checkHistory(kvModel, history, { shouldStop: () => true });
  assert(verdict.kind === 'unknown' && verdict.ranOut === 'time');
  assert.deepEqual(verdict.keys.toSorted(), ['k0', 'k1', 'k2']);
});

test('[C9] keys whose search was interrupted in the middle are left, too', () => {
  const hard = ['a', 'b', 'c'].flatMap((key) => pendingWrites(20, key));
  let asked = 0;
  const verdict = checkHistory(casRegisterModel, hard, { shouldStop: () => (asked += 1) === 5 });
  assert(verdict.kind === 'unknown');
  assert.deepEqual(verdict.keys.toSorted(), ['a', 'b', 'c']);
});

test('[C9] a key that outgrows the memory does not hide the failure of another', () => {
  const hard = pendingWrites(20, 'hard');
  const outgrown = checkHistory(casRegisterModel, hard, { bytesMax: 100_000 });
  assert.deepEqual(outgrown, { kind: 'unknown', ranOut: 'memory', keys: ['hard'] });
  const easy = pendingWrites(1, 'easy');
  const verdict = checkHistory(casRegisterModel, [...hard, ...easy], { bytesMax: 100_000 });
  assert(verdict.kind === 'notLinearizable');
  assert.equal(verdict.part.key, 'easy');
});

/** Lost writes, each of which is seen, then a read of what nobody wrote: all subsets get tried. */
function pendingWrites(count: number, key: string): Operation<RegisterAction>[] {
  const operation = (
    process: number,
    callAt: number,
    returnAt: number,
    kind: 'read' | 'write',
    value: number,
  ): Operation<RegisterAction> => ({ process, key, action: { kind, value }, callAt, returnAt });
  return Array.from({ length: count }, (_, i) => [
    operation(i, i, NEVER, 'write', i),
    operation(count + i, 100, 200, 'read', i),
  ])
    .flat()
    .concat(operation(-1, 100, 200, 'read', count));
}
