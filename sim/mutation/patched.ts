// Processes whose product is patched.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SystemClock } from '../../src/engine/clock/index.ts';
import type { Mutant } from './mutant.ts';

const clock = new SystemClock();
const END_WITH_PARENT = new URL(`./end-with-parent.ts?${process.pid}`, import.meta.url).href;
const HOOK = new URL('./load-hook.ts', import.meta.url).href;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PATCH_FAILED = 'the patch does not fit';
/** Whoever says nothing for this long runs in circles. */
const SILENCE_MS_MAX = 300_000;

export interface Ended {
  readonly ok: boolean;
  /** It was ended because it said nothing any more. */
  readonly isStuck: boolean;
  readonly output: string;
}

/** Runs a script of ours with `mutant` in place of the real source, or with none. */
export async function runPatched(
  mutant: Mutant | undefined,
  args: readonly string[],
): Promise<Ended> {
  const ended = await run(args, mutant === undefined ? {} : environmentOf(mutant));
  if (ended.output.includes(PATCH_FAILED)) throw new Error(ended.output);
  return ended;
}

function environmentOf({ name }: Mutant): Readonly<Record<string, string>> {
  const NODE_OPTIONS = `--import ${HOOK} --max-old-space-size=1024`;
  return { PARLEY_MUTANT: name, NODE_OPTIONS };
}

function run(args: readonly string[], more: Readonly<Record<string, string>>): Promise<Ended> {
  const env = { ...process.env, ...more };
  const child = spawn(process.execPath, ['--import', END_WITH_PARENT, ...args], {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let isStuck = false;
  const giveUp = (): void => {
    isStuck = true;
    child.kill('SIGKILL');
  };
  let silence = clock.setTimer(SILENCE_MS_MAX, giveUp);
  const take = (text: string): void => {
    output += text;
    silence.cancel();
    silence = clock.setTimer(SILENCE_MS_MAX, giveUp);
  };
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      silence.cancel();
      resolve({ ok: code === 0, isStuck, output });
    });
  });
}

// --- tests --------------------------------------------------------------------------------------

/** What fails anyway, by what was run. */
const failuresAnyway = new Map<string, Promise<ReadonlySet<string>>>();

/** What of `tests` fails with the mutant, and not without. Undefined if nothing does. */
export async function failingTest(mutant: Mutant, tests: string): Promise<string | undefined> {
  let anyway = failuresAnyway.get(tests);
  if (anyway === undefined) {
    anyway = failuresWithout(tests);
    failuresAnyway.set(tests, anyway);
  }
  const without = await anyway;
  const { isStuck, output } = await runPatched(mutant, ['scripts/test.ts', tests]);
  const failed = failuresOf(output).find((text) => !without.has(fileOf(text)));
  return failed ?? (isStuck ? 'a test that never ends' : undefined);
}

/** Tests that fail without any mutant prove nothing. */
async function failuresWithout(tests: string): Promise<ReadonlySet<string>> {
  const { output } = await runPatched(undefined, ['scripts/test.ts', tests]);
  return new Set(failuresOf(output).map(fileOf));
}

function failuresOf(output: string): string[] {
  return output
    .split('\n')
    .filter((text) => text.includes('FAILED'))
    .map((text) => text.trim());
}

function fileOf(text: string): string {
  return text.split(' ')[0] ?? '';
}
