// What a mutant is: a mistake that somebody made in earnest, as a patch to one of our sources.

import type { Overrides } from '../cluster/scenario.ts';

export interface Mutant {
  readonly name: string;
  /** Below src/. */
  readonly file: string;
  /** Stands in the file exactly once, or the run fails: patches must not rot. */
  readonly find: string;
  readonly replace: string;
  /** What it leads to, in the words of whoever had to find it. */
  readonly stands: string;
}

/** One of a whole member: of the log, the store, the connections, or what binds them together. */
export interface HostMutant extends Mutant {
  readonly known: Witness;
}

/** What notices a mutant, as was found out before. */
export type Witness =
  /**
   * A seed of whole members. Whatever changes in the product or in a scenario changes what happens
   * in all seeds: where few of them notice, `scenario` names what makes most of them notice.
   */
  | { readonly seed: number; readonly scenario?: Overrides }
  /** What no simulation shows: files of tests, by a part of their paths. */
  | { readonly tests: string };
