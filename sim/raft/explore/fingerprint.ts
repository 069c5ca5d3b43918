// Writes down values: equal texts mean that nothing inside differs. Works on the opened core (see
// open-hook.ts), whose fields are ordinary ones.

import type { Entry, Message } from '../../../src/core/raft/index.ts';

/** What is the same in every state, or is written down elsewhere. */
const LEFT_OUT = new Set(['settings', 'own_source', 'limits', 'id', 'reads', 'restartLeaseTicks']);

export function describeState(value: unknown): string {
  return write(value, new Set());
}

function write(value: unknown, above: Set<object>): string {
  if (value === null || typeof value !== 'object') {
    return typeof value === 'function' ? '' : String(value);
  }
  if (isEntry(value)) return describeEntry(value);
  if (isMessage(value)) return describeMessage(value);
  if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array).join(' ');
  // A parent that is met again is the state itself.
  if (above.has(value)) return '^';
  above.add(value);
  const text = writeParts(value, above);
  above.delete(value);
  return text;
}

function writeParts(value: object, above: Set<object>): string {
  if (Array.isArray(value)) return `[${value.map((item) => write(item, above)).join(',')}]`;
  if (value instanceof Map) {
    return `{${Array.from(value, ([key, item]) => `${String(key)}:${write(item, above)}`)
      .toSorted()
      .join(',')}}`;
  }
  const parts = Object.entries(value).flatMap(([name, item]) => {
    return LEFT_OUT.has(name) ? [] : [write(item, above)];
  });
  return `(${parts.join(';')})`;
}

function isEntry(value: object): value is Entry {
  return 'payload' in value && 'index' in value;
}

function isMessage(value: object): value is Message {
  return 'rejectHint' in value;
}

function describeEntry({ index, kind, payload, term }: Entry): string {
  return `${index}/${term}${kind === 'normal' ? '' : 'c'}${payload.join('.')}`;
}

export function describeMessage(message: Message): string {
  const { commit, entries, from, index, kind, logTerm, reject, rejectHint, term, to } = message;
  const carried = entries.map(describeEntry).join(' ');
  const answers = message.responses.map(describeMessage).join('|');
  const log = `${term} ${logTerm}/${index} ${commit} ${reject ? rejectHint : ''}`;
  const rest = `${message.vote} ${message.context} ${message.forced}`;
  return `${kind} ${from}>${to} ${log} ${rest} ${carried} <${answers}>`;
}
