// What logs have in common that write their own lines: levels, and fields that stand on every line.

import type { Log, LogFields, LogLevel } from '../../base/capabilities.ts';

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

export type WriteLine = (level: LogLevel, event: string, fields: LogFields) => void;

export class LeveledLog implements Log {
  readonly #least: LogLevel;
  readonly #write: WriteLine;
  readonly #fixed: LogFields;

  /** `write` hears of `least` and what is graver. */
  constructor(least: LogLevel, write: WriteLine, fixed: LogFields = {}) {
    this.#least = least;
    this.#write = write;
    this.#fixed = fixed;
  }

  debug(event: string, fields?: LogFields): void {
    this.#line('debug', event, fields);
  }

  info(event: string, fields?: LogFields): void {
    this.#line('info', event, fields);
  }

  warn(event: string, fields?: LogFields): void {
    this.#line('warn', event, fields);
  }

  error(event: string, fields?: LogFields): void {
    this.#line('error', event, fields);
  }

  writes(level: LogLevel): boolean {
    return RANK[level] >= RANK[this.#least];
  }

  with(fields: LogFields): Log {
    return new LeveledLog(this.#least, this.#write, { ...this.#fixed, ...fields });
  }

  #line(level: LogLevel, event: string, fields: LogFields | undefined): void {
    if (this.writes(level)) this.#write(level, event, { ...this.#fixed, ...fields });
  }
}
