// `npm run sim -- COMMAND`: simulations from the command line.

import { refuse } from '../scripts/flags.ts';
import { CLUSTER_USAGE, clusterCommand } from './cluster/command.ts';
import { MUTANTS_USAGE, mutantsCommand } from './mutation/command.ts';
import { RAFT_USAGE, raftCommand } from './raft/command.ts';
import { EXPLORE_USAGE, exploreCommand } from './raft/explore/command.ts';

type Command = (args: string[], nowMs: () => number) => Promise<number>;

const COMMANDS = new Map<string, Command>([
  ['raft', raftCommand],
  ['mutants', mutantsCommand],
  ['explore', exploreCommand],
]);

const usages = [CLUSTER_USAGE, RAFT_USAGE, MUTANTS_USAGE, EXPLORE_USAGE];
const usage = `usage: npm run sim -- COMMAND\n${usages.join('\n')}`;
const words = process.argv.slice(2);
// Whole members are what `sim` is about: they need no word.
const isCluster = words[0]?.startsWith('-') === true;
const [name, ...args] = isCluster ? ['', ...words] : words;
const command = isCluster ? clusterCommand : COMMANDS.get(name ?? '');
if (name === undefined || words[0] === '--help' || words[0] === '-h') {
  console.log(usage);
} else if (command === undefined) {
  refuse(`there is no simulation ${name}; there are: ${[...COMMANDS.keys()].join(', ')}`);
} else {
  process.exitCode = await command(args, () => performance.now());
}
