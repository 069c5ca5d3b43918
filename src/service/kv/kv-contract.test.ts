import fc from 'fast-check';
import { machineContract } from '../../../test/contracts/machine.ts';
import {
  decodeKvResult,
  encodeKvCommand,
  encodeKvQuery,
  type KvCommand,
  kvMachine,
} from './index.ts';

const bytes = fc.uint8Array({ maxLength: 3 });
const key = fc.constantFrom('', 'a', 'b', 'ab', 'c').map((text) => Buffer.from(text));
const version = fc.nat(30);
const condition = fc.oneof(
  { weight: 5, arbitrary: fc.constant({ kind: 'always' as const }) },
  fc.constant({ kind: 'absent' as const }),
  fc.record({ kind: fc.constant('version' as const), version }),
  fc.record({ kind: fc.constant('value' as const), value: bytes }),
);
const command: fc.Arbitrary<KvCommand> = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), key, value: bytes, condition }),
  fc.record({ kind: fc.constant('delete' as const), key, condition }),
  fc.record({ kind: fc.constant('add' as const), key, amount: fc.integer() }),
);
const question = fc.oneof(
  fc.record({ kind: fc.constant('get' as const), key }),
  fc.record({ kind: fc.constant('await' as const), key, version: fc.constant(0) }),
  fc.record({
    kind: fc.constant('range' as const),
    low: fc.constantFrom('', 'a').map((text) => Buffer.from(text)),
    high: fc.constantFrom(undefined, undefined, Buffer.from('c')),
    limit: fc.integer({ min: 1, max: 9 }),
  }),
);
const hexOf = (of: Uint8Array): string => Buffer.from(of).toString('hex');

/** Clients do not even ask for what is beyond the limits. */
function put(keyBytes: number, valueBytes: number): Uint8Array {
  const body = new Uint8Array(5 + keyBytes + valueBytes);
  const [kind, always, pairSpace] = [1, 0, 1];
  body.set([kind, always, keyBytes & 0xff, keyBytes >> 8, pairSpace]);
  return body;
}

machineContract('key-value', {
  machine: kvMachine,
  first: { version: 1, limits: { keyBytesMax: 1_024, valueBytesMax: 131_072 } },
  commands: command.map(encodeKvCommand),
  questions: question.map(encodeKvQuery),
  beyond: { keyBytesMax: put(1_025, 1), valueBytesMax: put(1, 131_073) },
  isMalformed: (result) => decodeKvResult(result)?.kind === 'malformed',
  followed: (events) => {
    const known = new Map<string, string>();
    for (const { event, topic } of events) {
      if (event.length === 0) known.delete(hexOf(topic));
      else known.set(hexOf(topic), hexOf(event));
    }
    return known;
  },
  observed: (view) => {
    const pairs = [...view.range(new Uint8Array(0), undefined)];
    return new Map(pairs.map((pair) => [hexOf(pair.key), hexOf(pair.value)]));
  },
  cutsAnswers: true,
});
