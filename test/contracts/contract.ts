// Contract suites: rules that every implementation of a capability keeps. A suite is a function
// that registers its rules as tests for one implementation; real and simulated ones run the same.

import { test } from 'node:test';

/** How a suite meets an implementation, whatever makes its time pass. */
export interface Bench<Subject> {
  readonly subject: Subject;
  /** Waits for a call of the subject. */
  readonly settle: <Result>(call: Promise<Result>) => Promise<Result>;
  /** Lets `ms` pass. */
  readonly wait: (ms: number) => Promise<void>;
  /** Lets time pass until the condition holds; fails loudly when it never does. */
  readonly until: (condition: () => boolean, why: string) => Promise<void>;
  /**
   * Time passes only where the test lets it: what takes how long can be told. On a machine's own
   * time a rule may say what happens in the end and in which order, never how soon.
   */
  readonly isVirtual: boolean;
  readonly close: () => Promise<void>;
}

/** A bench as a rule gets it. */
export interface RuleBench<Subject> extends Bench<Subject> {
  /** Called when the rule has ended, kept or broken, the newest first. */
  readonly defer: (cleanUp: () => Promise<void>) => void;
}

/** A rule that hangs is ended; no rule may count on how fast the machine is. */
const RULE_TIMEOUT_MS = 120_000;

export type MakeBench<Subject> = () => Promise<Bench<Subject>>;

export type Rule<Subject> = (
  title: string,
  body: (bench: RuleBench<Subject>) => Promise<void> | void,
) => void;

/** Registers rules as tests; each gets a bench of its own. */
export function rulesFor<Subject>(name: string, make: MakeBench<Subject>): Rule<Subject> {
  return (title, body) => {
    test(`${name}: ${title}`, { timeout: RULE_TIMEOUT_MS }, async () => {
      const bench = await make();
      const cleanUps = [bench.close];
      try {
        await body({ ...bench, defer: (cleanUp) => void cleanUps.push(cleanUp) });
      } finally {
        for (const cleanUp of cleanUps.toReversed()) await cleanUp();
      }
    });
  };
}
