import fc from 'fast-check';
import { machineContract } from '../../../test/contracts/machine.ts';
import { must } from '../../base/assert.ts';
import type { MachineView } from '../../core/machine.ts';
import { presentRecords } from './history.ts';
import {
  decodeKeyspaceAnswers,
  decodeKeyspaceResult,
  encodeKeyspaceCommand,
  encodeKeyspaceQuestion,
  type KeyspaceCommand,
  type KeyspaceOperation,
  keyspaceMachine,
} from './index.ts';
import { deletion, plainRange, putting, utf8 } from './keyspace.support.ts';

const key = fc.constantFrom('a', 'b', 'ab', 'c').map(utf8);
const lease = fc.bigInt({ min: 1n, max: 3n });
const range = fc.oneof(
  fc.record({ key, end: fc.constant(undefined) }),
  fc.record({ key, end: fc.constant('last' as const) }),
  fc.record({ key, end: key }),
);
const simple: fc.Arbitrary<KeyspaceOperation> = fc.oneof(
  fc
    .tuple(key, fc.uint8Array({ maxLength: 3 }), fc.constantFrom(0n, 0n, 1n, 2n), fc.nat(90))
    .map(([at, value, of, ms]) => putting(at, value, { lease: of, ttlMs: ms > 60 ? ms : 0 })),
  range.map((of) => deletion(of)),
  fc.tuple(key, fc.bigInt({ min: -3n, max: 3n })).map(([at, amount]) => {
    return { kind: 'merge' as const, key: at, merge: { by: 'add' as const, amount } };
  }),
  range.map((of) => plainRange(of)),
);
const operation: fc.Arbitrary<KeyspaceOperation> = fc.oneof(
  { arbitrary: simple, weight: 4 },
  fc.tuple(fc.array(simple, { maxLength: 4 }), fc.array(simple, { maxLength: 2 }), range).map(
    ([success, failure, of]): KeyspaceOperation => ({
      kind: 'txn',
      compares: [{ range: of, is: 'greater', target: { of: 'version', number: 1 } }],
      success,
      failure,
    }),
  ),
);
const command: fc.Arbitrary<KeyspaceCommand> = fc.oneof(
  { weight: 8, arbitrary: operation.map((of) => ({ kind: 'operate' as const, operation: of })) },
  fc.record({ kind: fc.constant('compact' as const), revision: fc.integer({ min: 1, max: 30 }) }),
  fc.record({ kind: fc.constant('grant' as const), lease, ttlMs: fc.integer({ min: 1, max: 99 }) }),
  fc.record({ kind: fc.constantFrom('revoke' as const, 'keepAlive' as const), lease }),
);
const question = fc.oneof(
  range.map((of) => encodeKeyspaceQuestion({ kind: 'range', operation: plainRange(of) })),
  fc.constant(
    encodeKeyspaceQuestion({ kind: 'changes', range: { key: utf8('a'), end: 'last' }, from: 99 }),
  ),
);
const hexOf = (of: Uint8Array): string => Buffer.from(of).toString('hex');

function operate(of: KeyspaceOperation): Uint8Array {
  return encodeKeyspaceCommand({ kind: 'operate', operation: of });
}

const twiceTooMany: KeyspaceOperation = {
  kind: 'txn',
  compares: [],
  success: Array.from({ length: 129 }, () => plainRange({ key: utf8('a'), end: undefined })),
  failure: [],
};

machineContract('multi-version', {
  machine: keyspaceMachine,
  first: {
    version: 1,
    limits: {
      keyBytesMax: 1_024,
      valueBytesMax: 131_072,
      operationsMax: 128,
      leaseTtlMsMax: 9_000_000_000_000,
    },
  },
  commands: command.map(encodeKeyspaceCommand),
  questions: question,
  beyond: {
    keyBytesMax: operate(putting(new Uint8Array(1_025), utf8('v'))),
    valueBytesMax: operate(putting(utf8('a'), new Uint8Array(131_073))),
    operationsMax: operate(twiceTooMany),
    leaseTtlMsMax: encodeKeyspaceCommand({ kind: 'grant', lease: 1n, ttlMs: 9_000_000_000_001 }),
  },
  isMalformed: (result) => decodeKeyspaceResult(result)?.kind === 'refused',
  followed: (events) => {
    const known = new Map<string, string>();
    for (const { event } of events) {
      for (const answer of must(decodeKeyspaceAnswers(event), 'an event is an answer')) {
        if (answer.kind !== 'changes') throw new Error('an event tells changes');
        for (const { kind, record } of answer.changes) {
          if (kind === 'delete') known.delete(hexOf(record.key));
          else known.set(hexOf(record.key), `${record.modRevision} ${hexOf(record.value)}`);
        }
      }
    }
    return known;
  },
  observed: (view: MachineView) => {
    const all = presentRecords(view, { low: new Uint8Array(0), end: undefined });
    return new Map(
      Array.from(all, (record) => [
        hexOf(record.key),
        `${record.modRevision} ${hexOf(record.value)}`,
      ]),
    );
  },
  cutsAnswers: true,
});
