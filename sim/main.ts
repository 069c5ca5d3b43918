// `npm run sim -- WHAT`: simulations from the command line.

import { RAFT_USAGE, raftCommand } from './raft/command.ts';

const nowMs = (): number => performance.now();
const [what, ...args] = process.argv.slice(2);

if (what === 'raft') {
  process.exitCode = await raftCommand(args, nowMs);
} else {
  console.error(`usage: npm run sim -- COMMAND\n${RAFT_USAGE}`);
  process.exitCode = 2;
}
