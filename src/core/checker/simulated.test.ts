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

test('[C5] fifty clients on ten keys are judged in seconds, right or wrong', () => {
  const crowd = { clients: 50, operations: 1_712, keys: 10, lossChance: 0 };
  for (let seed = 1; seed <= 4; seed++) {
    const history = simulateHistory(kvWorkload, crowd, Prng.from(seed, 'fifty'));
    const started = performance.now();
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
    assert(performance.now() - started < 10_000);
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
