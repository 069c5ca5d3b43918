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
  readonly close: () => Promise<void>;
}

export type MakeBench<Subject> = () => Promise<Bench<Subject>>;

export type Rule<Subject> = (
  title: string,
  body: (bench: Bench<Subject>) => Promise<void> | void,
) => void;

/** Registers rules as tests; each gets a bench of its own. */
export function rulesFor<Subject>(name: string, make: MakeBench<Subject>): Rule<Subject> {
  return (title, body) => {
    test(`${name}: ${title}`, { timeout: 20_000 }, async () => {
      const bench = await make();
      try {
        await body(bench);
      } finally {
        await bench.close();
      }
    });
  };
}
