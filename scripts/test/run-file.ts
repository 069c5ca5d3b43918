// Runs one test file in a process group of its own, so that a file that does not end can be ended
// with all that it started.

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { TestLine } from './lines.ts';

/** The rest is cut off: a test that prints without end must not fill the memory. */
const OUTPUT_CHARACTERS_MAX = 256 * 1024;
/** After a file has ended, how long its output may be held open by what it left running. */
const OUTPUT_GRACE_MS = 1_000;

const reporter = fileURLToPath(new URL('lines.ts', import.meta.url));

export interface FileRun {
  readonly lines: readonly TestLine[];
  /** What the file printed. */
  readonly output: string;
  readonly durationMs: number;
  /** Undefined when the process was ended. */
  readonly exitCode: number | undefined;
  /** It was still running when its time was over. */
  readonly isOverdue: boolean;
}

export interface FileRunOptions {
  readonly limitMs: number;
  /** Only tests whose name matches. */
  readonly name: string | undefined;
}

export async function runFile(file: string, options: FileRunOptions): Promise<FileRun> {
  const startedMs = performance.now();
  const filter = options.name === undefined ? [] : [`--test-name-pattern=${options.name}`];
  const child = spawn(process.execPath, [`--test-reporter=${reporter}`, ...filter, file], {
    // A group of its own: see `endGroup`.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const lines: TestLine[] = [];
  const told = createInterface({ input: child.stdio[3] as Readable });
  told.on('line', (line) => lines.push(JSON.parse(line) as TestLine));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    (stream as Readable).setEncoding('utf8').on('data', (text: string) => {
      if (output.length < OUTPUT_CHARACTERS_MAX) output += text;
    });
  }
  let isOverdue = false;
  const limit = setTimeout(() => {
    isOverdue = true;
    endGroup(child);
  }, options.limitMs);
  running.add(child);
  const exitCode = await endOf(child);
  running.delete(child);
  clearTimeout(limit);
  // What the file left running goes with it, failed or not.
  endGroup(child);
  return { lines, output, durationMs: performance.now() - startedMs, exitCode, isOverdue };
}

/** Ends the file's process and all that it started, but for what made a group of its own. */
function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody of the group is left.
  }
}

/** Resolves when the process has ended and what it told has been read. */
function endOf(child: ChildProcess): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => {
      const done = (): void => resolve(code ?? undefined);
      // Another process may hold the other ends of the pipes.
      const grace = setTimeout(() => {
        for (const stream of child.stdio) stream?.destroy();
        done();
      }, OUTPUT_GRACE_MS);
      child.on('close', () => {
        clearTimeout(grace);
        done();
      });
    });
  });
}

const running = new Set<ChildProcess>();

/** Ends every file that runs: the runner itself is to end. */
export function endRunningFiles(): void {
  for (const child of running) endGroup(child);
}
