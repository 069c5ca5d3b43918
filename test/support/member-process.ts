// Members as real processes, for the end-to-end tests. Each takes a free port; whatever a test
// leaves running is killed when the test file ends.

import { type ChildProcess, spawn } from 'node:child_process';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const END_WITH_PARENT = new URL(`./end-with-parent.ts?${process.pid}`, import.meta.url).href;
const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
/** Where Node keeps the sources as it has read them: a member then starts in half the time. */
const COMPILED = `${ROOT}.parley/compiled`;
const START_MS_MAX = 15_000;

const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

interface MemberName {
  readonly node_id: string;
  readonly generation: number;
  readonly generation_id: number;
  readonly gossip_advertise_addr: string;
}

export interface State {
  readonly cluster_id: string;
  readonly cluster_state: {
    readonly node_states: readonly {
      readonly chitchat_id: Omit<MemberName, 'generation'>;
      readonly key_values: Readonly<
        Record<string, { value: string; version: number; status: string }>
      >;
      readonly max_version: number;
    }[];
    readonly seed_addrs: readonly string[];
    readonly [key: string]: unknown;
  };
  readonly live_nodes: readonly MemberName[];
  readonly dead_nodes: readonly MemberName[];
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The environment without settings that the machine may have for members. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith('PARLEY_')),
  );
}

export class MemberProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Where it listens; known once it has started. */
  address = '';
  #stdout = '';
  #stderr = '';

  private constructor(flags: readonly string[], environment: NodeJS.ProcessEnv) {
    this.child = spawn(process.execPath, ['--import', END_WITH_PARENT, MAIN, ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...cleanEnvironment(), NODE_COMPILE_CACHE: COMPILED, ...environment },
    });
    running.add(this.child);
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.#stdout += chunk.toString();
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code, signal) => {
        running.delete(this.child);
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  /** Runs the command line until it ends by itself. */
  static run(flags: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return new MemberProcess(flags, environment).ended;
  }

  /** Resolves when the member has started. Takes a free port unless the flags name one. */
  static async start(
    name: string | undefined,
    ...flags: readonly string[]
  ): Promise<MemberProcess> {
    const listen = flags.includes('--listen_addr') ? [] : ['--listen_addr', '127.0.0.1:0'];
    const names = name === undefined ? [] : ['--node_id', name];
    const member = new MemberProcess([...names, ...listen, ...flags], {});
    const started = await Promise.race([
      until(`${name ?? 'a member'} starts`, START_MS_MAX, () => member.lines('member started')[0]),
      member.ended,
    ]);
    if ('stderr' in started)
      throw new Error(`${name ?? 'a member'} ended: ${JSON.stringify(started)}`);
    member.address = String(started['listen']);
    return member;
  }

  /** The log lines so far whose event is `event`. */
  lines(event: string): Record<string, unknown>[] {
    const found: Record<string, unknown>[] = [];
    for (const text of this.#stderr.split('\n')) {
      if (!text.startsWith('{')) continue;
      const line = JSON.parse(text) as Record<string, unknown>;
      if (line['event'] === event) found.push(line);
    }
    return found;
  }

  fetch(path: string, options: RequestInit = {}): Promise<Response> {
    return fetch(`http://${this.address}${path}`, options);
  }

  async state(): Promise<State> {
    return (await (await this.fetch('/')).json()) as State;
  }

  /** The names of the live members as this one sees them. */
  async live(): Promise<string[]> {
    return (await this.state()).live_nodes.map((node) => node.node_id);
  }

  signal(signal: NodeJS.Signals): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }
}

/**
 * What has not happened by then will not. How soon things happen depends on what else the machine
 * does: that is measured by benches, and judged on virtual time.
 */
export const PATIENCE_MS = 60_000;

/** Asks again and again until there is an answer; says what it waited for when there is none. */
export async function until<Answer>(
  what: string,
  timeoutMs: number,
  ask: () => Answer | undefined | Promise<Answer | undefined>,
): Promise<Answer> {
  const giveUp = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > giveUp) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(20);
  }
}
