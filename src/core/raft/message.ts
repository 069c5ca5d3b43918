// How messages are made: through one literal, so that the engine sees one shape.

import { decodeConfChange } from './confchange-codec.ts';
import { isConsistent } from './config-change.ts';
import { NO_ENTRIES } from './entries.ts';
import type { Message, MessageKind, NodeId } from './types.ts';

/** A message that its maker still fills in. Nobody else holds it before it is posted. */
export type Draft = { -readonly [Field in keyof Message]: Message[Field] };

/** Leaves room to count on: from here, terms grow by one per election. */
const TERM_MAX = 2 ** 52;

const NO_MESSAGES: readonly Message[] = [];

export function draftMessage(kind: MessageKind, from: NodeId, to: NodeId, term: number): Draft {
  return {
    kind,
    from,
    to,
    term,
    logTerm: 0,
    index: 0,
    entries: NO_ENTRIES,
    commit: 0,
    commitTerm: 0,
    vote: 0,
    reject: false,
    rejectHint: 0,
    context: 0,
    forced: false,
    priority: 0,
    snapshot: undefined,
    responses: NO_MESSAGES,
  };
}

/** Fields that must be counters for anything else to make sense; decoders give nothing less. */
export function hasPlausibleNumbers(message: Message): boolean {
  return (
    isCounter(message.term) &&
    message.term <= TERM_MAX &&
    isCounter(message.index) &&
    isCounter(message.logTerm) &&
    isCounter(message.commit) &&
    isCounter(message.commitTerm) &&
    isCounter(message.rejectHint) &&
    isCounter(message.context)
  );
}

/**
 * [R13] The entries of an append follow the one before them without a hole, their terms do not
 * fall, and none is newer than the term it is sent in. A config change that cannot be read is not
 * let in: once it is durable here the shard would stop at it, after every start again.
 */
export function hasPlausibleEntries(message: Message): boolean {
  let term = message.logTerm;
  let index = message.index;
  for (const entry of message.entries) {
    if (entry.index !== index + 1 || entry.term < term) return false;
    const { kind, payload } = entry;
    if (kind !== 'normal' && decodeConfChange(kind, payload) === undefined) return false;
    index = entry.index;
    term = entry.term;
  }
  return term <= message.term && Number.isSafeInteger(index);
}

/** [R36] A snapshot is of the past, and its config one that could be in force. */
export function hasPlausibleSnapshot({ snapshot, term }: Message): boolean {
  if (snapshot === undefined) return false;
  if (!Number.isSafeInteger(snapshot.index) || snapshot.index < 1) return false;
  if (!isCounter(snapshot.term) || snapshot.term < 1 || snapshot.term > term) return false;
  return isConsistent(snapshot.confState);
}

function isCounter(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
