// Messages for tests: by hand, and at random over all kinds that pass between members.

import fc from 'fast-check';
import { draftMessage, type Entry, type Message, type Snapshot } from '../../core/raft/index.ts';

export function heartbeat(fields: Partial<Message>): Message {
  return { ...draftMessage('heartbeat', 2, 1, 0), ...fields };
}

/** Objects as the codec makes them, so that deep comparisons compare their fields. */
function plainRecord<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true });
}

const counter = fc.oneof(
  fc.nat({ max: 200 }),
  fc.maxSafeNat(),
  fc.constant(0),
  fc.nat({ max: 2 ** 31 - 1 }),
);

export const shards = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 2 ** 32 - 1 }));

const nodes = fc.array(fc.integer({ min: 1, max: 2 ** 32 }), { maxLength: 5 });

const snapshot: fc.Arbitrary<Snapshot> = plainRecord({
  index: counter,
  term: counter,
  confState: plainRecord({
    voters: nodes,
    votersOutgoing: nodes,
    learners: nodes,
    learnersNext: nodes,
    autoLeave: fc.boolean(),
  }),
  data: fc.uint8Array({ maxLength: 40 }),
});

const entries: fc.Arbitrary<readonly Omit<Entry, 'index'>[]> = fc.array(
  plainRecord({
    term: fc.oneof(fc.constant(5), fc.maxSafeNat()),
    kind: fc.constantFrom('normal', 'normal', 'confChange', 'confChangeV2'),
    payload: fc.uint8Array({ maxLength: 200 }),
  }),
  { maxLength: 8 },
);

const plain = plainRecord({
  kind: fc.constantFrom<Message['kind'][]>(
    'append',
    'appendResponse',
    'heartbeat',
    'heartbeatResponse',
    'vote',
    'voteResponse',
    'preVote',
    'preVoteResponse',
    'snapshot',
    'timeoutNow',
    'transferLeader',
    'readIndex',
    'readIndexResponse',
  ),
  term: counter,
  logTerm: counter,
  index: fc.oneof(fc.nat(), fc.constant(0), fc.integer({ min: 2 ** 40, max: 2 ** 50 })),
  commit: counter,
  commitTerm: counter,
  vote: counter,
  reject: fc.boolean(),
  rejectHint: counter,
  context: counter,
  forced: fc.boolean(),
  priority: counter,
});

/** From member 2 to member 1, with whatever numbers. */
export const messages: fc.Arbitrary<Message> = fc
  .record({ plain, entries, snapshot }, { noNullPrototype: true })
  .map(({ plain: fields, entries: list, snapshot: state }) => ({
    ...draftMessage(fields.kind, 2, 1, 0),
    ...fields,
    entries:
      fields.kind === 'append'
        ? list.map((entry, i) => ({ ...entry, index: fields.index + 1 + i }))
        : [],
    snapshot: fields.kind === 'snapshot' ? state : undefined,
  }));
