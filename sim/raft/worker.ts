// A process that runs its share of a range of seeds.

import { serveRange } from '../range.ts';
import { runSeed } from './run.ts';

await serveRange(runSeed);
