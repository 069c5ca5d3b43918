// What a log should hold and what it does hold, as runs of indexes that one process wrote.

/** Entries `from` to `to`, all written in one cycle. */
export interface Run {
  readonly from: number;
  readonly to: number;
  readonly cycle: number;
}

/** The runs of a log, ascending and without overlap, that grows at its end. */
export function extend(runs: Run[], to: number, cycle: number): void {
  const last = runs.at(-1);
  const from = (last?.to ?? 0) + 1;
  if (to < from) return;
  if (last?.cycle === cycle) runs[runs.length - 1] = { ...last, to };
  else runs.push({ from, to, cycle });
}

/** How many entries of `wanted` beyond `base` are not in `found` as they were written. */
export function missing(wanted: readonly Run[], found: readonly Run[], base: number): number {
  let count = 0;
  for (const run of wanted) {
    const from = Math.max(run.from, base + 1);
    if (run.to < from) continue;
    count += run.to - from + 1;
    for (const other of found) {
      if (other.cycle !== run.cycle) continue;
      count -= Math.max(0, Math.min(run.to, other.to) - Math.max(from, other.from) + 1);
    }
  }
  return count;
}
