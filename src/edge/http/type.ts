// JSON Schemas with TypeScript types, as typebox writes and types them, made without its runtime:
// that one is 709 modules and 16 MB, and routes need ten functions. A test holds each of them
// against typebox.

import type { Type as TypeBox } from 'typebox';

type Schema = Readonly<Record<string, unknown>>;

type Functions =
  | 'Array'
  | 'Integer'
  | 'Literal'
  | 'Null'
  | 'Object'
  | 'Optional'
  | 'Record'
  | 'Ref'
  | 'String';

/** Schemas of parameters that may be left out. */
const optional = new WeakSet<object>();

const functions: Readonly<Record<Functions, (...given: never[]) => Schema>> = {
  Array: (items: Schema, options?: Schema) => ({ type: 'array', items, ...options }),
  Integer: (options?: Schema) => ({ type: 'integer', ...options }),
  Literal: (value: unknown) => ({ type: typeof value, const: value }),
  Null: (options?: Schema) => ({ type: 'null', ...options }),
  Object: (properties: Readonly<Record<string, Schema>>, options?: Schema) => {
    const required = Object.keys(properties).filter(
      (name) => !optional.has(properties[name] as Schema),
    );
    return {
      type: 'object',
      ...(required.length === 0 ? {} : { required }),
      properties,
      ...options,
    };
  },
  Optional: (schema: Schema) => {
    const copy = { ...schema };
    optional.add(copy);
    return copy;
  },
  /** Of any names. */
  Record: (_names: Schema, values: Schema, options?: Schema) => ({
    type: 'object',
    patternProperties: { '^.*$': values },
    ...options,
  }),
  Ref: (name: string) => ({ $ref: name }),
  String: (options?: Schema) => ({ type: 'string', ...options }),
};

export const Type = functions as unknown as Pick<typeof TypeBox, Functions>;
