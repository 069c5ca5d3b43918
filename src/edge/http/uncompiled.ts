// Fastify without its compilers of schemas. Its own are 75 modules (ajv, fast-json-stringify) that
// load with the first application, whether a route has a schema or not: 4 MB. No route of ours has
// one: parameters.ts checks what comes in, json.ts writes what goes out.

import type { FastifyServerOptions } from 'fastify';
import { assert } from '../../base/assert.ts';

export const UNCOMPILED: NonNullable<FastifyServerOptions['schemaController']> = {
  compilersFactory: { buildValidator: refuse, buildSerializer: refuse },
};

function refuse(): never {
  assert(false, 'a route brings no schema to compile, or its application sets a compiler');
}
