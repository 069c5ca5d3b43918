import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explore } from './command.ts';
import type { Scope } from './explorer.ts';

const SCOPE: Scope = {
  start: 'led',
  isDiskLazy: true,
  replicas: 3,
  termMax: 2,
  proposals: 2,
  changes: 1,
  crashes: 1,
  heartbeats: 1,
  statesMax: 20_000,
};

test('twenty thousand states of a group that changes, crashes and elects are safe', async () => {
  const levels: string[] = [];
  const explored = await explore(SCOPE, (line) => levels.push(line));
  assert.equal(explored.violation, undefined);
  assert.ok(explored.states >= SCOPE.statesMax);
  assert.equal(levels.length, explored.depth);
});

test('exploration notices a leader that counts itself before its disk has the entry', async () => {
  const hook = new URL('../../mutation/load-hook.ts', import.meta.url).href;
  const PARLEY_MUTANT = 'own-ack-before-durable';
  const env = { ...process.env, PARLEY_MUTANT, NODE_OPTIONS: `--import ${hook}` };
  const { violation } = await explore(SCOPE, () => {}, env);
  assert.match(violation ?? '', /is not durable on a quorum/);
});
