// Commands that start processes of their own, and are killed: nothing of theirs stays behind.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { whyNoLoopDisks } from '../../scripts/powerloss/loop-disk.ts';
import { until } from './patience.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

interface Process {
  readonly id: number;
  readonly parent: number;
  readonly command: string;
}

interface Interruption {
  readonly words: readonly string[];
  /** In the command line of a process that it starts, or that one of those starts. */
  readonly starts: string;
  readonly signal: NodeJS.Signals;
}

const INTERRUPTIONS: readonly Interruption[] = [
  {
    words: ['sim/main.ts', 'raft', '--seeds', '1..999999'],
    starts: 'worker.ts',
    signal: 'SIGKILL',
  },
  { words: ['sim/main.ts', 'mutants', '--by', 'sim'], starts: 'attack.ts', signal: 'SIGKILL' },
  {
    words: ['scripts/test.ts', 'drills/pause', 'test/cluster.test'],
    starts: 'member.ts',
    signal: 'SIGTERM',
  },
];

for (const { signal, starts, words } of INTERRUPTIONS) {
  test(`${words.join(' ')} ends with all it started at ${signal}`, async (t) => {
    if (process.platform !== 'linux') return t.skip('needs /proc');
    await interrupt(t, { signal, starts, words });
  });
}

for (const signal of ['SIGINT', 'SIGKILL'] as const) {
  test(`drills on disks of their own leave none of them mounted at ${signal}`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'parley-interrupt-'));
    t.after(() => rmSync(directory, { recursive: true }));
    const obstacle = whyNoLoopDisks(directory);
    if (obstacle !== undefined) return t.skip(obstacle);
    const flags = ['--log', '0', '--cycles', '9', '--cycles3', '0', '--directory', directory];
    const words = ['scripts/powerloss/main.ts', ...flags];
    await interrupt(t, { words, starts: 'member.ts', signal });
    await until('the disks are gone', () => readdirSync(directory).length === 0);
    assert.ok(!readFileSync('/proc/mounts', 'utf8').includes(directory), 'nor mounted elsewhere');
  });
}

async function interrupt(t: TestContext, { signal, starts, words }: Interruption): Promise<void> {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  // What is killed cannot remove its temporary files.
  const TMPDIR = mkdtempSync(join(tmpdir(), 'parley-interrupted-'));
  t.after(() => rmSync(TMPDIR, { recursive: true }));
  const child = spawn(process.execPath, words, {
    cwd: ROOT,
    env: { ...env, TMPDIR },
    stdio: 'ignore',
  });
  t.after(() => child.kill('SIGKILL'));
  let family: readonly Process[] = [];
  await until(`it starts ${starts}`, () => {
    family = descendants(child.pid ?? 0);
    return family.some(({ command }) => command.includes(starts));
  });
  child.kill(signal);
  let left = family;
  await until('all have ended', () => {
    left = processes().filter(({ id, command }) => {
      return family.some((known) => known.id === id && known.command === command);
    });
    return left.length === 0;
  }).finally(() => {
    for (const { command, id } of left) {
      t.diagnostic(`still there: ${command}`);
      process.kill(id, 'SIGKILL');
    }
  });
}

function descendants(parent: number): Process[] {
  const all = processes();
  const found = new Set([parent]);
  // Children may have smaller numbers than their parents.
  for (let size = 0; size < found.size; ) {
    size = found.size;
    for (const { id, parent: own } of all) if (found.has(own)) found.add(id);
  }
  return all.filter(({ id }) => found.has(id));
}

/** Those that run: who has ended and was not buried yet has no command line. */
function processes(): Process[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      const [status, words] = [read(`/proc/${name}/status`), read(`/proc/${name}/cmdline`)];
      const parent = Number(/^PPid:\s*(\d+)/m.exec(status)?.[1] ?? 0);
      return { id: Number(name), parent, command: words.replaceAll('\0', ' ').trim() };
    })
    .filter(({ command }) => command !== '');
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // It has ended meanwhile.
    return '';
  }
}
