// A process that runs its share of a range of seeds.

import { serveRange } from '../range.ts';
import { runSeed } from './run.ts';
import { parseWishes } from './wishes.ts';

const wishes = parseWishes(process.argv.slice(5));

await serveRange((seed) => runSeed(seed, { wishes }));
