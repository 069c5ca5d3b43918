// Tables of how often things happened. A class at zero means that the runs prove nothing about it.

export function addCounts<Counts extends object>(total: Counts, more: Counts): void {
  const sums = total as Record<string, number>;
  for (const [name, count] of entriesOf(more)) sums[name] = (sums[name] ?? 0) + count;
}

/** One line per counter; those at zero are marked, for they prove nothing. */
export function renderCounts(counters: object): string {
  const lines = entriesOf(counters).map(([name, count]) => {
    return `  ${name.padEnd(24)} ${String(count).padStart(12)}${count === 0 ? '  <- never' : ''}`;
  });
  return lines.join('\n');
}

export function neverHappened(counters: object): string[] {
  return entriesOf(counters).flatMap(([name, count]) => (count === 0 ? [name] : []));
}

function entriesOf(counters: object): [string, number][] {
  return Object.entries(counters) as [string, number][];
}
