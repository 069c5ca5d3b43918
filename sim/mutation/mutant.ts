// What a mutant is: a mistake that somebody made in earnest, as a patch to one of our sources.

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
  /** A seed of whole members. As the product changes, so does what happens in it. */
  | { readonly seed: number }
  /** What no simulation shows: files of tests, by a part of their paths. */
  | { readonly tests: string };
