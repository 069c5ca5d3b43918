import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wireStage } from './noting-wire.support.ts';
import { Requests } from './requests.ts';
import type { RequestOutcome } from './types.ts';

const QUESTION = new Uint8Array(3);

function stage(max = 100) {
  const { world, clock, turnEnd, makeWire: wire } = wireStage();
  const outcomes: string[] = [];
  const done = (outcome: RequestOutcome): void => {
    outcomes.push(outcome.kind === 'answered' ? 'answered' : `${outcome.kind} ${outcome.reason}`);
  };
  return { world, requests: new Requests(clock, turnEnd, max), wire, outcomes, done };
}

const ANSWER: RequestOutcome = { kind: 'answered', body: QUESTION };

test('[T12] an answer counts from the one who was asked, once', async () => {
  const { world, requests, wire, outcomes, done } = stage();
  const [asked, other] = [wire(), wire()];
  const id = requests.ask(asked, 1, QUESTION, 1_000, done);
  requests.answer(other, id, ANSWER);
  requests.answer(asked, id + 1, ANSWER);
  assert.deepEqual(outcomes, []);
  requests.answer(asked, id, ANSWER);
  requests.answer(asked, id, ANSWER);
  requests.cancel(id);
  await world.runFor(2_000);
  assert.deepEqual(outcomes, ['answered']);
});

test('[T14] deadlines pass in their order, whatever the order of asking', async () => {
  const { world, requests, wire, done, outcomes } = stage();
  const asked = wire();
  const passed: number[] = [];
  for (const ms of [300, 100, 200, 50]) {
    requests.ask(asked, 1, QUESTION, ms, (outcome) => {
      done(outcome);
      passed.push(world.nowMs);
    });
  }
  await world.runFor(1_000);
  assert.deepEqual(
    passed.map((ms) => Math.round(ms)),
    [50, 100, 200, 300],
  );
  assert.deepEqual(new Set(outcomes), new Set(['unknown timeout']));
});

test('[T16] no more than so many wait', async () => {
  const { world, requests, wire, outcomes, done } = stage(2);
  const asked = wire();
  const first = requests.ask(asked, 1, QUESTION, 1_000, done);
  for (let i = 0; i < 2; i++) requests.ask(asked, 1, QUESTION, 1_000, done);
  await world.runFor(10);
  assert.deepEqual(outcomes, ['refused full']);
  requests.answer(asked, first, ANSWER);
  requests.ask(asked, 1, QUESTION, 1_000, done);
  await world.runFor(10);
  assert.deepEqual(outcomes, ['refused full', 'answered']);
});

test('[T13] only the requests of the lost connection are lost', async () => {
  const { world, requests, wire, outcomes, done } = stage();
  const [lost, kept] = [wire(), wire()];
  requests.ask(lost, 1, QUESTION, 1_000, done);
  lost.ordinaryWritten += 20;
  requests.ask(lost, 1, QUESTION, 1_000, done);
  requests.ask(kept, 1, QUESTION, 1_000, done);
  requests.lose(lost);
  assert.deepEqual(outcomes, [], 'never within the call');
  await world.runFor(10);
  assert.deepEqual(outcomes, ['unknown connectionLost', 'refused down']);
});
