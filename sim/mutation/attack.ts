// Runs seeds of Raft groups until one fails, in a process whose core is patched. Prints what it
// found as one line of JSON: the seed and the failure, or how many seeds found nothing.

import { runSeed } from '../raft/run.ts';
import type { Findings } from './findings.ts';

const [first, count, cpuSecondsMax] = process.argv.slice(2).map(Number) as [number, number, number];

console.log(JSON.stringify(search()));

function search(): Findings {
  let seeds = 0;
  for (let seed = first; seed < first + count; seed++) {
    const { failure } = runSeed(seed);
    seeds += 1;
    if (failure !== undefined) return { seeds, seed, failure };
    const { system, user } = process.cpuUsage();
    if ((system + user) / 1e6 > cpuSecondsMax) break;
  }
  return { seeds };
}
