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
  fc.constant({ kind: 'always' as const }),
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
    low: key,
    high: fc.option(key, { nil: undefined }),
    limit: fc.integer({ min: 1, max: 9 }),
  }),
);
const hexOf = (of: Uint8Array): string => Buffer.from(of).toString('hex');

machineContract('key-value', {
  machine: kvMachine,
  first: { version: 1, limits: { keyBytesMax: 1_024, valueBytesMax: 131_072 } },
  commands: command.map(encodeKvCommand),
  questions: question.map(encodeKvQuery),
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
