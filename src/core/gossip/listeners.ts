// Listeners to keys by prefix. Changes are queued while a message is worked on and delivered once
// the state is whole again, so a listener may read and write what it likes [G25][G34].

import type { GossipId, KeyListener, Subscription } from './types.ts';

interface Change {
  readonly key: string;
  readonly value: string;
  readonly owner: GossipId;
  readonly version: number;
}

interface Registration {
  readonly prefix: string;
  readonly listener: KeyListener;
}

export class Listeners {
  readonly #registrations = new Set<Registration>();
  #queue: Change[] = [];
  #delivering = false;

  subscribe(prefix: string, listener: KeyListener): Subscription {
    const registration = { prefix, listener };
    this.#registrations.add(registration);
    return { unsubscribe: () => this.#registrations.delete(registration) };
  }

  /** A visible entry was stored. */
  note(change: Change): void {
    if (this.#registrations.size > 0) this.#queue.push(change);
  }

  /** Calls the listeners. Changes that they cause themselves are delivered after these. */
  deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      while (this.#queue.length > 0) {
        const changes = this.#queue;
        this.#queue = [];
        for (const change of changes) this.#deliverOne(change);
      }
    } finally {
      this.#delivering = false;
    }
  }

  #deliverOne(change: Change): void {
    for (const { prefix, listener } of this.#registrations) {
      if (!change.key.startsWith(prefix)) continue;
      listener({ ...change, key: change.key.slice(prefix.length) });
    }
  }
}
