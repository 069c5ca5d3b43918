// A program of ours that runs as a process of its own and talks in lines, until somebody kills it.

import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const END_WITH_PARENT = new URL(`../support/end-with-parent.ts?${process.pid}`, import.meta.url)
  .href;
/** Where Node keeps the sources as it has read them: a process then starts in half the time. */
const COMPILED = `${ROOT}.parley/compiled`;
const STDERR_CHARACTERS_KEPT = 4_000;

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface LineProcessOptions {
  /** Flags of Node itself, before the program. */
  readonly nodeFlags?: readonly string[];
  /** A command that starts what follows it, like `strace -o FILE`. */
  readonly wrapper?: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
  /** The program is an executable of its own, not one of Node's. */
  readonly isNative?: boolean;
  readonly onLine?: (line: string) => void;
}

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last that it wrote there. */
  readonly stderr: string;
}

export class LineProcess {
  readonly ended: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  readonly #waiting = new Set<(line: string) => void>();
  #stderr = '';
  #end: ProcessEnd | undefined;

  constructor(program: string, flags: readonly string[], options: LineProcessOptions = {}) {
    const { nodeFlags = [], wrapper = [], environment = {}, isNative = false, onLine } = options;
    const node = isNative ? [] : [process.execPath, '--import', END_WITH_PARENT, ...nodeFlags];
    const words = [...wrapper, ...node, program, ...flags];
    this.#child = spawn(words[0] as string, words.slice(1), {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_COMPILE_CACHE: COMPILED, ...environment },
    });
    running.add(this.#child);
    if (this.#child.stdout !== null) {
      createInterface({ input: this.#child.stdout }).on('line', (line) => {
        onLine?.(line);
        for (const hear of this.#waiting) hear(line);
      });
    }
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-STDERR_CHARACTERS_KEPT);
    });
    this.ended = new Promise((resolve) => {
      // `close` comes after the last line.
      this.#child.on('close', (code, signal) => {
        running.delete(this.#child);
        this.#end = { code, signal, stderr: this.#stderr };
        resolve(this.#end);
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get hasEnded(): boolean {
    return this.#end !== undefined;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** The first line from now on that `matches`. Undefined when the process ends without one. */
  line(matches: (line: string) => boolean): Promise<string | undefined> {
    return new Promise((resolve) => {
      const hear = (line: string): void => {
        if (!matches(line)) return;
        this.#waiting.delete(hear);
        resolve(line);
      };
      this.#waiting.add(hear);
      void this.ended.then(() => resolve(undefined));
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when it is gone and all it said was heard. */
  kill(): Promise<ProcessEnd> {
    this.#child.kill('SIGKILL');
    return this.ended;
  }
}
