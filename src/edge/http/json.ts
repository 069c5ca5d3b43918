// JSON as the HTTP edge writes it: two spaces of indent, fields in the order they were put in, and
// integers with all their digits. JSON.stringify cannot do the last two: it refuses bigints and
// sorts keys that look like array indexes to the front, and the keys here are the users'.

export type Json =
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly Json[]
  | ReadonlyMap<string, Json>
  | LazyArray
  | LazyFields
  | { readonly [name: string]: Json };

/** An array whose items come to be while it is written; can be written once. */
export class LazyArray {
  readonly items: Iterable<Json>;

  constructor(items: Iterable<Json>) {
    this.items = items;
  }
}

/**
 * An object whose fields come to be while it is written; can be written once. Undefined stands for
 * work without a field yet: whoever writes it in pieces gets an empty one, and may pause.
 */
export class LazyFields {
  readonly fields: Iterable<readonly [string, Json] | undefined>;

  constructor(fields: Iterable<readonly [string, Json] | undefined>) {
    this.fields = fields;
  }
}

export function renderJson(value: Json): string {
  const parts: string[] = [];
  write(value, '\n', parts);
  parts.push('\n');
  return parts.join('');
}

/** The same text in pieces: one for each item or field of what is lazy. */
export function* jsonPieces(value: Json): Generator<string, undefined> {
  yield* piecesOf(value, '\n');
  yield '\n';
}

function* piecesOf(value: Json, newline: string): Generator<string, undefined> {
  if (value instanceof LazyArray) yield* pieces(itemsOf(value.items), '[', ']', newline);
  else if (value instanceof LazyFields) yield* pieces(value.fields, '{', '}', newline);
  else if (value !== null && typeof value === 'object' && holdsLazy(value)) {
    yield* pieces(Object.entries(value), '{', '}', newline);
  } else {
    const parts: string[] = [];
    write(value, newline, parts);
    yield parts.join('');
  }
}

/** Laziness is looked for among the fields of plain objects and in what is lazy itself. */
function holdsLazy(value: Json): value is { readonly [name: string]: Json } {
  if (Array.isArray(value) || value instanceof Map) return false;
  return Object.values(value as { readonly [name: string]: Json }).some(
    (field) => field instanceof LazyArray || field instanceof LazyFields,
  );
}

function* itemsOf(items: Iterable<Json>): Generator<readonly [undefined, Json], undefined> {
  for (const item of items) yield [undefined, item];
}

function* pieces(
  fields: Iterable<readonly [string | undefined, Json] | undefined>,
  open: string,
  close: string,
  newline: string,
): Generator<string, undefined> {
  const inner = `${newline}  `;
  let first = true;
  for (const field of fields) {
    if (field === undefined) {
      yield '';
      continue;
    }
    const [name, value] = field;
    const label = name === undefined ? '' : `${JSON.stringify(name)}: `;
    const lead = (first ? open : ',') + inner + label;
    first = false;
    if (typeof value === 'string') yield lead + JSON.stringify(value);
    else {
      yield lead;
      yield* piecesOf(value, inner);
    }
  }
  yield first ? `${open}${close}` : `${newline}${close}`;
}

/** `newline` is a line break followed by the indent of the place where `value` stands. */
function write(value: Json, newline: string, parts: string[]): void {
  if (typeof value === 'bigint') parts.push(value.toString());
  else if (value === null || typeof value !== 'object') parts.push(JSON.stringify(value));
  else if (Array.isArray(value)) writeArray(value as readonly Json[], newline, parts);
  else if (value instanceof LazyArray) writeArray(value.items, newline, parts);
  else if (value instanceof LazyFields) writeFields(value.fields, newline, parts);
  else if (value instanceof Map) writeFields(value as ReadonlyMap<string, Json>, newline, parts);
  else writeFields(Object.entries(value as { readonly [name: string]: Json }), newline, parts);
}

function writeArray(items: Iterable<Json>, newline: string, parts: string[]): void {
  const inner = `${newline}  `;
  let first = true;
  for (const item of items) {
    parts.push(first ? '[' : ',', inner);
    first = false;
    write(item, inner, parts);
  }
  parts.push(first ? '[]' : `${newline}]`);
}

function writeFields(
  fields: Iterable<readonly [string, Json] | undefined>,
  newline: string,
  parts: string[],
): void {
  const inner = `${newline}  `;
  let first = true;
  for (const field of fields) {
    if (field === undefined) continue;
    const [name, value] = field;
    parts.push(first ? '{' : ',', inner, JSON.stringify(name), ': ');
    first = false;
    write(value, inner, parts);
  }
  parts.push(first ? '{}' : `${newline}}`);
}
