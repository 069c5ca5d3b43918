// Turns what gossip believes after each round into events that people read in a log.

import { unreachable } from '../base/assert.ts';

/** What a round left us believing about one member. */
export type Standing = 'live' | 'dead' | 'leaving';

export type ChangeKind =
  /** Live for the first time. */
  | 'joined'
  /** Was live, is silent. */
  | 'died'
  /** Was live, said goodbye. */
  | 'left'
  /** Was dead, is live again. */
  | 'returned'
  /** Forgotten: its state and its name are gone. */
  | 'purged';

export interface Change<Id> {
  readonly kind: ChangeKind;
  readonly id: Id;
}

/** Members that were never seen alive (a rumour of a dead run) make no event at all. */
export class MemberChanges<Id> {
  readonly #known = new Map<string, { readonly id: Id; alive: boolean }>();

  /** `current` holds every member known now, except the observer itself, by a unique name. */
  observe(current: ReadonlyMap<string, { id: Id; standing: Standing }>): Change<Id>[] {
    const changes: Change<Id>[] = [];
    for (const [name, { id, standing }] of current) {
      const kind = this.#transition(name, id, standing);
      if (kind !== undefined) changes.push({ kind, id });
    }
    if (this.#known.size > 0) {
      for (const [name, { id }] of this.#known) {
        if (current.has(name)) continue;
        this.#known.delete(name);
        changes.push({ kind: 'purged', id });
      }
    }
    return changes;
  }

  #transition(name: string, id: Id, standing: Standing): ChangeKind | undefined {
    const before = this.#known.get(name);
    if (before === undefined) {
      if (standing !== 'live') return undefined;
      this.#known.set(name, { id, alive: true });
      return 'joined';
    }
    const wasAlive = before.alive;
    before.alive = standing === 'live';
    if (wasAlive === before.alive) return undefined;
    switch (standing) {
      case 'live':
        return 'returned';
      case 'dead':
        return 'died';
      case 'leaving':
        return 'left';
      default:
        return unreachable(standing);
    }
  }
}
