// Places where our sequence (level 3) is known to differ from a file's, each with its reason. A
// deviation that is not listed here fails the run, and so does one that is listed and not there.

export interface Deviation {
  /** The file's name without its folder. */
  readonly file: string;
  /** Line of the command. */
  readonly line: number;
  readonly reason: string;
}

export const DEVIATIONS: readonly Deviation[] = [];
