// Everything else is loaded after the young generation is held small.

import { holdYoungGeneration } from './young-generation.ts';

/** Runs the command; answers the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  holdYoungGeneration();
  const { main } = await import('./program.ts');
  return main(args);
}
