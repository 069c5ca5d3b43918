// A process that runs its share of a range of seeds.

import { serveRange } from '../range.ts';
import { parseOverrides } from './overrides.ts';
import { runSeed } from './run.ts';

const overrides = parseOverrides(process.argv.slice(5));

await serveRange((seed) => runSeed(seed, { overrides }));
