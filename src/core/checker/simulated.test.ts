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
import { checkHistory } from './checker.ts';
import { NEVER, type Operation, type StateValue } from './model.ts';
import type { KvAction } from './models/kv.ts';
import type { RegisterAction } from './models/register.ts';

const SEEDS = 40;
const FORESIGHT_ROUNDS = 500;
const CROWD = { clients: 8, operations: 300, keys: 3, lossChance: 0.01 };
/** Nobody looks into a queue, so many orders explain its history: it has to be short. */
const QUEUE_CROWD = { clients: 4, operations: 60, keys: 1, lossChance: 0.01 };

function assertLinearizable<Action, State extends StateValue>(
  workload: Workload<Action, State>,
  crowd = CROWD,
): void {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const history = simulateHistory(workload, crowd, Prng.from(seed, workload.model.name));
    const verdict = checkHistory(workload.model, history);
    assert.equal(verdict.kind, 'linearizable', `seed ${seed} of ${workload.model.name}`);
  }
}

test('[C5] what clients see of an object that works is linearizable', () => {
  assertLinearizable(registerWorkload);
  assertLinearizable(casRegisterWorkload);
  assertLinearizable(kvWorkload);
  assertLinearizable(appendListWorkload);
  assertLinearizable(streamWorkload);
  assertLinearizable(queueWorkload, QUEUE_CROWD);
});

/** Changes answers that `spoil` answers for, one in each history; all of them must be noticed. */
function assertNoticed<Action, State extends StateValue>(
  workload: Workload<Action, State>,
  spoil: (operation: Operation<Action>) => Action | undefined,
  crowd = CROWD,
): void {
  let spoiled = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const random = Prng.from(seed, `spoil ${workload.model.name}`);
    const history = simulateHistory(workload, crowd, random);
    const victim = random.below(history.length);
    const chosen = history[victim] as Operation<Action>;
    const action = chosen.returnAt === NEVER ? undefined : spoil(chosen);
    if (action === undefined) continue;
    spoiled += 1;
    history[victim] = { ...chosen, action };
    const verdict = checkHistory(workload.model, history);
    assert(verdict.kind === 'notLinearizable', `seed ${seed} of ${workload.model.name}`);
    assert.equal(verdict.part.key, chosen.key);
  }
  assert(spoiled >= SEEDS / 8, `${spoiled} histories of ${workload.model.name} were spoiled`);
}

test('[C5] an answer that no order explains is noticed, with its key', () => {
  assertNoticed(registerWorkload, ({ action }) =>
    action.kind === 'read' ? { ...action, value: 'never written' } : undefined,
  );
  assertNoticed(casRegisterWorkload, ({ action }) =>
    action.kind === 'cas'
      ? { ...action, from: 'never written', answer: 'swapped' as const }
      : undefined,
  );
  assertNoticed(kvWorkload, ({ action }) =>
    action.kind === 'get' ? { ...action, value: `${action.value}never written` } : undefined,
  );
  assertNoticed(appendListWorkload, ({ action }) =>
    action.kind === 'read' && action.items.length > 1
      ? { ...action, items: action.items.toSpliced(1, 0, -1) }
      : undefined,
  );
  assertNoticed(streamWorkload, ({ action }) =>
    action.kind === 'append' && action.offset !== 'unknown'
      ? { ...action, offset: action.offset + 1_000 }
      : undefined,
  );
  assertNoticed(
    queueWorkload,
    ({ action }) => (action.kind === 'dequeue' ? { ...action, answer: { item: -1 } } : undefined),
    QUEUE_CROWD,
  );
});

/** Exchanges answers, so that many histories are wrong in ways that are hard to see. */
function compareWithoutForesight<
  Action extends { readonly kind: string },
  State extends StateValue,
>(workload: Workload<Action, State>): void {
  const { foresight, ...blind } = workload.model;
  assert(foresight !== undefined);
  const random = Prng.from(1, `foresight ${blind.name}`);
  let good = 0;
  for (let round = 0; round < FORESIGHT_ROUNDS; round++) {
    const crowd = { clients: 5, operations: 8 + random.below(16), keys: 1, lossChance: 0.03 };
    const history = simulateHistory(workload, crowd, random);
    for (let wrong = random.below(3); wrong > 0; wrong--) {
      const at = random.below(history.length);
      const victim = history[at] as Operation<Action>;
      const like = history.filter(
        ({ action, returnAt }) => action.kind === victim.action.kind && returnAt !== NEVER,
      );
      if (victim.returnAt === NEVER) continue;
      const { action } = like[random.below(like.length)] as Operation<Action>;
      history[at] = { ...victim, action };
    }
    const verdict = checkHistory(workload.model, history);
    assert.equal(verdict.kind, checkHistory(blind, history).kind, `round ${round}`);
    if (verdict.kind === 'linearizable') good += 1;
  }
  const share = good / FORESIGHT_ROUNDS;
  assert(share > 0.2 && share < 0.95, `both verdicts occur: ${share} linearizable`);
}

test('[C7] with foresight and without it the verdicts are the same', () => {
  compareWithoutForesight(registerWorkload);
  compareWithoutForesight(kvWorkload);
  compareWithoutForesight(appendListWorkload);
  compareWithoutForesight(streamWorkload);
});

test('[C5] fifty clients on ten keys are judged in seconds, right or wrong', () => {
  const crowd = { clients: 50, operations: 1_712, keys: 10, lossChance: 0 };
  for (let seed = 1; seed <= 4; seed++) {
    const history = simulateHistory(kvWorkload, crowd, Prng.from(seed, 'fifty'));
    const before = process.cpuUsage();
    assert.equal(checkHistory(kvWorkload.model, history).kind, 'linearizable');
    // The last get misses an append from the middle of what it should have seen.
    const at = history.findLastIndex(
      ({ action, returnAt }) =>
        action.kind === 'get' && returnAt !== NEVER && action.value.split('y').length > 6,
    );
    const { action, ...rest } = history[at] as Operation<KvAction>;
    const texts = action.value.split('y');
    history[at] = { ...rest, action: { kind: 'get', value: texts.toSpliced(2, 1).join('y') } };
    const verdict = checkHistory(kvWorkload.model, history);
    assert(verdict.kind === 'notLinearizable', `seed ${seed}`);
    assert.equal(verdict.part.key, rest.key);
    assert(process.cpuUsage(before).user < 10_000_000, 'seconds of work, whatever else runs');
  }
});

/** A register in which no value is written twice. */
const uniqueWorkload: typeof registerWorkload = {
  ...registerWorkload,
  ask(random, serial): RegisterAction {
    const asked = registerWorkload.ask(random, serial);
    return asked.kind === 'write' ? { ...asked, value: serial } : asked;
  },
};

test('[C5] a stale read, older than what was known when it was asked for, is noticed', () => {
  let spoiled = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const history = simulateHistory(uniqueWorkload, CROWD, Prng.from(seed, 'stale'));
    const writes = history.filter(({ action, returnAt }) => isWrite(action) && returnAt !== NEVER);
    const at = history.findLastIndex(
      ({ action, returnAt }) => !isWrite(action) && returnAt !== NEVER,
    );
    const read = history[at] as Operation<RegisterAction>;
    // Two writes and the read, one after the other: the read of the first value is stale.
    const earlier = writes.filter(
      ({ key, returnAt }) => key === read.key && returnAt < read.callAt,
    );
    const second = earlier.at(-1);
    const first = earlier.findLast(({ returnAt }) => returnAt < (second?.callAt ?? 0));
    if (first === undefined) continue;
    spoiled += 1;
    history[at] = { ...read, action: { kind: 'read', value: first.action.value } };
    const verdict = checkHistory(uniqueWorkload.model, history);
    assert.equal(verdict.kind, 'notLinearizable', `seed ${seed}`);
  }
  assert(spoiled > SEEDS / 2, `${spoiled} histories were spoiled`);
});

function isWrite(action: RegisterAction): boolean {
  return action.kind === 'write';
}
