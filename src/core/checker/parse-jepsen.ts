// Reads the log lines of Jepsen's etcd test: one register that is read, written and compared-and-
// set. A line is
//
//   INFO  jepsen.util - 3  :invoke  :cas  [1 4]
//
// with the process, the type of event, the function and its value. A failed cas is an answer: the
// register did not hold the expected value. Any other failure says that nothing happened.

import { isKeyword, parseEdn } from './edn.ts';
import {
  type Event,
  type EventReader,
  type ParsedHistory,
  parseEventLines,
} from './event-lines.ts';
import type { CasRegisterAction } from './models/cas-register.ts';

const LINE = /^INFO\s+jepsen\.util\s+-\s+(\d+)\s+:(invoke|ok|fail|info)\s+:(read|write|cas)\s(.+)$/;

export function parseJepsenLog(text: string): ParsedHistory<CasRegisterAction> {
  return parseEventLines(text, reader);
}

const reader: EventReader<CasRegisterAction> = {
  parseLine(line) {
    const [, process, type, verb, rest] = LINE.exec(line) ?? [];
    if (process === undefined || verb === undefined || rest === undefined) return undefined;
    const value = parseEdn(rest);
    if (value === undefined) return undefined;
    return { process: Number(process), type: type as Event['type'], verb, key: '', value };
  },
  asked({ verb, value }) {
    if (verb === 'read') return value === null ? { kind: 'read', value } : undefined;
    if (verb === 'write') return isRegisterValue(value) ? { kind: 'write', value } : undefined;
    if (!Array.isArray(value) || value.length !== 2) return undefined;
    const [from, to] = value;
    if (!isRegisterValue(from) || !isRegisterValue(to)) return undefined;
    return { kind: 'cas', from, to, answer: 'unknown' };
  },
  answered(event, asked) {
    if (asked.kind === 'read') {
      return isRegisterValue(event.value) ? { kind: 'read', value: event.value } : undefined;
    }
    if (!repeats(event, asked)) return undefined;
    return asked.kind === 'cas' ? { ...asked, answer: 'swapped' } : asked;
  },
  failed(event, asked) {
    if (asked.kind === 'cas' && repeats(event, asked)) return { ...asked, answer: 'mismatch' };
    // The value of other failures is a reason, or what was asked.
    return isKeyword(event.value) || repeats(event, asked) ? 'nothing' : undefined;
  },
};

function isRegisterValue(value: unknown): value is number | null {
  return value === null || typeof value === 'number';
}

/** Whether an outcome names the same values as the invocation. */
function repeats(event: Event, asked: CasRegisterAction): boolean {
  const again = reader.asked(event);
  return JSON.stringify(again) === JSON.stringify(asked);
}
