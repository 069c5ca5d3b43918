// What a search for a failing seed came to.

export interface Findings {
  /** How many were run. */
  readonly seeds: number;
  /** The one that failed, if one did. */
  readonly seed?: number;
  readonly failure?: string;
}

/** The last line of what a searching process said; undefined if it did not come to an end. */
export function parseFindings(output: string): Findings | undefined {
  const line = output.trim().split('\n').at(-1) ?? '';
  return line.startsWith('{') ? (JSON.parse(line) as Findings) : undefined;
}
