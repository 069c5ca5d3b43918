// A process that runs its share of a range of seeds: every `stride`-th from `first` to `last`.
// Tells its parent about each.

import { runSeed } from './run.ts';

const [first, last, stride] = process.argv.slice(2).map(Number) as [number, number, number];

for (let seed = first; seed <= last; seed += stride) process.send?.(runSeed(seed));
const { system, user } = process.cpuUsage();
process.send?.({ cpuSeconds: (system + user) / 1e6 });
