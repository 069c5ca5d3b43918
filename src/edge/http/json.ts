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
  | { readonly [name: string]: Json };

export function renderJson(value: Json): string {
  const parts: string[] = [];
  write(value, '\n', parts);
  parts.push('\n');
  return parts.join('');
}

/** `newline` is a line break followed by the indent of the place where `value` stands. */
function write(value: Json, newline: string, parts: string[]): void {
  if (typeof value === 'bigint') parts.push(value.toString());
  else if (value === null || typeof value !== 'object') parts.push(JSON.stringify(value));
  else if (Array.isArray(value)) writeArray(value as readonly Json[], newline, parts);
  else if (value instanceof Map) writeFields(value as ReadonlyMap<string, Json>, newline, parts);
  else writeFields(Object.entries(value as { readonly [name: string]: Json }), newline, parts);
}

function writeArray(items: readonly Json[], newline: string, parts: string[]): void {
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
  fields: Iterable<readonly [string, Json]>,
  newline: string,
  parts: string[],
): void {
  const inner = `${newline}  `;
  let first = true;
  for (const [name, value] of fields) {
    parts.push(first ? '{' : ',', inner, JSON.stringify(name), ': ');
    first = false;
    write(value, inner, parts);
  }
  parts.push(first ? '{}' : `${newline}}`);
}
