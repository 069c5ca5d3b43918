#!/usr/bin/env node
// The entry of `parley`. Everything else is loaded after the young generation is held small.

import { holdYoungGeneration } from './young-generation.ts';

holdYoungGeneration();
const { main } = await import('./command-line.ts');
// Not `process.exitCode`: idle connections of clients must not keep a stopped member alive.
process.exit(await main(process.argv.slice(2)));
