// One line per event for a person at a terminal:
//
//   12:03:22.481 warn  member died  node=n2 phi=8.4

import type { Log, LogFields, LogLevel } from '../../base/capabilities.ts';
import { LeveledLog } from './leveled-log.ts';

/** ANSI colours: grey, none, yellow, red. The level is written out too: colour is no only sign. */
const COLOUR: Record<LogLevel, string> = { debug: '90', info: '0', warn: '33', error: '31' };

export interface TerminalLogOptions {
  readonly level: LogLevel;
  readonly coloured: boolean;
  readonly write: (line: string) => void;
  readonly wallMs: () => number;
}

export function terminalLog({ level: least, coloured, write, wallMs }: TerminalLogOptions): Log {
  return new LeveledLog(least, (level, event, fields) => {
    const label = paint(coloured, COLOUR[level], level.padEnd(5));
    const text = describeFields(fields);
    const tail = text === '' ? '' : `  ${paint(coloured, '90', text)}`;
    write(`${timeOfDay(wallMs())} ${label} ${event}${tail}\n`);
  });
}

function paint(coloured: boolean, colour: string, text: string): string {
  return coloured && colour !== '0' ? `\u001b[${colour}m${text}\u001b[0m` : text;
}

/** Local time: the reader sits at this machine. */
function timeOfDay(wallMs: number): string {
  const date = new Date(wallMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  return `${clock}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** `a=1 b="two words"`; values that could be mistaken or break the line are quoted. */
export function describeFields(fields: LogFields): string {
  const words: string[] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const text = String(value);
    const plain = /^[^\s"=\p{Cc}]+$/u.test(text);
    words.push(`${name}=${plain ? text : JSON.stringify(text)}`);
  }
  return words.join(' ');
}
