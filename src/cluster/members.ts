// The gossip shell: the pure core in src/core/gossip decides everything, this gives it time,
// datagrams and seeds, and tells people in the log what came of it.

import { unreachable } from '../base/assert.ts';
import type { Capabilities, DatagramSocket, Log } from '../base/capabilities.ts';
import { ParleyError } from '../base/errors.ts';
import type { SocketAddress } from '../base/ids.ts';
import {
  type Gossip,
  type GossipId,
  type KeyListener,
  LEAVING_KEY,
  type LiveListener,
  type NodeView,
  type Outgoing,
  type Subscription,
  type WonKey,
  type WriteOutcome,
} from '../core/gossip/index.ts';
import { type Change, type ChangeKind, MemberChanges, type Standing } from './changes.ts';
import { JoiningWatch } from './joining-watch.ts';
import { Refusals } from './refusals.ts';
import { Rounds } from './rounds.ts';
import type { Seeds } from './seeds.ts';
import { explainRefusal } from './write-refusal.ts';

/** Keys that members set themselves; setting one by hand could declare a live member gone. */
const RESERVED_PREFIX = 'parley.';
/** What members say of themselves, and the names in the classic state that no key can have. */
const RESERVED_KEYS: ReadonlySet<string> = new Set([
  'service',
  'ready',
  'node_states',
  'seed_addrs',
]);

/** How long a leaving member waits for peers to fetch its goodbye. */
const LEAVE_WAIT_MS = 300;
/** The last datagram is handed to the system; this lets it go before the socket closes. */
const FLUSH_MS = 20;

/** What the edges may ask of a member. */
export interface ClusterPort {
  view(): ClusterView;
  /**
   * Of the keys that live members hold, each with the value written last: up to `count` that begin
   * with `prefix` and follow `after`. None is left behind an empty page.
   */
  winnersPage(prefix: string, after: string | undefined, count: number): readonly WonKey[];
  /**
   * Sets a key of this member. Throws `E_BAD_PARAMETER` naming the parameter, or `E_RESERVED` for a
   * key that members keep for themselves.
   */
  set(key: string, value: string): void;
  /** Deletes a key for all members, whoever set it; one that nobody has is no error. */
  delete(key: string): void;
}

export interface ClusterView {
  readonly clusterId: string;
  /** Every known member in id order. */
  readonly nodes: readonly NodeView[];
  readonly seedAddresses: readonly SocketAddress[];
  /** This member first. */
  readonly live: readonly GossipId[];
  readonly dead: readonly GossipId[];
}

export interface MembersParts {
  readonly gossip: Gossip;
  readonly socket: DatagramSocket;
  readonly seeds: Seeds;
  readonly capabilities: Capabilities;
}

export class Members implements ClusterPort {
  readonly #gossip: Gossip;
  readonly #socket: DatagramSocket;
  readonly #seeds: Seeds;
  readonly #capabilities: Capabilities;
  readonly #log: Log;
  readonly #rounds: Rounds;
  readonly #changes = new MemberChanges<GossipId>();
  readonly #refused: Refusals;
  readonly #troubles: Refusals;
  readonly #joining: JoiningWatch;
  /** While leaving: peers that still have to fetch the goodbye, and whom to tell when all have. */
  #goodbye: { readonly waiting: Set<SocketAddress>; readonly onHeard: () => void } | undefined;
  /** Sections of deltas refused so far for their versions. */
  #implausible = 0;
  #stopped = false;

  constructor(parts: MembersParts) {
    const { capabilities } = parts;
    this.#gossip = parts.gossip;
    this.#socket = parts.socket;
    this.#seeds = parts.seeds;
    this.#capabilities = capabilities;
    this.#log = capabilities.log;
    this.#rounds = new Rounds(capabilities.clock, parts.gossip.config.gossipIntervalMs, () =>
      this.#round(),
    );
    this.#refused = new Refusals('datagrams refused', capabilities);
    this.#troubles = new Refusals('datagrams not sent', capabilities);
    this.#joining = new JoiningWatch(capabilities.log, this.#now());
  }

  get self(): GossipId {
    return this.#gossip.config.self;
  }

  start(): void {
    this.#rounds.start();
  }

  // --- what edges ask ---------------------------------------------------------------------------

  view(): ClusterView {
    const gossip = this.#gossip;
    return {
      clusterId: gossip.config.clusterId,
      nodes: gossip.nodes(),
      seedAddresses: this.#seeds.addresses,
      live: gossip.liveNodes(),
      dead: gossip.deadNodes(),
    };
  }

  winnersPage(prefix: string, after: string | undefined, count: number): readonly WonKey[] {
    return this.#gossip.winnersPage(prefix, after, count);
  }

  set(key: string, value: string): void {
    refuseReserved(key);
    settle(this.#gossip.set(key, value, this.#tellTime()));
  }

  delete(key: string): void {
    refuseReserved(key);
    settle(this.#gossip.delete(key, this.#tellTime()));
  }

  /** Hears of every key with `prefix` that any member sets. */
  subscribe(prefix: string, listener: KeyListener): Subscription {
    return this.#gossip.subscribe(prefix, listener);
  }

  watchLive(listener: LiveListener): Subscription {
    return this.#gossip.watchLive(listener);
  }

  // --- datagrams and time -----------------------------------------------------------------------

  receive(bytes: Uint8Array, from: SocketAddress): void {
    if (this.#stopped) return;
    const outcome = this.#gossip.receive(bytes, from, this.#now());
    if (outcome.kind === 'refused') {
      this.#refused.note(outcome.reason, from);
      return;
    }
    if (outcome.type === 'badCluster') this.#refused.note('peer is of another cluster', from);
    else this.#joining.noteMessage();
    this.#noteImplausible(from);
    if (outcome.reply !== undefined) this.#socket.send(outcome.reply, from);
    if (outcome.type === 'synAck') this.#noteGoodbyeFetched(from);
  }

  /** A lie, or a clock that is years off: on one side or the other keys do not arrive. */
  #noteImplausible(from: SocketAddress): void {
    const { sectionsImplausible } = this.#gossip.metrics();
    if (sectionsImplausible === this.#implausible) return;
    this.#implausible = sectionsImplausible;
    this.#refused.note('keys from years after this clock', from);
  }

  /** The socket could not send or receive; it goes on by itself. */
  noteTrouble(reason: string, peer: SocketAddress | undefined): void {
    if (!this.#stopped) this.#troubles.note(reason, peer ?? 'unknown');
  }

  #round(): void {
    const now = this.#tellTime();
    const { addresses } = this.#seeds;
    this.#send(this.#gossip.round(now, addresses));
    for (const change of this.#changes.observe(this.#standings())) this.#logChange(change);
    const seeds = addresses.filter((address) => address !== this.self.address);
    this.#joining.observe(now, seeds, this.#gossip.nodes());
    this.#refused.maybeSummarise();
    this.#troubles.maybeSummarise();
  }

  #send(outgoing: readonly Outgoing[]): void {
    for (const { to, bytes } of outgoing) this.#socket.send(bytes, to);
  }

  #now(): number {
    return this.#capabilities.clock.monotonicMs();
  }

  /** The time, after gossip was told what the wall clock says: versions of writes go by it. */
  #tellTime(): number {
    const now = this.#now();
    this.#gossip.noteWallTime(this.#capabilities.clock.wallMs(), now);
    return now;
  }

  #standings(): Map<string, { id: GossipId; standing: Standing }> {
    const standings = new Map<string, { id: GossipId; standing: Standing }>();
    const self = this.self;
    for (const node of this.#gossip.nodes()) {
      const { id } = node;
      if (id.nodeId === self.nodeId && id.generation === self.generation) continue;
      const silent = node.contains(LEAVING_KEY) ? 'leaving' : 'dead';
      const standing = node.state === 'live' ? 'live' : silent;
      standings.set(`${id.nodeId}\0${id.generation}\0${id.address}`, { id, standing });
    }
    return standings;
  }

  #logChange({ kind, id }: Change<GossipId>): void {
    const fields = {
      member: id.nodeId,
      address: id.address,
      generation: id.generation,
      live: this.#gossip.liveNodes().length,
    };
    if (kind === 'died') this.#log.warn(EVENTS[kind], fields);
    else this.#log.info(EVENTS[kind], fields);
  }

  // --- the end ----------------------------------------------------------------------------------

  /**
   * Says goodbye and closes. A goodbye is a key, and peers fetch keys by a three-way exchange: so
   * the socket goes on answering until the peers that were called have fetched it, or for a short
   * while when some do not answer.
   */
  async leave(reason: string): Promise<void> {
    if (this.#stopped) return;
    this.#rounds.stop();
    this.#seeds.stop();
    const calls = this.#gossip.leave(reason, this.#tellTime());
    if (calls.length > 0) {
      const { clock } = this.#capabilities;
      await new Promise<void>((resolve) => {
        const patience = clock.setTimer(LEAVE_WAIT_MS, resolve);
        const onHeard = (): void => {
          patience.cancel();
          resolve();
        };
        // Each is sent two messages: the goodbye, and a question that it answers.
        this.#goodbye = { waiting: new Set(calls.map(({ to }) => to)), onHeard };
        this.#send(calls);
      });
      await new Promise<void>((resolve) => {
        clock.setTimer(FLUSH_MS, resolve);
      });
    }
    this.#stopped = true;
    await this.#socket.close();
  }

  #noteGoodbyeFetched(by: SocketAddress): void {
    if (this.#goodbye === undefined) return;
    this.#goodbye.waiting.delete(by);
    if (this.#goodbye.waiting.size === 0) this.#goodbye.onHeard();
  }
}

const EVENTS: Record<ChangeKind, string> = {
  joined: 'member joined',
  died: 'member died',
  left: 'member left',
  returned: 'member returned',
  purged: 'member forgotten',
};

function refuseReserved(key: string): void {
  if (!key.startsWith(RESERVED_PREFIX) && !RESERVED_KEYS.has(key)) return;
  throw new ParleyError('E_RESERVED', `the key "${key}" is one that members keep for themselves.`, {
    subject: 'key',
    advice: 'Choose another name.',
  });
}

function settle(outcome: WriteOutcome): void {
  switch (outcome.kind) {
    case 'written':
    case 'unchanged':
    case 'unknownKey':
      return;
    case 'refused':
      throw explainRefusal(outcome.reason, outcome.limit);
    default:
      unreachable(outcome);
  }
}
