// The part of EDN, Clojure's data notation, that history files use: nil, true, false, integers,
// strings, keywords, vectors and maps with keyword keys.

/** A keyword is kept apart from text: `:timed-out` is not "timed-out". */
export interface Keyword {
  readonly keyword: string;
}

export type EdnValue =
  | null
  | boolean
  | number
  | string
  | Keyword
  | readonly EdnValue[]
  | ReadonlyMap<string, EdnValue>;

interface Read {
  readonly value: EdnValue;
  /** Where the value ends. */
  readonly end: number;
}

/** Blanks and commas separate, as in Clojure. */
const SEPARATORS = /[\s,]*/y;
const ATOM = /nil|true|false|-?\d+|:[a-zA-Z][\w.*+!?<>=/-]*/y;
const STRING = /"(?:[^"\\]|\\[\s\S])*"/y;
const ESCAPES = new Map([
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
  ['"', '"'],
  ['\\', '\\'],
]);
/** History lines nest two levels; more is not a history. */
const DEPTH_MAX = 8;

export function isKeyword(value: EdnValue): value is Keyword {
  return typeof value === 'object' && value !== null && 'keyword' in value;
}

/** The one value that `text` consists of, or undefined. */
export function parseEdn(text: string): EdnValue | undefined {
  const read = readValue(text, 0, 0);
  if (read === undefined || skipSeparators(text, read.end) !== text.length) return undefined;
  return read.value;
}

function skipSeparators(text: string, from: number): number {
  SEPARATORS.lastIndex = from;
  SEPARATORS.test(text);
  return SEPARATORS.lastIndex;
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function readValue(text: string, from: number, depth: number): Read | undefined {
  const at = skipSeparators(text, from);
  const first = text[at];
  if (depth > DEPTH_MAX) return undefined;
  if (first === '[') return readVector(text, at + 1, depth);
  if (first === '{') return readMap(text, at + 1, depth);
  if (first === '"') return readString(text, at);
  const atom = match(ATOM, text, at);
  if (atom === undefined) return undefined;
  const value = atomValue(atom);
  return value === undefined ? undefined : { value, end: at + atom.length };
}

function atomValue(atom: string): EdnValue | undefined {
  if (atom === 'nil') return null;
  if (atom === 'true' || atom === 'false') return atom === 'true';
  if (atom.startsWith(':')) return { keyword: atom.slice(1) };
  const number = Number(atom);
  return Number.isSafeInteger(number) ? number : undefined;
}

function readString(text: string, at: number): Read | undefined {
  const quoted = match(STRING, text, at);
  if (quoted === undefined) return undefined;
  let unknownEscape = false;
  const value = quoted.slice(1, -1).replaceAll(/\\([\s\S])/g, (_, escaped: string) => {
    const meant = ESCAPES.get(escaped);
    if (meant === undefined) unknownEscape = true;
    return meant ?? '';
  });
  return unknownEscape ? undefined : { value, end: at + quoted.length };
}

function readVector(text: string, from: number, depth: number): Read | undefined {
  const items: EdnValue[] = [];
  let at = skipSeparators(text, from);
  while (text[at] !== ']') {
    const read = readValue(text, at, depth + 1);
    if (read === undefined) return undefined;
    items.push(read.value);
    at = skipSeparators(text, read.end);
  }
  return { value: items, end: at + 1 };
}

function readMap(text: string, from: number, depth: number): Read | undefined {
  const entries = new Map<string, EdnValue>();
  let at = skipSeparators(text, from);
  while (text[at] !== '}') {
    const key = readValue(text, at, depth + 1);
    if (key === undefined || !isKeyword(key.value) || entries.has(key.value.keyword)) {
      return undefined;
    }
    const value = readValue(text, key.end, depth + 1);
    if (value === undefined) return undefined;
    entries.set(key.value.keyword, value.value);
    at = skipSeparators(text, value.end);
  }
  return { value: entries, end: at + 1 };
}
