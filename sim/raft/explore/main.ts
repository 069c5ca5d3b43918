// The process of an exploration: runs with open-hook.ts preloaded. Arguments: the scope as JSON.

import { Explorer, type Scope } from './explorer.ts';

const scope = JSON.parse(process.argv[2] ?? '{}') as Scope;
const explorer = new Explorer(scope);
const outcome = explorer.run(({ depth, frontier, messages, replicaStates, states }) => {
  const { heapUsed } = process.memoryUsage();
  console.log(
    `depth ${String(depth).padStart(3)} ${String(states).padStart(10)} states ` +
      `${String(frontier).padStart(9)} frontier ` +
      `${String(replicaStates).padStart(7)} replica states ` +
      `${String(messages).padStart(5)} messages ${String(heapUsed >> 20).padStart(5)} MiB`,
  );
});
const { system, user } = process.cpuUsage();
const seconds = (system + user) / 1e6;
console.log(JSON.stringify({ ...outcome, cpuSeconds: seconds }));
process.exitCode = outcome.violation === undefined ? 0 : 1;
