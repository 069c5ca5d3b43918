// The shapes that travel over HTTP, as JSON Schema 2020-12. One object per shape serves to check
// what comes in and to describe what goes out (/v1/openapi.json).

import { type Static, Type } from 'typebox';
import { ERRORS } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';

const { keyBytesMax, valueBytesMax } = LIMITS.gossip;

const uint64 = (description: string) => Type.Integer({ minimum: 0, format: 'uint64', description });

const Key = Type.String({
  minLength: 1,
  description: `Begins with an ASCII character; at most ${keyBytesMax} bytes of UTF-8.`,
  examples: ['color'],
});

const Value = Type.String({
  description: `Any text, also an empty one; at most ${valueBytesMax} bytes of UTF-8.`,
  examples: ['blue'],
});

export const SetQuery = Type.Object({ key: Key, value: Value });
export type SetQuery = Static<typeof SetQuery>;

export const MarkQuery = Type.Object({ key: Key });
export type MarkQuery = Static<typeof MarkQuery>;

const MemberName = {
  node_id: Type.String(),
  generation_id: uint64('One number per start of the member; the higher is the later.'),
  gossip_advertise_addr: Type.String({ examples: ['127.0.0.1:10001', '[::1]:10001'] }),
};

const Member = Type.Object({
  node_id: MemberName.node_id,
  generation: uint64('The same number as generation_id.'),
  generation_id: MemberName.generation_id,
  gossip_advertise_addr: MemberName.gossip_advertise_addr,
});

const Entry = Type.Object({
  value: Type.String(),
  version: uint64('Grows with each write of the owner.'),
  status: Type.String({ enum: ['Set', 'Delete', 'DeleteAfterTtl'] }),
});

const NodeState = Type.Object({
  chitchat_id: Type.Object(MemberName),
  heartbeat: uint64('Grows while the member lives.'),
  key_values: Type.Record(Type.String(), Entry, {
    description: 'Every key of this member, deleted ones included until they are forgotten.',
  }),
  max_version: uint64('The highest version known of this member.'),
  last_gc_version: uint64('Deletions up to this version are forgotten.'),
});

export const ClusterStateAnswer = Type.Object({
  cluster_id: Type.String(),
  cluster_state: Type.Object(
    {
      node_states: Type.Array(NodeState, { description: 'In the order of their ids.' }),
      seed_addrs: Type.Array(Type.String()),
    },
    {
      additionalProperties: Type.String(),
      description:
        'Besides node_states and seed_addrs: every key that a live member holds, with the value ' +
        'that was written last.',
    },
  ),
  live_nodes: Type.Array(Member, { description: 'The member that answers comes first.' }),
  dead_nodes: Type.Array(Member),
});

export const DoneAnswer = Type.Object({ status: Type.Literal(true) });

export const ProblemAnswer = Type.Object(
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
