// Shapes that several routes share, as JSON Schema 2020-12. One object per shape serves to check
// what comes in and to describe what goes out (/v1/openapi.json).

import { ERRORS } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { Type } from './type.ts';

const { keyBytesMax, valueBytesMax } = LIMITS.gossip;

export const uint64 = (description: string) =>
  Type.Integer({ minimum: 0, format: 'uint64', description });

/** Keys that members keep for themselves. */
const RESERVED = 'parley\\.|(?:service|ready|node_states|seed_addrs)$';

const NOT_RESERVED = 'Members keep "parley.", service, ready, node_states and seed_addrs.';

/**
 * JSON Schema counts characters where the limits count bytes: what is not ASCII reaches a limit
 * sooner than the schema can say, and is refused with a sentence.
 */
export const GossipKey = {
  minLength: 1,
  maxLength: keyBytesMax,
  pattern: `^(?!${RESERVED})[\\x00-\\x7f]`,
  description: `Begins in ASCII; at most ${keyBytesMax} bytes of UTF-8. ${NOT_RESERVED}`,
  examples: ['color'],
};

export const GossipValue = {
  maxLength: valueBytesMax,
  description: `Any text, also an empty one; at most ${valueBytesMax} bytes of UTF-8.`,
  examples: ['blue'],
};

export const DoneAnswer = Type.Object({ status: Type.Literal(true) });

export const Problem = Type.Object(
  {
    type: Type.String({ format: 'uri-reference' }),
    title: Type.String(),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    detail: Type.String({ description: 'What happened here, and what to do about it.' }),
    instance: Type.String({ description: 'The path that was asked for.' }),
    code: Type.String({ enum: Object.keys(ERRORS) }),
    retry: Type.String({ enum: ['never', 'refresh', 'after'] }),
    requestId: Type.String(),
    errors: Type.Array(Type.Object({ parameter: Type.String(), detail: Type.String() }), {
      description: 'The parameters at fault; empty when it was something else.',
    }),
  },
  { $id: 'Problem', description: 'RFC 9457' },
);
/** The one shape that several answers share: the document defines it once and refers to it. */
export const PROBLEM_NAME = 'Problem';
export const PROBLEM_REF = Type.Ref(`${PROBLEM_NAME}#`);
