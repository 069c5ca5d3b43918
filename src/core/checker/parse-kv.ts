// Reads histories of a key-value service, one EDN map per line:
//
//   {:process 3, :type :ok, :f :append, :key "7", :value "x 3 0 y"}

import { type EdnValue, isKeyword, parseEdn } from './edn.ts';
import {
  type Event,
  type EventReader,
  type ParsedHistory,
  parseEventLines,
} from './event-lines.ts';
import type { KvAction } from './models/kv.ts';

const TYPES: ReadonlySet<string> = new Set<Event['type']>(['invoke', 'ok', 'fail', 'info']);
const FIELDS = ['process', 'type', 'f', 'key', 'value'];

export function parseKvLog(text: string): ParsedHistory<KvAction> {
  return parseEventLines(text, reader);
}

const reader: EventReader<KvAction> = {
  parseLine(line) {
    const map = parseEdn(line);
    if (!(map instanceof Map) || map.size !== FIELDS.length) return undefined;
    const [process, type, verb, key, value] = FIELDS.map((field) => map.get(field) as EdnValue);
    if (typeof process !== 'number' || value === undefined) return undefined;
    const typeName = keywordName(type);
    const verbName = keywordName(verb);
    const keyText = typeof key === 'number' ? `${key}` : key;
    if (typeName === undefined || !TYPES.has(typeName) || verbName === undefined) return undefined;
    if (typeof keyText !== 'string') return undefined;
    return { process, type: typeName as Event['type'], verb: verbName, key: keyText, value };
  },
  asked({ verb, value }) {
    // A get that was never answered says nothing, so its value here is of no account.
    if (verb === 'get') return value === null ? { kind: 'get', value: '' } : undefined;
    if ((verb !== 'put' && verb !== 'append') || typeof value !== 'string') return undefined;
    return { kind: verb, value };
  },
  answered({ value }, asked) {
    if (typeof value !== 'string') return undefined;
    if (asked.kind === 'get') return { kind: 'get', value };
    return value === asked.value ? asked : undefined;
  },
  failed: () => 'nothing',
};

function keywordName(value: EdnValue | undefined): string | undefined {
  return value !== undefined && isKeyword(value) ? value.keyword : undefined;
}
