// Makes the replicas of a member out of capabilities: the log, the store, the connections to peers,
// the host of the shards, and the server that answers requests to them.

import type { Capabilities, Events, Stream, StreamHandler } from '../base/capabilities.ts';
import { ParleyError } from '../base/errors.ts';
import type { ShardMachine } from '../core/machine.ts';
import type { Store, StoreEvents, StoreOpening } from '../engine/store/index.ts';
import { type MemberId, openPeers, type PeerEvent, type Peers } from '../engine/transport/index.ts';
import { type ShardId, Wal, type WalEvent } from '../engine/wal/index.ts';
import { FeedHub } from '../replica/feed/index.ts';
import { FEATURE_HIBERNATION, Host, type HostEvent } from '../replica/host/index.ts';
import { Gateway, RequestServer } from '../replica/requests/index.ts';
import {
  openStateStore,
  PeerMemory,
  type StateStore,
  type StateStoreOptions,
} from '../replica/state/index.ts';
import { ClosingStack } from './closing-stack.ts';
import { DEFAULT_WAL } from './data-plane-numbers.ts';
import { claimDirectory } from './directory-owner.ts';
import { ReplicaPeers } from './replica-peers.ts';
import { FEATURES_ALL, type PeerSetting, type ReplicaSettings } from './replica-settings.ts';

/** [H96] */
export type MemberEvent = WalEvent | PeerEvent | HostEvent;

export interface MemberReplicasParts {
  readonly capabilities: Capabilities;
  /** `directory` is where its files belong, below the root of the member's disk. */
  readonly openStore: (directory: string, events: StoreEvents) => Promise<StoreOpening>;
  readonly machineOf: (shard: ShardId) => ShardMachine;
  /** The process must stop: what is on disk is sound, this run of the member is not. Once. */
  readonly onFatal: (reason: string) => void;
  /** [H96] Whoever watches the member from inside the process. */
  readonly events?: Events<MemberEvent> | undefined;
  /** Limits that shards begin with, for simulations: alike on all members. */
  readonly sessions?: StateStoreOptions['sessions'];
  readonly rules?: StateStoreOptions['rules'];
}

export class MemberReplicas {
  readonly host: Host;
  /** The way to any shard, for everybody inside this member. */
  readonly gateway: Gateway;
  readonly peers: Peers;
  readonly wal: Wal;
  readonly store: Store;
  readonly #roster: ReplicaPeers;
  readonly #states: StateStore;
  readonly #opened: ClosingStack;

  /**
   * Opens everything that takes part in replication, or rejects with a `ParleyError` whose line is
   * fit for a terminal. `settings` have been checked and the directory is locked.
   */
  static async open(
    parts: MemberReplicasParts,
    settings: ReplicaSettings,
  ): Promise<MemberReplicas> {
    const opened = new ClosingStack();
    try {
      return new MemberReplicas(await new Opening(parts, settings, opened).run(), opened);
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  private constructor(made: Made, opened: ClosingStack) {
    this.host = made.host;
    this.gateway = made.gateway;
    this.peers = made.peers;
    this.wal = made.wal;
    this.store = made.store;
    this.#roster = made.roster;
    this.#states = made.states;
    this.#opened = opened;
  }

  /** Takes a connection that speaks the members' protocol. */
  accept(stream: Stream): StreamHandler {
    return this.peers.accept(stream);
  }

  /** [D21] What the sessions of all shards take in memory. */
  get sessionBytes(): number {
    return this.#states.sessionBytes();
  }

  /** Sums up a shard's state: equal on members that applied the same. */
  digest(shard: ShardId): string | undefined {
    return this.#states.state(shard)?.digest();
  }

  /** Talks to `member` from now on. */
  addPeer({ member, address }: PeerSetting): void {
    this.#roster.add(member);
    this.peers.setPeer(member, address);
  }

  /** Refuses `member` from now on. */
  removePeer(member: MemberId): void {
    this.#roster.remove(member);
    this.peers.dropPeer(member);
  }

  /** Answers those who wait, then lets go of everything. Harmless when called again. */
  close(): Promise<void> {
    return this.#opened.close();
  }
}

interface Made {
  readonly host: Host;
  readonly gateway: Gateway;
  readonly peers: Peers;
  readonly wal: Wal;
  readonly store: Store;
  readonly states: StateStore;
  readonly roster: ReplicaPeers;
}

/** The steps of opening. */
class Opening {
  readonly #parts: MemberReplicasParts;
  readonly #settings: ReplicaSettings;
  readonly #opened: ClosingStack;
  #isFailed = false;

  constructor(parts: MemberReplicasParts, settings: ReplicaSettings, opened: ClosingStack) {
    this.#parts = parts;
    this.#settings = settings;
    this.#opened = opened;
  }

  async run(): Promise<Made> {
    const { capabilities, events, machineOf } = this.#parts;
    const { clock, random, log } = capabilities;
    const { clusterId, member, peers: peerSettings, shards, directory } = this.#settings;
    const refusal = await claimDirectory(capabilities.disk, directory, { clusterId, member });
    if (refusal !== undefined) throw refusal;
    const wal = await this.#openWal();
    const store = await this.#openStore();
    const feed = new FeedHub();
    const states = this.#openStates(store, feed);
    const roster = new ReplicaPeers(
      new PeerMemory(store),
      peerSettings.map((peer) => peer.member),
    );
    const identity = {
      clusterId,
      member,
      incarnation: wal.incarnation,
      features: this.#settings.features ?? FEATURES_ALL,
    };
    const peers = openPeers({ ...capabilities, events }, { hello: identity }, roster);
    this.#opened.add(() => peers.close());
    const host = new Host(
      {
        member,
        clock,
        random,
        log,
        events,
        wal,
        store,
        states,
        feed,
        peers,
        limits: this.#settings.snapshots ?? {},
        onFatal: (reason) => this.#fail(reason),
      },
      // What it does not say in its greetings it does not do either.
      { hibernation: (identity.features & FEATURE_HIBERNATION) !== 0, ...this.#settings.host },
    );
    const gateway = new Gateway({ member, clock, host, peers, feed: host });
    this.#opened.add(async () => {
      // What the host says is definite; the gateway only knows that it does not know.
      await host.stop();
      gateway.close();
    });
    roster.connect({ host, requests: new RequestServer(gateway) });
    for (const { shard, founders } of shards) {
      host.openShard({ shard, founders, machine: machineOf(shard) });
    }
    for (const { member: peer, address } of peerSettings) peers.setPeer(peer, address);
    return { host, gateway, peers, wal, store, states, roster };
  }

  async #openWal(): Promise<Wal> {
    const { capabilities, events } = this.#parts;
    const opened = await Wal.open(
      { ...capabilities, events },
      {
        ...DEFAULT_WAL,
        // Peers have the entries: the host fetches them again.
        onDamage: this.#settings.peers.length > 0 ? 'markHoles' : 'refuse',
        ...this.#settings.wal,
        directory: this.#below('wal'),
        onFailure: ({ reason }) => this.#fail(`The log has stopped: ${reason}`),
      },
    );
    if (opened.kind === 'refused') throw new ParleyError('E_DATA', opened.message);
    this.#opened.add(() => opened.wal.close());
    return opened.wal;
  }

  async #openStore(): Promise<Store> {
    const opened = await this.#parts.openStore(this.#below('store'), {
      onDurable: () => {},
      onFailure: (reason) => this.#fail(`The store has stopped: ${reason}`),
    });
    if (opened.kind === 'refused') throw new ParleyError('E_DATA', opened.message);
    this.#opened.add(() => opened.store.close());
    return opened.store;
  }

  #openStates(store: Store, feed: FeedHub): StateStore {
    const { clock, random } = this.#parts.capabilities;
    const { rules, sessions = {} } = this.#parts;
    const surroundings = rules === undefined ? { sessions } : { rules };
    const opened = openStateStore({ store, clock, random, feed, ...surroundings });
    if (opened.kind === 'refused') throw new ParleyError('E_DATA', opened.message);
    this.#opened.add(() => opened.states.close());
    return opened.states;
  }

  #below(name: string): string {
    const { directory } = this.#settings;
    return directory === '' ? name : `${directory}/${name}`;
  }

  #fail(reason: string): void {
    if (this.#isFailed) return;
    this.#isFailed = true;
    this.#parts.onFatal(reason);
  }
}
