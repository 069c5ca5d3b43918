// Config changes as entry payloads. Integers are little-endian.
//
//   confChange    =  change context
//   confChangeV2  =  empty | transition(u8) count(u16) change* context
//   change        =  kind(u8) node(u64)
//   context       =  the remaining bytes
//
// An empty confChangeV2 leaves the joint config. It costs no payload, so that no limit refuses it.

import { assert } from '../../base/assert.ts';
import { ByteReader, ByteWriter, SAFE_MAX } from '../../base/bytes.ts';
import { isLeaveJoint } from './config-change.ts';
import type { ConfChange, EntryKind, NodeChange, NodeChangeKind, Transition } from './types.ts';

const CHANGE_KINDS: readonly NodeChangeKind[] = ['addVoter', 'remove', 'update', 'addLearner'];
const TRANSITIONS: readonly Transition[] = ['auto', 'implicit', 'explicit'];
const CHANGE_BYTES = 9;
const CHANGES_MAX = 0xffff;
const NO_BYTES = new Uint8Array(0);

export const LEAVE_JOINT: ConfChange = {
  version: 2,
  transition: 'auto',
  changes: [],
  context: NO_BYTES,
};

export function confChangeEntryKind(change: ConfChange): 'confChange' | 'confChangeV2' {
  return change.version === 1 ? 'confChange' : 'confChangeV2';
}

/** The payload; undefined if `change` breaks the rules of its version. */
export function encodeConfChange(change: ConfChange): Uint8Array | undefined {
  const { version, transition, changes, context } = change;
  if (!isWellFormed(change)) return undefined;
  if (isLeaveJoint(change) && context.length === 0) return NO_BYTES;
  const head = version === 2 ? 3 : 0;
  const writer = new ByteWriter(head + changes.length * CHANGE_BYTES + context.length);
  if (version === 2) {
    writer.u8(TRANSITIONS.indexOf(transition));
    writer.u16le(changes.length);
  }
  for (const { kind, node } of changes) {
    writer.u8(CHANGE_KINDS.indexOf(kind));
    writer.u64le(node);
  }
  writer.append(context);
  assert(writer.length === writer.bytesMax, 'the size of a change is known beforehand');
  return writer.copy();
}

/** The change in a config change entry; undefined if its payload is none. */
export function decodeConfChange(kind: EntryKind, payload: Uint8Array): ConfChange | undefined {
  if (kind === 'normal') return undefined;
  const version = kind === 'confChange' ? 1 : 2;
  if (version === 2 && payload.length === 0) return LEAVE_JOINT;
  const reader = new ByteReader(payload);
  const transition = version === 1 ? 'auto' : TRANSITIONS[reader.u8()];
  const count = version === 1 ? 1 : reader.u16le();
  const changes: NodeChange[] = [];
  for (let i = 0; i < count && !reader.failed; i++) {
    const changeKind = CHANGE_KINDS[reader.u8()];
    const node = reader.u64le();
    if (changeKind === undefined) return undefined;
    changes.push({ kind: changeKind, node });
  }
  if (reader.failed || transition === undefined) return undefined;
  const context = reader.take(reader.remaining);
  const change: ConfChange = { version, transition, changes, context };
  // To leave without a context has a form of its own: one change, one encoding.
  if (isLeaveJoint(change) && context.length === 0) return undefined;
  return isWellFormed(change) ? change : undefined;
}

/** A joint config is asked for by what it changes: without changes there is only leaving. */
function isWellFormed({ version, transition, changes }: ConfChange): boolean {
  if (changes.length > CHANGES_MAX) return false;
  if (!changes.every(({ node }) => Number.isSafeInteger(node) && node >= 0 && node < SAFE_MAX)) {
    return false;
  }
  if (version === 1) return changes.length === 1 && transition === 'auto';
  return changes.length > 0 || transition === 'auto';
}
