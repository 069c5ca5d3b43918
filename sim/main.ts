// `npm run sim -- COMMAND`: simulations from the command line.

import { MUTANTS_USAGE, mutantsCommand } from './mutation/command.ts';
import { RAFT_USAGE, raftCommand } from './raft/command.ts';
import { EXPLORE_USAGE, exploreCommand } from './raft/explore/command.ts';

type Command = (args: string[], nowMs: () => number) => Promise<number>;

const COMMANDS = new Map<string, Command>([
  ['raft', raftCommand],
  ['mutants', mutantsCommand],
  ['explore', exploreCommand],
]);

const [name = '', ...args] = process.argv.slice(2);
const command = COMMANDS.get(name);
if (command === undefined) {
  console.error(`usage: npm run sim -- COMMAND\n${RAFT_USAGE}\n${MUTANTS_USAGE}\n${EXPLORE_USAGE}`);
  process.exitCode = 2;
} else {
  process.exitCode = await command(args, () => performance.now());
}
