// Logging to stderr: JSON lines for machines, one readable line when a person watches the terminal.
// Both write synchronously, because the last lines before an exit are the ones that matter.

import type { Log, LogLevel } from '../../base/capabilities.ts';
import { ParleyError } from '../../base/errors.ts';
import { jsonLog } from './json-log.ts';
import { stderrWriter } from './stderr-writer.ts';
import { terminalLog } from './terminal-log.ts';

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

export interface LogOptions {
  /** Without it the environment's PARLEY_LOG counts, then `info`. */
  readonly level?: LogLevel | undefined;
  /** Without it: `terminal` when stderr is one. */
  readonly format?: 'json' | 'terminal' | undefined;
}

export function openLog(options: LogOptions = {}): Log {
  const level = options.level ?? levelFromEnvironment(process.env['PARLEY_LOG']);
  const format = options.format ?? (process.stderr.isTTY ? 'terminal' : 'json');
  if (format === 'json') return openJsonLog(level);
  const write = (line: string): void => void process.stderr.write(line);
  return terminalLog({ level, coloured: coloursWanted(), write, wallMs: () => Date.now() });
}

/** The level named, `info` when none is named. Rejects what is no level with E_CONFIG. */
export function levelFromEnvironment(name: string | undefined): LogLevel {
  if (name === undefined || name === '') return 'info';
  const level = LEVELS.find((known) => known === name.toLowerCase());
  if (level !== undefined) return level;
  throw new ParleyError('E_CONFIG', `PARLEY_LOG=${name} is not a log level.`, {
    advice: `Use one of ${LEVELS.join(', ')}.`,
    subject: 'PARLEY_LOG',
  });
}

/** https://no-color.org: set and not empty means no. */
function coloursWanted(): boolean {
  return process.stderr.isTTY && (process.env['NO_COLOR'] ?? '') === '';
}

function openJsonLog(level: LogLevel): Log {
  const write = stderrWriter(process.stderr.fd);
  return jsonLog({ level, write, wallMs: () => Date.now() });
}
