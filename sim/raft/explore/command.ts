// `npm run explore`: a few small scopes, each explored breadth first as far as its number of states
// allows. Each runs in a process of its own, since the core is opened there.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { readFlags, wholeNumber } from '../../../scripts/flags.ts';
import type { Outcome, Scope } from './explorer.ts';

export const EXPLORE_USAGE = `\
explore                  all orders of events in a small group, 4.5 million states
explore --states N       N states per scope`;

const STATES_PER_SCOPE = 1_500_000;
const END_WITH_PARENT = new URL(`../../mutation/end-with-parent.ts?${process.pid}`, import.meta.url)
  .href;
const HOOK = new URL('./open-hook.ts', import.meta.url).href;
const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

const SMALL = { replicas: 3, termMax: 2, proposals: 2, changes: 1, crashes: 1, heartbeats: 1 };

const SCOPES: readonly Omit<Scope, 'statesMax'>[] = [
  // Elections, with writes that a crash may lose.
  { ...SMALL, start: 'fresh', isDiskLazy: true, changes: 0 },
  // Replication, a crash and a second leader, with writes that take time.
  { ...SMALL, start: 'led', isDiskLazy: true },
  // The same further on, with writes that do not.
  { ...SMALL, start: 'led', isDiskLazy: false },
];

interface Explored extends Outcome {
  readonly cpuSeconds: number;
}

/** `onLine` hears of every level. `env` may name a mutant to preload. */
export function explore(
  scope: Scope,
  onLine: (line: string) => void,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Explored> {
  const preloads = ['--import', END_WITH_PARENT, '--import', HOOK];
  const args = ['--max-old-space-size=4096', ...preloads, MAIN, JSON.stringify(scope)];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let rest = '';
  let explored: Explored | undefined;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('{')) explored = JSON.parse(line) as Explored;
      else onLine(line);
    }
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      if (explored === undefined) reject(new Error(`the exploration ended with ${code}`));
      else resolve(explored);
    });
  });
}

export async function exploreCommand(args: string[]): Promise<number> {
  const { values } = readFlags(EXPLORE_USAGE, { args, options: { states: { type: 'string' } } });
  const statesMax = wholeNumber('--states', values.states ?? String(STATES_PER_SCOPE), 1);
  let total = 0;
  for (const scope of SCOPES) {
    console.log(JSON.stringify(scope));
    const explored = await explore({ ...scope, statesMax }, (line) => console.log(line));
    const { cpuSeconds, depth, isExhausted, states, transitions, violation } = explored;
    total += states;
    const extent = isExhausted ? 'all there are' : `complete to depth ${depth - 1}`;
    const speed = Math.round(states / cpuSeconds);
    console.log(`${states} states, ${transitions} transitions, ${extent}, ${speed} states/s\n`);
    if (violation === undefined) continue;
    console.log(`VIOLATION: ${violation}`);
    return 1;
  }
  console.log(`${total} states, no violation`);
  return 0;
}
