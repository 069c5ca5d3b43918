// What members log, as fixed-width lines that read like a story when a seed fails:
//
//     1523.250 n2       warn  member died  node=n1 phi=8.4

import type { Log, LogFields, LogLevel } from '../src/base/capabilities.ts';
import { describeFields, LeveledLog } from '../src/engine/log/index.ts';

const LINES_MAX = 20_000;

export class Journal {
  readonly #level: LogLevel;
  readonly #nowMs: () => number;
  #lines: string[] = [];
  /** Called with every line. */
  onLine: ((line: string) => void) | undefined;

  constructor(level: LogLevel, nowMs: () => number) {
    this.#level = level;
    this.#nowMs = nowMs;
  }

  /** The latest lines, oldest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** The log of one member. */
  logOf(who: string): Log {
    return new LeveledLog(this.#level, (level, event, fields) => {
      this.#add(who, level, event, fields);
    });
  }

  #add(who: string, level: LogLevel, event: string, fields: LogFields): void {
    const time = this.#nowMs().toFixed(3).padStart(12);
    const line = `${time} ${who.padEnd(8)} ${level.padEnd(5)} ${event}  ${describeFields(fields)}`;
    this.onLine?.(line.trimEnd());
    this.#lines.push(line.trimEnd());
    if (this.#lines.length >= LINES_MAX * 2) this.#lines = this.#lines.slice(-LINES_MAX);
  }
}
