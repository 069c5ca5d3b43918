// Runs seeds until one fails, in a process whose core is patched. Prints what it found as one line
// of JSON: the seed and the failure, or how many seeds found nothing.

import { runSeed } from '../raft/run.ts';

const [first, count, cpuSeconds] = process.argv.slice(2).map(Number) as [number, number, number];

let seed = first;
let failure: string | undefined;
for (; seed < first + count && failure === undefined; seed++) {
  ({ failure } = runSeed(seed));
  const { system, user } = process.cpuUsage();
  if ((system + user) / 1e6 > cpuSeconds) break;
}
console.log(JSON.stringify({ seeds: seed - first, failure }));
