// One event per line as JSON, for machines:
//
//   {"level":"warn","time":"2026-01-02T12:03:22.481Z","node":"n2","phi":8.4,"event":"member died"}

import type { Log, LogFields, LogLevel } from '../../base/capabilities.ts';
import { LeveledLog } from './leveled-log.ts';

export interface JsonLogOptions {
  readonly level: LogLevel;
  readonly write: (line: string) => void;
  readonly wallMs: () => number;
}

export function jsonLog({ level: least, write, wallMs }: JsonLogOptions): Log {
  return new LeveledLog(least, (level, event, fields) => {
    const time = new Date(wallMs()).toISOString();
    write(`{"level":"${level}","time":"${time}",${members(fields)}"event":${quoted(event)}}\n`);
  });
}

function members(fields: LogFields): string {
  let text = '';
  for (const [name, value] of Object.entries(fields)) {
    if (value !== undefined) text += `${quoted(name)}:${valueOf(value)},`;
  }
  return text;
}

function valueOf(value: string | number | bigint | boolean): string {
  // Readers that know only doubles round it themselves; those that do not see all of its digits.
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}

function quoted(text: string): string {
  return JSON.stringify(text);
}
