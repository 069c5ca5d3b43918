// The reference machine keeps the contract that it is the reference for.

import fc from 'fast-check';
import { ReferenceMachine } from '../support/reference-machine.ts';
import { machineContract } from './machine.ts';

const key = fc.constantFrom('a', 'ab', 'abc', 'b', 'ba', 'c', 'tolongkey');
const value = fc.constantFrom('1', '22', '12345678', '123456789');
const utf8 = (text: string): Uint8Array => Buffer.from(text);
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

const command = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(key, value).map((words) => `put ${words.join(' ')}`) },
  {
    weight: 4,
    arbitrary: fc.tuple(key, value, fc.nat(99)).map((words) => `put ${words.join(' ')}`),
  },
  { weight: 1, arbitrary: fc.constantFrom('drop ', 'drop a', 'drop b', 'drop', 'what?') },
);
const question = fc.oneof(
  key.map((name) => `get ${name}`),
  key.map((name) => `await ${name} `),
  fc.constant('count'),
);

machineContract('reference', {
  machine: new ReferenceMachine(),
  first: { version: 1, limits: { keyChars: 8, valueChars: 8 } },
  commands: command.map(utf8),
  questions: question.map(utf8),
  beyond: { keyChars: utf8('put ninechars 1'), valueChars: utf8('put a 123456789') },
  isMalformed: (result) => textOf(result) === 'malformed',
  followed: (events) => {
    const known = new Map<string, string>();
    for (const { event, topic } of events) {
      if (event.length === 0) known.delete(textOf(topic));
      else known.set(textOf(topic), textOf(event));
    }
    return known;
  },
  observed: (view) => {
    const pairs = [...view.range(utf8('v'), utf8('w'))];
    return new Map(
      pairs.map((pair) => [textOf(pair.key).slice(1), textOf(pair.value).split(' ')[0]]),
    );
  },
  cutsAnswers: false,
});
