// Watches that the other ends of connections live.

import { FRAME } from './frame.ts';
import type { PeerOptions } from './options.ts';
import type { Wire } from './wire.ts';

export class Vigil {
  readonly #options: PeerOptions;
  #tickedMs: number;
  /** Silence counts from here at the earliest. */
  #awakeMs: number;

  constructor(options: PeerOptions, nowMs: number) {
    this.#options = options;
    this.#tickedMs = nowMs;
    this.#awakeMs = nowMs;
  }

  /** Before a round of `watch`, which comes every `pingMs`. */
  tick(nowMs: number): void {
    // [T7] This process slept: it sent no pings and read no answers, so the silence is its own.
    if (nowMs - this.#tickedMs > this.#options.silentMs / 2) this.#awakeMs = nowMs;
    this.#tickedMs = nowMs;
  }

  /** Cuts what is silent for too long. `asks`: this side dialled, so it asks for signs of life. */
  watch(wire: Wire, nowMs: number, asks: boolean): void {
    const { pingMs, silentMs, helloTimeoutMs, unreadMs } = this.#options;
    if (!wire.isOpen) {
      const waitedMs = nowMs - Math.max(wire.openedMs, this.#awakeMs);
      if (waitedMs > helloTimeoutMs) wire.cut('no greeting in time');
      return;
    }
    if (wire.unreadMs(nowMs, this.#awakeMs) > unreadMs) return wire.cut('nothing is read');
    // Nothing is heard of a side that this one does not listen to.
    if (wire.isPaused) return;
    if (nowMs - Math.max(wire.heardMs, this.#awakeMs) > silentMs) wire.cut('silent');
    // Half a period: an answer that came just after the last round must not put off the next ping.
    else if (asks && nowMs - wire.heardMs >= pingMs / 2) wire.sendEmpty(FRAME.ping, 0, 0);
  }
}
