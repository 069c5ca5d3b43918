import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Workload } from '../../../test/support/simulated-object.ts';
import {
  appendListWorkload,
  casRegisterWorkload,
  kvWorkload,
  queueWorkload,
  registerWorkload,
  streamWorkload,
} from '../../../test/support/workloads.ts';
import { Prng } from '../../base/prng.ts';
import type { StateValue } from './model.ts';

const ROUNDS = 5_000;

/** What each kind of action promises, held against random states and actions. */
function assertPromises<Action, State extends StateValue>(workload: Workload<Action, State>): void {
  const { model } = workload;
  const { foresight } = model;
  const random = Prng.from(1, `promises ${model.name}`);
  const walk = (from: State, steps: number, mayReset: boolean): State => {
    let state = from;
    for (let i = 0; i < steps; i++) {
      const asked = workload.ask(random, random.below(4));
      if (mayReset || foresight?.resets(asked) !== true) state = model.step(state, asked) ?? state;
    }
    return state;
  };
  const byText = new Map<string, Action>();
  let hopelessCount = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const state = walk(model.init(), random.below(5), true);
    const asked = workload.ask(random, random.below(4));
    const isAnswered = random.below(4) > 0;
    const other = walk(model.init(), random.below(5), true);
    const action = isAnswered ? workload.answer(other, asked) : asked;
    const next = model.step(state, action);
    const text = model.describe(action);
    assert.equal(model.step(state, byText.get(text) ?? action), next, `${text} names its step`);
    byText.set(text, action);
    if (isAnswered) assert.notEqual(model.step(other, action), undefined, `${text} made sense`);
    if (model.observes(action)) assert(next === undefined || next === state, `${text} observes`);
    if (foresight === undefined) continue;
    if (foresight.blind(action)) {
      assert.notEqual(next, undefined, `${text} makes sense everywhere`);
      assert(!model.observes(action), `${text} does not see`);
    }
    if (foresight.resets(action)) {
      assert(foresight.blind(action), `${text} is blind`);
      assert.equal(next, model.step(other, action), `${text} leads to one state`);
    }
    if (foresight.hopeless(state, action)) {
      hopelessCount += 1;
      const later = walk(state, random.below(6), false);
      assert.equal(model.step(later, action), undefined, `${text} is hopeless from ${state}`);
    }
  }
  assert(foresight === undefined || hopelessCount > 100, `some are hopeless: ${hopelessCount}`);
}

test('[C4] the models keep what they promise about their actions', () => {
  assertPromises(registerWorkload);
  assertPromises(casRegisterWorkload);
  assertPromises(kvWorkload);
  assertPromises(appendListWorkload);
  assertPromises(queueWorkload);
  assertPromises(streamWorkload);
});
