// Who is alive. Judged at the end of every round from the failure detector, and at once when a node
// says that it leaves.
//
//   heard --first round--> dead <--> live          a node begins unheard of or purged
//   dead  --half the grace--> scheduled (still revivable) --the whole grace--> purged   [G32]

import { LIFE } from './columns.ts';
import type { LiveWatch } from './live-watch.ts';
import type { GossipMetrics } from './metrics.ts';
import type { NodeState } from './node-state.ts';
import type { PurgedMemory } from './purged-memory.ts';
import { type Roster, SELF_SLOT } from './roster.ts';

/** A node that has this key set is on its way out: peers count it as dead at once [G36]. */
export const LEAVING_KEY = 'parley.leaving';

export class Lifecycle {
  readonly #roster: Roster;
  readonly #purged: PurgedMemory;
  readonly #watch: LiveWatch;
  readonly #metrics: GossipMetrics;
  #diedEarly = false;
  #arrivals: NodeState[] = [];

  constructor(roster: Roster, purged: PurgedMemory, watch: LiveWatch, metrics: GossipMetrics) {
    this.#roster = roster;
    this.#purged = purged;
    this.#watch = watch;
    this.#metrics = metrics;
  }

  /** The end of a round: liveness, the watch, and the purge of those dead for the whole grace. */
  evaluate(): void {
    const { detector, nowMs, columns } = this.#roster;
    const due: NodeState[] = [];
    for (const slot of this.#roster.order().slots) {
      if (slot === SELF_SLOT) continue;
      if (columns.leaving[slot] === 0 && detector.isAlive(slot, nowMs)) {
        if (columns.life[slot] !== LIFE.live) this.#revive(slot);
      } else if (columns.life[slot] !== LIFE.dead) this.#die(slot);
      else detector.forgetIntervals(slot);
      if (this.#roster.isPurgeDue(slot)) due.push(this.#roster.state(slot));
    }
    if (due.length > 0) this.#purge(due);
    this.#watch.maybePublish();
  }

  /** Publishes a death that did not wait for the round's end. */
  maybePublishDeath(): void {
    if (!this.#diedEarly) return;
    this.#diedEarly = false;
    this.#watch.maybePublish();
  }

  /** Looks whether the node has its leaving key set now; called when its entries changed. */
  noteLeaving(state: NodeState): void {
    const { columns } = this.#roster;
    const leaving = state.table.find(LEAVING_KEY)?.status === 'set';
    columns.leaving[state.slot] = leaving ? 1 : 0;
    if (!leaving || state.slot === SELF_SLOT || columns.life[state.slot] !== LIFE.live) return;
    this.#die(state.slot);
    this.#diedEarly = true;
  }

  #die(slot: number): void {
    if (this.#roster.columns.life[slot] === LIFE.live) this.#metrics.deaths += 1;
    this.#roster.becomeDead(slot);
    this.#roster.detector.forgetIntervals(slot);
  }

  #revive(slot: number): void {
    const { lived } = this.#roster.columns;
    if (lived[slot] === 1) this.#metrics.revivals += 1;
    else {
      this.#metrics.arrivals += 1;
      this.#arrivals.push(this.#roster.state(slot));
    }
    this.#roster.becomeLive(slot);
  }

  /** The nodes seen alive for the first time since the last call. */
  takeArrivals(): readonly NodeState[] {
    const arrivals = this.#arrivals;
    this.#arrivals = [];
    return arrivals;
  }

  #purge(due: readonly NodeState[]): void {
    for (const state of due) this.#purged.remember(state.idBytes, state.heartbeat);
    this.#roster.remove(due);
    this.#metrics.nodesPurged += due.length;
  }
}
