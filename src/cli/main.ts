#!/usr/bin/env node
// The entry of `parley`.

import { run } from './command-line/index.ts';

// Not `process.exitCode`: idle connections of clients must not keep a stopped member alive.
process.exit(await run(process.argv.slice(2)));
