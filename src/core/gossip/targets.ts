// Whom to gossip with in a round: some live nodes, at times a dead one, at times a seed. Drawn by
// address, because a node that restarted is known under two ids at one address.

import type { Random } from '../../base/capabilities.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { LIFE } from './columns.ts';
import { type Roster, SELF_SLOT } from './roster.ts';

export class Targets {
  readonly #roster: Roster;
  readonly #random: Random;
  #epoch = -1;
  /** Distinct addresses, the own one never among them. Their order is that of earlier draws. */
  #peers: SocketAddress[] = [];
  #live: SocketAddress[] = [];
  #dead: SocketAddress[] = [];

  constructor(roster: Roster, random: Random) {
    this.#roster = roster;
    this.#random = random;
  }

  /** Addresses to send a SYN to, each once [G33]. */
  pick(seeds: readonly SocketAddress[], fanOut: number): readonly SocketAddress[] {
    this.#refresh();
    const own = this.#roster.self.id.address;
    const seedSet = new Set(seeds);
    seedSet.delete(own);
    const live = this.#live.length;
    const dead = this.#dead.length;
    const picks = new Set(this.pickLive(fanOut));
    const metSeed = [...picks].some((address) => seedSet.has(address));
    if (dead / (live + 1) > this.#random.unit()) picks.add(this.#one(this.#dead));
    if (seedSet.size > 0 && (!metSeed || live < seedSet.size)) {
      const chance = seedSet.size / (live + dead);
      if (live === 0 || this.#random.unit() <= chance) picks.add(this.#one([...seedSet]));
    }
    return [...picks];
  }

  /** Up to `count` live addresses, or any known ones while none is live. */
  pickLive(count: number): readonly SocketAddress[] {
    this.#refresh();
    const from = this.#live.length > 0 ? this.#live : this.#peers;
    const drawn = Math.min(count, from.length);
    // The beginning of a shuffle: each draw goes to the front and out of the way of the next.
    for (let i = 0; i < drawn; i++) {
      const j = i + this.#random.below(from.length - i);
      const chosen = from[j] as SocketAddress;
      from[j] = from[i] as SocketAddress;
      from[i] = chosen;
    }
    return from.slice(0, drawn);
  }

  #one(addresses: readonly SocketAddress[]): SocketAddress {
    return addresses[this.#random.below(addresses.length)] as SocketAddress;
  }

  #refresh(): void {
    if (this.#epoch === this.#roster.lifeEpoch) return;
    this.#epoch = this.#roster.lifeEpoch;
    const { life } = this.#roster.columns;
    const own = this.#roster.self.id.address;
    const others = this.#roster
      .order()
      .states.filter(({ slot, id }) => slot !== SELF_SLOT && id.address !== own);
    const addressesOf = (wanted: number): SocketAddress[] => {
      const states = others.filter(({ slot }) => life[slot] === wanted);
      return [...new Set(states.map(({ id }) => id.address))];
    };
    this.#peers = [...new Set(others.map(({ id }) => id.address))];
    this.#live = addressesOf(LIFE.live);
    this.#dead = addressesOf(LIFE.dead);
  }
}
