// System calls of a process that fail on order.

import { spawnSync } from 'node:child_process';

/** Why calls cannot be made to fail on this machine, undefined when they can. */
export function whyNoInjection(): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  const trial = spawnSync('strace', ['-qq', '-e', 'trace=none', 'true'], { encoding: 'utf8' });
  if (trial.error !== undefined) return 'strace is not installed';
  return trial.status === 0 ? undefined : `strace may not trace here (${trial.stderr.trim()})`;
}

/**
 * Starts a process whose threads fail in `call` with `error` from their `when`th time on. The
 * process itself is the child (`-D`): what is sent to it, and how it ends, is its own.
 */
export function failing(call: string, error: string, when: number): readonly string[] {
  const inject = `inject=${call}:error=${error}:when=${when}+`;
  return ['strace', '-D', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject];
}
