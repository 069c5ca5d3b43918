// What a mutant is: a mistake that somebody made in earnest, as a patch to one of our sources.

export interface Mutant {
  readonly name: string;
  /** Below src/core/raft/. */
  readonly file: string;
  /** Stands in the file exactly once, or the run fails: patches must not rot. */
  readonly find: string;
  readonly replace: string;
  /** What it leads to, in the words of whoever had to find it. */
  readonly stands: string;
}
