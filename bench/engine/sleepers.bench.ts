// What becomes of thousands of hibernating shards when the member that leads a third of them is
// lost, and what they cost while nothing happens. Three members as processes of their own; with
// --simulated the same on virtual time.
//
//   npm run bench -- sleepers [--shards N] [--seconds N] [--rounds N] [--simulated]
//     [--stories kill,pause,disk] [--store lmdb|memory] [--directory D]
//
// kill: SIGKILL. pause: SIGSTOP, connections stand. disk: no write or sync of it ends, and one
// shard that it leads is written.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Members } from '../../test/drills/members.ts';
import { Figures } from './runs.ts';
import { Sleepers } from './sleepers.ts';
import { simulateSleepers } from './sleepers-simulated.ts';

/** The figure to meet. */
const LED_AGAIN_MS_MAX = 3_000;

const { values } = parseArgs({
  options: {
    shards: { type: 'string', default: '3000' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '1' },
    stories: { type: 'string', default: 'kill,pause,disk' },
    store: { type: 'string', default: 'lmdb' },
    directory: { type: 'string', default: tmpdir() },
    simulated: { type: 'boolean', default: false },
  },
});
const shards = Number(values.shards);
const stories = values.stories.split(',');
const figures = new Figures();
if (values.simulated) {
  await simulateSleepers(shards, LED_AGAIN_MS_MAX, figures);
} else {
  for (let round = 1; round <= Number(values.rounds); round++) await runRound();
}
figures.close();
process.exit();

async function runRound(): Promise<void> {
  const root = await mkdtemp(join(values.directory, 'parley-sleepers-'));
  const directories = [1, 2, 3].map((member) => join(root, String(member)));
  const flags = ['--store', values.store, '--shards', values.shards];
  const members = await Members.at(directories, ...flags);
  const sleepers = new Sleepers(members, shards);
  try {
    await sleepers.start();
    await sleepers.measureRest(Number(values.seconds));
    for (const story of stories) {
      const ms = await sleepers.tell(story);
      figures.atMost(`${story}: ms until all are led`, ms, LED_AGAIN_MS_MAX);
    }
  } finally {
    await members.killAll();
    await rm(root, { recursive: true, force: true });
  }
}
