// Runs whole members whose product is patched, seed by seed, until one fails. Says which seed is
// on, and at last, as one line of JSON, what was found.
//
//   node cluster-attack.ts CPU-SECONDS FIRST COUNT [FIRST COUNT] [--only CLASS and its like]

import { parseArgs } from 'node:util';
import { OVERRIDE_OPTIONS, overridesOf } from '../cluster/overrides.ts';
import { runSeed } from '../cluster/run.ts';
import type { Findings } from './findings.ts';

const { positionals, values } = parseArgs({ allowPositionals: true, options: OVERRIDE_OPTIONS });
const [cpuSecondsMax = 0, ...ranges] = positionals.map(Number);
const overrides = overridesOf(values);

console.log(JSON.stringify(await search()));

async function search(): Promise<Findings> {
  let seeds = 0;
  for (const seed of seedsOf(ranges)) {
    const { system, user } = process.cpuUsage();
    if ((system + user) / 1e6 > cpuSecondsMax) break;
    console.log(`seed ${seed}`);
    const { failure } = await runSeed(seed, { overrides });
    seeds += 1;
    if (failure !== undefined) return { seeds, seed, failure };
  }
  return { seeds };
}

function* seedsOf([first, count, ...rest]: readonly number[]): Iterable<number> {
  if (first === undefined || count === undefined) return;
  for (let seed = first; seed < first + count; seed++) yield seed;
  yield* seedsOf(rest);
}
