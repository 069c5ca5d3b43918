// System calls of a process that fail on order.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** Longer than any drill. */
const STILL_MS = 3_600_000;

/** Why calls cannot be made to fail on this machine, undefined when they can. */
export function whyNoInjection(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  const trial = spawnSync('strace', ['-qq', '-e', 'trace=none', 'true'], { encoding: 'utf8' });
  if (trial.error !== undefined) return 'strace is not installed';
  return trial.status === 0 ? undefined : `strace may not trace here (${trial.stderr.trim()})`;
}

/**
 * Starts a process whose threads fail in `call` with `error`, each from its `when`th time on; with
 * `path`, in calls on that file only. The process itself is the child (`-D`): what is sent to it,
 * and how it ends, is its own.
 */
export function failing(
  call: string,
  error: string,
  when: number,
  path?: string,
): readonly string[] {
  const inject = `inject=${call}:error=${error}:when=${when}+`;
  const onPath = path === undefined ? [] : ['-P', path];
  const quiet = ['strace', '-D', '-f', '-qq', '-o', '/dev/null', ...onPath];
  return [...quiet, '-e', `trace=${call}`, '-e', inject];
}

/** From now on each `call` of a process that runs already takes so much longer. */
export async function slowDown(pid: number, call: string, delayMs: number): Promise<Slowness> {
  const tracer = await trace(pid, call, delayMs);
  return {
    end: async () => {
      tracer.process.kill('SIGTERM');
      await tracer.ended;
    },
  };
}

interface Tracer {
  readonly process: ChildProcess;
  readonly ended: Promise<unknown>;
}

async function trace(pid: number, call: string, delayMs: number): Promise<Tracer> {
  const inject = `inject=${call}:delay_enter=${delayMs * 1_000}`;
  const flags = ['-f', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject, '-p', String(pid)];
  const tracer = spawn('strace', flags, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(tracer, 'close');
  // It says which process it is attached to.
  await Promise.race([once(tracer.stderr, 'data'), ended]);
  return { process: tracer, ended };
}

/**
 * From now on no `call` of a process that runs already ends. It has to be sent SIGKILL before
 * `end`, which would otherwise let its calls go on, and is gone after it.
 */
export async function standStill(pid: number, call: string): Promise<Slowness> {
  const tracer = await trace(pid, call, STILL_MS);
  return {
    end: async () => {
      // While it delays a call, strace hears of no other signal.
      tracer.process.kill('SIGKILL');
      await tracer.ended;
    },
  };
}

export interface Slowness {
  /** The process runs on as if nothing had been. */
  end(): Promise<void>;
}
