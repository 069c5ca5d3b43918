// Child processes that cannot outlive the suite, and what they wrote.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

const running = new Set<Child>();

// SIGKILL reaches suspended processes as well.
process.on('exit', () => {
  for (const child of running) child.signal('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => process.exit(1));
}

export class Child {
  readonly name: string;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Everything written to stderr so far. */
  errors = '';
  /** How it ended, or undefined while it runs. */
  ending: string | undefined;
  /** Resolved when the process has ended and its output is complete. */
  readonly closed: Promise<unknown>;
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;

  constructor(name: string, program: string, args: readonly string[]) {
    this.name = name;
    this.#process = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.stdin = this.#process.stdin;
    this.stdout = this.#process.stdout;
    this.closed = once(this.#process, 'close');
    running.add(this);
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
    });
    // A request written to a process that just died; the missing answer tells it better.
    this.stdin.on('error', () => {});
    this.#process.once('close', (code, signal) => {
      this.ending = signal ?? `exit code ${code}`;
      running.delete(this);
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Sends `signal` and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.ending === undefined) {
      this.signal(signal);
      await this.closed;
    }
  }

  lastWords(): string {
    return this.errors.trim().split('\n').slice(-8).join('\n');
  }
}
