// A write that gossip refuses, said so that the caller knows which parameter it was and why.

import { ParleyError } from '../base/errors.ts';
import type { WriteRefusal } from '../core/gossip/index.ts';

interface Explanation {
  readonly parameter: 'key' | 'value';
  readonly why: string;
  readonly advice?: string;
}

const EXPLANATIONS: Record<WriteRefusal, Explanation> = {
  keyNotWellFormed: { parameter: 'key', why: 'holds half a surrogate pair, which is no text' },
  valueNotWellFormed: { parameter: 'value', why: 'holds half a surrogate pair, which is no text' },
  keyStartsNonAscii: {
    parameter: 'key',
    why: 'begins with a character outside ASCII, which stops other implementations of the protocol',
    advice: 'Put an ASCII character in front.',
  },
  keyTooLong: { parameter: 'key', why: 'is too long' },
  valueTooLong: {
    parameter: 'value',
    why: 'is too long for gossip',
    advice: 'Gossip carries small facts; keep the text elsewhere and gossip where it is.',
  },
  tooManyKeys: {
    parameter: 'key',
    why: 'would be one more key than a member can have',
    advice: 'Delete keys that are no longer needed; they count until their grace is over.',
  },
  stateFull: {
    parameter: 'value',
    why: 'does not fit the memory kept for the state of the cluster',
    advice: 'Delete keys that are no longer needed.',
  },
  versionsExhausted: {
    parameter: 'key',
    why: 'cannot be written any more, because this member has used up its version numbers',
    advice: 'Restart the member.',
  },
};

export function explainRefusal(reason: WriteRefusal, limit: number | undefined): ParleyError {
  const { parameter, why, advice } = EXPLANATIONS[reason];
  const bound = limit === undefined ? '' : ` (at most ${limit}${unitOf(reason)})`;
  return new ParleyError('E_BAD_PARAMETER', `the ${parameter} ${why}${bound}.`, {
    subject: parameter,
    ...(advice === undefined ? {} : { advice }),
  });
}

function unitOf(reason: WriteRefusal): string {
  return reason === 'tooManyKeys' ? ' keys' : ' bytes';
}
