// The tour of README.md as data: what a reader types and what the page says they will see.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { ROOT } from './member-process.ts';

export interface Step {
  readonly command: string;
  /** Without it, what the command prints does not matter. */
  readonly expected: string | undefined;
}

/** Commands stand one per line in the section's `sh` blocks; lines with `# ` are their output. */
export function readTour(): Step[] {
  const readme = readFileSync(`${ROOT}README.md`, 'utf8');
  const section = /\n## Tour\n([^]*?)\n## /.exec(readme)?.[1] ?? '';
  const steps: { command: string; output: string[] }[] = [];
  for (const [, block = ''] of section.matchAll(/```sh\n([^]*?)```/g)) {
    for (const line of block.trimEnd().split('\n')) {
      if (line.startsWith('# ')) steps.at(-1)?.output.push(line.slice(2));
      else steps.push({ command: line, output: [] });
    }
  }
  return steps.map(({ command, output }) => ({
    command,
    expected: output.length === 0 ? undefined : output.join('\n'),
  }));
}

/** What the command printed, both streams. Ends it after `timeoutMs`. */
export function runStep(command: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn('bash', ['-c', command], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const note = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on('data', note);
    child.stderr.on('data', note);
    const deadline = setTimeout(() => {
      output += `\n(not done after ${timeoutMs} ms)`;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.on('close', () => {
      clearTimeout(deadline);
      resolve(output.trimEnd());
    });
  });
}

/** The programs that the tour names and this machine lacks. */
export async function missingPrograms(): Promise<string> {
  const found = await runStep(
    'for p in curl jq; do command -v $p >/dev/null || echo $p; done',
    5_000,
  );
  return found.split('\n').join(' ');
}
