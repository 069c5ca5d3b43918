// Datagrams that made no sense and sends that failed, summed up. A port on a network hears all
// sorts of things; a line per datagram would let any stranger fill the disk with our log.

import type { Clock, Log } from '../base/capabilities.ts';

const SUMMARY_MS = 60_000;

export class Refusals {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #event: string;
  readonly #counts = new Map<string, { count: number; example: string }>();
  #lastSummaryMs = Number.NEGATIVE_INFINITY;

  constructor(event: string, ports: { readonly clock: Clock; readonly log: Log }) {
    this.#event = event;
    this.#clock = ports.clock;
    this.#log = ports.log;
  }

  /** `peer` of the last one is kept as the example. */
  note(reason: string, peer: string): void {
    const entry = this.#counts.get(reason);
    if (entry === undefined) this.#counts.set(reason, { count: 1, example: peer });
    else {
      entry.count += 1;
      entry.example = peer;
    }
  }

  /** Called once per round: a line per reason, the first at once, then at most one a minute. */
  maybeSummarise(): void {
    if (this.#counts.size === 0) return;
    const now = this.#clock.monotonicMs();
    if (now - this.#lastSummaryMs < SUMMARY_MS) return;
    this.#lastSummaryMs = now;
    for (const [reason, { count, example }] of this.#counts) {
      this.#log.warn(this.#event, { reason, count, lastFrom: example });
    }
    this.#counts.clear();
  }
}
