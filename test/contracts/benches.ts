// The two ways to run a contract suite: on this machine's time, and in a simulated world.

import type { World } from '../../sim/index.ts';
import { assert } from '../../src/base/assert.ts';
import type { Bench } from './contract.ts';

const UNTIL_MS = 10_000;

export function realBench<Subject>(
  subject: Subject,
  close: () => Promise<void> = async () => {},
): Bench<Subject> {
  const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  return {
    subject,
    settle: (call) => call,
    wait,
    until: async (condition, why) => {
      for (let waited = 0; !condition(); waited += 2) {
        assert(waited < UNTIL_MS, `waited in vain: ${why}`);
        await wait(2);
      }
    },
    isVirtual: false,
    close,
  };
}

export function simulatedBench<Subject>(subject: Subject, world: World): Bench<Subject> {
  return {
    subject,
    settle: (call) => world.settle(call),
    wait: (ms) => world.runFor(ms),
    until: async (condition, why) => {
      assert(await world.runUntil(condition, UNTIL_MS), `waited in vain: ${why}`);
    },
    isVirtual: true,
    close: async () => {},
  };
}
