// Makes the replicas of a member out of capabilities: the log, the store, the connections to peers,
// the host of the shards, and whoever answers requests to them.

import type {
  Capabilities,
  DiskLock,
  Stream,
  StreamHandler,
  StreamListener,
} from '../base/capabilities.ts';
import { ParleyError } from '../base/errors.ts';
import type { SocketAddress } from '../base/ids.ts';
import type { ShardMachine } from '../core/machine.ts';
import type { Store, StoreEvents, StoreOpening } from '../engine/store/index.ts';
import { type MemberId, openPeers, type Peers } from '../engine/transport/index.ts';
import { type ShardId, Wal } from '../engine/wal/index.ts';
import { FEATURE_HIBERNATION, Host } from '../replica/host/index.ts';
import { RequestServer } from '../replica/requests/index.ts';
import { openStateStore, PeerMemory, type StateStore } from '../replica/state/index.ts';
import { DEFAULT_WAL } from './data-plane-numbers.ts';
import { claimDirectory, lockDirectory } from './directory-owner.ts';
import { ReplicaPeers } from './replica-peers.ts';
import {
  FEATURES_ALL,
  type PeerSetting,
  type ReplicaSettings,
  refusalOf,
} from './replica-settings.ts';

export interface MemberReplicasParts {
  readonly capabilities: Capabilities;
  /** `directory` is where its files belong, below the root of the member's disk. */
  readonly openStore: (directory: string, events: StoreEvents) => Promise<StoreOpening>;
  readonly machineOf: (shard: ShardId) => ShardMachine;
  /** The process must stop: what is on disk is sound, this run of the member is not. Once. */
  readonly onFatal: (reason: string) => void;
  /**
   * A front door that hands on the streams of Parley's frames. Its `close` accepts no more and cuts
   * nobody, or those who wait would not hear their answers: its owner closes the door itself once
   * the member is closed. Default: a listener of its own.
   */
  readonly listen?: (onStream: (stream: Stream) => StreamHandler) => Promise<StreamListener>;
}

export type MemberReplicasOpening =
  | { readonly kind: 'opened'; readonly replicas: MemberReplicas }
  | { readonly kind: 'refused'; readonly error: ParleyError };

export class MemberReplicas {
  readonly address: SocketAddress;
  readonly host: Host;
  readonly peers: Peers;
  readonly wal: Wal;
  readonly store: Store;
  readonly #roster: ReplicaPeers;
  readonly #states: StateStore;
  readonly #listener: StreamListener;
  readonly #lock: DiskLock;
  #closing: Promise<void> | undefined;

  /**
   * Opens everything a member needs to take part, or says why not in a line fit for a terminal. The
   * lock comes first: a second process in the same directory must not get as far as the log, on
   * whatever port it would listen.
   */
  static async open(
    parts: MemberReplicasParts,
    settings: ReplicaSettings,
  ): Promise<MemberReplicasOpening> {
    const refusal = refusalOf(settings);
    if (refusal !== undefined) return { kind: 'refused', error: refusal };
    const opening = new Opening(parts, settings);
    try {
      return { kind: 'opened', replicas: new MemberReplicas(await opening.run()) };
    } catch (error) {
      await opening.undo();
      if (!(error instanceof ParleyError)) throw error;
      return { kind: 'refused', error };
    }
  }

  private constructor(made: Made) {
    this.address = made.listener.address;
    this.host = made.host;
    this.peers = made.peers;
    this.wal = made.wal;
    this.store = made.store;
    this.#roster = made.roster;
    this.#states = made.states;
    this.#listener = made.listener;
    this.#lock = made.lock;
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

  /** Answers who waits, then lets go of everything. Harmless when called again. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#listener.close();
    await this.host.stop();
    await this.peers.close();
    this.#states.close();
    await this.store.close();
    await this.wal.close();
    // If anything before this failed it may still be at work: then the lock stays with the process.
    await this.#lock.release();
  }
}

interface Made {
  readonly lock: DiskLock;
  readonly listener: StreamListener;
  readonly host: Host;
  readonly peers: Peers;
  readonly wal: Wal;
  readonly store: Store;
  readonly states: StateStore;
  readonly roster: ReplicaPeers;
}

/** The steps of opening, and the way back from each of them. */
class Opening {
  readonly #parts: MemberReplicasParts;
  readonly #settings: ReplicaSettings;
  /** What must be let go of if a later step fails, the newest last. */
  readonly #undo: (() => Promise<void>)[] = [];
  #accept: ((stream: Stream) => StreamHandler) | undefined;
  #isFailed = false;

  constructor(parts: MemberReplicasParts, settings: ReplicaSettings) {
    this.#parts = parts;
    this.#settings = settings;
  }

  async run(): Promise<Made> {
    const { capabilities, machineOf } = this.#parts;
    const { clock, random, log } = capabilities;
    const { clusterId, member, peers: peerSettings, shards, directory } = this.#settings;
    const lock = await this.#lockDirectory();
    const listener = await this.#listen();
    const refusal = await claimDirectory(capabilities.disk, directory, { clusterId, member });
    if (refusal !== undefined) throw refusal;
    const wal = await this.#openWal();
    const store = await this.#openStore();
    const states = this.#openStates(store);
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
    const peers = openPeers(capabilities, { hello: identity }, roster);
    this.#undo.push(() => peers.close());
    const host = new Host(
      {
        member,
        clock,
        random,
        log,
        wal,
        store,
        states,
        peers,
        limits: this.#settings.snapshots ?? {},
        onFatal: (reason) => this.#fail(reason),
      },
      // What it does not say in its greetings it does not do either.
      { hibernation: (identity.features & FEATURE_HIBERNATION) !== 0, ...this.#settings.host },
    );
    this.#undo.push(() => host.stop());
    const requests = new RequestServer({ member, clock, host, peers });
    roster.connect({ host, requests });
    for (const { shard, founders } of shards) {
      host.openShard({ shard, founders, machine: machineOf(shard) });
    }
    for (const { member: peer, address } of peerSettings) peers.setPeer(peer, address);
    this.#accept = (stream) => peers.accept(stream);
    return { lock, listener, host, peers, wal, store, states, roster };
  }

  async undo(): Promise<void> {
    for (const step of this.#undo.toReversed()) await step();
  }

  async #lockDirectory(): Promise<DiskLock> {
    const lock = await lockDirectory(this.#parts.capabilities.disk, this.#settings.directory);
    if (lock instanceof ParleyError) throw lock;
    this.#undo.push(() => lock.release());
    return lock;
  }

  async #listen(): Promise<StreamListener> {
    const { capabilities, listen } = this.#parts;
    const onStream = (stream: Stream): StreamHandler => {
      if (this.#accept !== undefined) return this.#accept(stream);
      // Not ready yet: the caller comes again.
      stream.destroy();
      return DEAF;
    };
    const listener =
      listen === undefined
        ? await capabilities.net.listenStreams(this.#settings.listen, onStream)
        : await listen(onStream);
    this.#undo.push(() => listener.close());
    return listener;
  }

  async #openWal(): Promise<Wal> {
    const opened = await Wal.open(this.#parts.capabilities, {
      ...DEFAULT_WAL,
      // Peers have the entries: the host fetches them again.
      onDamage: this.#settings.peers.length > 0 ? 'markHoles' : 'refuse',
      ...this.#settings.wal,
      directory: this.#below('wal'),
      onFailure: ({ reason }) => this.#fail(`The log has stopped: ${reason}`),
    });
    if (opened.kind === 'refused') throw new ParleyError('E_DATA', opened.message);
    this.#undo.push(() => opened.wal.close());
    return opened.wal;
  }

  async #openStore(): Promise<Store> {
    const opened = await this.#parts.openStore(this.#below('store'), {
      onDurable: () => {},
      onFailure: (reason) => this.#fail(`The store has stopped: ${reason}`),
    });
    if (opened.kind === 'refused') throw new ParleyError('E_DATA', opened.message);
    this.#undo.push(() => opened.store.close());
    return opened.store;
  }

  #openStates(store: Store): StateStore {
    const { clock, random } = this.#parts.capabilities;
    const opened = openStateStore({ store, clock, random });
    if (opened.kind === 'refused') throw new ParleyError('E_DATA', opened.message);
    this.#undo.push(() => Promise.resolve(opened.states.close()));
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

const DEAF: StreamHandler = {
  onData: () => {},
  onDrain: () => {},
  onEnd: () => {},
  onClose: () => {},
};
