// Messages that need not be sent because more of the same follows in the same turn.

import type { Message } from '../../core/raft/index.ts';

/**
 * Whether a later message to the same peer says all that this one does, and more: an append that
 * only tells the commit index, before one with entries; an acknowledgement before another one. To
 * leave it out is as harmless as its loss.
 */
export function isRedundant(messages: readonly Message[], at: number): boolean {
  const { entries, index, kind, reject, term, to } = messages[at] as Message;
  if (reject || entries.length > 0 || (kind !== 'append' && kind !== 'appendResponse')) {
    return false;
  }
  for (let i = at + 1; i < messages.length; i++) {
    const later = messages[i] as Message;
    if (later.kind !== kind || later.to !== to || later.reject) continue;
    if (later.term === term && later.index >= index) return true;
  }
  return false;
}
