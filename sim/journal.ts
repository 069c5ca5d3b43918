// What members log, as fixed-width lines that read like a story when a seed fails:
//
//     1523.250 n2       warn  member died  node=n1 phi=8.4

import type { Log, LogFields, LogLevel } from '../src/base/capabilities.ts';
import { describeFields } from '../src/engine/log/index.ts';

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };
const LINES_MAX = 20_000;

export class Journal {
  readonly level: LogLevel;
  readonly #nowMs: () => number;
  #lines: string[] = [];

  constructor(level: LogLevel, nowMs: () => number) {
    this.level = level;
    this.#nowMs = nowMs;
  }

  /** The latest lines, oldest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  add(who: string, level: LogLevel, event: string, fields: LogFields): void {
    const time = this.#nowMs().toFixed(3).padStart(12);
    const line = `${time} ${who.padEnd(8)} ${level.padEnd(5)} ${event}  ${describeFields(fields)}`;
    this.#lines.push(line.trimEnd());
    if (this.#lines.length >= LINES_MAX * 2) this.#lines = this.#lines.slice(-LINES_MAX);
  }
}

export class SimLog implements Log {
  readonly #journal: Journal;
  readonly #who: string;
  readonly #fixed: LogFields;

  constructor(journal: Journal, who: string, fixed: LogFields = {}) {
    this.#journal = journal;
    this.#who = who;
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
    return RANK[level] >= RANK[this.#journal.level];
  }

  with(fields: LogFields): Log {
    return new SimLog(this.#journal, this.#who, { ...this.#fixed, ...fields });
  }

  #line(level: LogLevel, event: string, fields: LogFields | undefined): void {
    if (!this.writes(level)) return;
    this.#journal.add(this.#who, level, event, { ...this.#fixed, ...fields });
  }
}
