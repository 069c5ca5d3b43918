// What members log, as fixed-width lines that read like a story when a seed fails:
//
//     1523.250 n2       warn  member died  node=n1 phi=8.4

import type { Log, LogFields, LogLevel } from '../src/base/capabilities.ts';
import { describeFields, LeveledLog } from '../src/engine/log/index.ts';

const NOTES_MAX = 20_000;

export interface JournalNote {
  readonly atMs: number;
  readonly who: string;
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: LogFields;
}

export class Journal {
  /** Told of everything at once. */
  onNote: ((note: JournalNote) => void) | undefined;
  readonly #level: LogLevel;
  readonly #nowMs: () => number;
  #notes: JournalNote[] = [];

  constructor(level: LogLevel, nowMs: () => number) {
    this.#level = level;
    this.#nowMs = nowMs;
  }

  /** The latest lines, oldest first. */
  get lines(): readonly string[] {
    return this.#notes.map(describeNote);
  }

  /** The log of one member. */
  logOf(who: string): Log {
    return new LeveledLog(this.#level, (level, event, fields) => {
      const note = { atMs: this.#nowMs(), who, level, event, fields };
      this.onNote?.(note);
      this.#notes.push(note);
      if (this.#notes.length >= NOTES_MAX * 2) this.#notes = this.#notes.slice(-NOTES_MAX);
    });
  }
}

function describeNote({ atMs, event, fields, level, who }: JournalNote): string {
  const when = `${atMs.toFixed(3).padStart(12)} ${who.padEnd(8)} ${level.padEnd(5)}`;
  return `${when} ${event}  ${describeFields(fields)}`.trimEnd();
}
