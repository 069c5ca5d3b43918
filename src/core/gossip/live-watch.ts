// Tells watchers when the set of live nodes or the state of one of them has changed. Heartbeats
// alone are no change, and neither is the purge of keys: what counts is who is live, and at which
// version [G35].

import { grown, LIFE } from './columns.ts';
import type { Roster } from './roster.ts';
import type { LiveListener, LiveSnapshot, NodeView, Subscription } from './types.ts';

export class LiveWatch {
  readonly #roster: Roster;
  readonly #predicate: ((node: NodeView) => boolean) | undefined;
  readonly #listeners = new Set<LiveListener>();
  /** Max version + 1 by slot as last published, 0 for a node that was not live then. */
  #published = new Float64Array();
  #snapshot: LiveSnapshot = { nodes: [] };

  constructor(roster: Roster, predicate: ((node: NodeView) => boolean) | undefined) {
    this.#roster = roster;
    this.#predicate = predicate;
  }

  /** Calls the listener with what was published last (nothing at first), then at every change. */
  watch(listener: LiveListener): Subscription {
    this.#listeners.add(listener);
    listener(this.#snapshot);
    return { unsubscribe: () => this.#listeners.delete(listener) };
  }

  maybePublish(): void {
    if (!this.#noteChanges()) return;
    const { states } = this.#roster.order();
    const { life } = this.#roster.columns;
    const live = states.filter((state) => life[state.slot] === LIFE.live);
    const predicate = this.#predicate;
    this.#snapshot = { nodes: predicate === undefined ? live : live.filter(predicate) };
    for (const listener of this.#listeners) listener(this.#snapshot);
  }

  #noteChanges(): boolean {
    const { capacity, life, max } = this.#roster.columns;
    if (this.#published.length < capacity) this.#published = grown(this.#published, capacity);
    let changed = false;
    for (const slot of this.#roster.order().slots) {
      const present = life[slot] === LIFE.live ? (max[slot] as number) + 1 : 0;
      if (this.#published[slot] === present) continue;
      this.#published[slot] = present;
      changed = true;
    }
    return changed;
  }
}
