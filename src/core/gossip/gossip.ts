// The gossip core as one object: calls and datagrams in, datagrams and outcomes out. It is pure:
// time is an argument, chance and compression are ports. SPEC.md has the rules.

import { assert, must } from '../../base/assert.ts';
import { ByteWriter } from '../../base/bytes.ts';
import type { Random } from '../../base/capabilities.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import { Audits } from './audits.ts';
import { BlockReader, BlockWriter } from './block-stream.ts';
import { LIFE } from './columns.ts';
import { parseGossipConfig } from './config.ts';
import { DeltaApplier } from './delta-apply.ts';
import { DeltaParser } from './delta-reader.ts';
import { type Candidate, findCandidates, writeDelta } from './delta-writer.ts';
import { judgeReset, replaceState } from './external-reset.ts';
import { LEAVING_KEY, Lifecycle } from './lifecycle.ts';
import { Listeners } from './listeners.ts';
import { LiveWatch } from './live-watch.ts';
import {
  BODY_BYTES_MAX,
  DELTA_RESERVE_BYTES,
  encodeHeader,
  type Message,
  MessageParser,
} from './messages.ts';
import { countMessage, createMetrics, type GossipMetrics } from './metrics.ts';
import { OwnDigest } from './own-digest.ts';
import { OwnKeys } from './own-keys.ts';
import { PeerDigest } from './peer-digest.ts';
import { Pulls } from './pulls.ts';
import { PurgedMemory } from './purged-memory.ts';
import { Roster } from './roster.ts';
import { Targets } from './targets.ts';
import type {
  GossipConfig,
  GossipId,
  GossipPorts,
  KeyListener,
  LiveListener,
  MessageType,
  NodeReset,
  NodeView,
  Outgoing,
  ProtocolVersion,
  ReceiveOutcome,
  ResetOutcome,
  Subscription,
  Watermark,
  Winner,
  WonKey,
  WriteOutcome,
} from './types.ts';
import { findWinners } from './winners.ts';
import { pageOfWinners } from './winners-page.ts';

const { datagramBytesMax } = LIMITS.gossip;

/** No higher heartbeat is outbid: numbers must not run out. Others are believed all the same. */
const HEARTBEAT_FOLLOWED_MAX = 2 ** 52;

/** How far beyond a claim the own state can be when it has outbid it: a step for each entry. */
const OUTBID_STEPS_MAX = LIMITS.gossip.entriesPerNodeMax + 2;

export class Gossip {
  readonly config: GossipConfig;
  readonly #random: Random;
  readonly #allocate: (bytes: number) => Uint8Array;
  readonly #roster: Roster;
  readonly #purged = new PurgedMemory();
  readonly #metrics = createMetrics();
  readonly #listeners = new Listeners();
  readonly #watch: LiveWatch;
  readonly #lifecycle: Lifecycle;
  readonly #targets: Targets;
  readonly #ownKeys: OwnKeys;
  readonly #deltas: DeltaApplier;
  readonly #ownDigest: OwnDigest;
  readonly #peerDigest: PeerDigest;
  readonly #parser: MessageParser;
  readonly #blocks: BlockWriter;
  readonly #pulls: Pulls;
  readonly #audits: Audits;
  #catchUpDue = false;
  readonly #message = new ByteWriter(datagramBytesMax);

  /** `config` has passed `parseGossipConfig`. Initial keys are written in their order. */
  constructor(
    config: GossipConfig,
    ports: GossipPorts,
    nowMs: number,
    initialKeyValues: readonly (readonly [string, string])[] = [],
  ) {
    assert(parseGossipConfig(config).kind === 'config', 'a core starts from a parsed config');
    this.config = config;
    this.#random = ports.random;
    this.#allocate = ports.allocate ?? ((bytes) => new Uint8Array(bytes));
    this.#roster = new Roster(config, ports.random.u32(), nowMs);
    this.#watch = new LiveWatch(this.#roster, config.extraLivenessPredicate);
    this.#lifecycle = new Lifecycle(this.#roster, this.#purged, this.#watch, this.#metrics);
    this.#targets = new Targets(this.#roster, ports.random);
    this.#ownKeys = new OwnKeys(
      this.#roster,
      this.#listeners,
      this.#lifecycle,
      this.#metrics,
      config,
    );
    this.#deltas = new DeltaApplier(
      this.#roster,
      this.#ownKeys,
      this.#lifecycle,
      this.#listeners,
      this.#metrics,
    );
    this.#ownDigest = new OwnDigest(this.#roster, this.#metrics);
    this.#peerDigest = new PeerDigest(this.#roster, this.#purged, this.#metrics);
    this.#parser = new MessageParser(
      this.#peerDigest,
      new BlockReader(ports.blocks),
      new BlockReader(ports.blocks),
      new DeltaParser(ports.random.u32()),
    );
    this.#blocks = new BlockWriter(ports.blocks);
    this.#pulls = new Pulls(this.#roster);
    this.#audits = new Audits(this.#roster, this.#ownKeys.foreignDeletions);
    this.#beatHeart();
    for (const [key, value] of initialKeyValues) {
      const outcome = this.#ownKeys.write(key, value, 'set');
      assert(outcome.kind !== 'refused', 'initial keys are checked by who names them');
    }
    this.#watch.maybePublish();
  }

  // --- rounds and messages ----------------------------------------------------------------------

  /**
   * What the wall clock says at `nowMs`; called now and then, since wall clocks are set. Versions
   * of own writes go with it from now on.
   */
  noteWallTime(wallMs: number, nowMs: number): void {
    this.#roster.advanceTo(nowMs);
    this.#roster.clock.noteWall(wallMs);
  }

  /** One gossip round: the SYNs to send. Also purges, and judges who is alive. */
  round(nowMs: number, seeds: readonly SocketAddress[]): readonly Outgoing[] {
    this.#roster.advanceTo(nowMs);
    const targets = this.#targets.pick(seeds, this.config.fanOut);
    this.#beatHeart();
    this.#purgeKeys();
    this.#forgetUnsound();
    this.#ownKeys.followDeletions();
    this.#ownKeys.maybeReturnWrites();
    this.#pulls.beginRound();
    this.#audits.beginRound();
    const { foreignDeletions } = this.#ownKeys;
    const syns = this.#encodeSyns([...new Set([...targets, ...foreignDeletions.nextInquiries()])]);
    this.#lifecycle.evaluate();
    for (const state of this.#lifecycle.takeArrivals()) foreignDeletions.noteArrival(state);
    return syns;
  }

  /** A SYN to one address, outside the rounds. */
  gossipTo(address: SocketAddress, nowMs: number): Outgoing {
    this.#roster.advanceTo(nowMs);
    const [syn] = this.#encodeSyns([address]);
    assert(syn !== undefined, 'one target makes one SYN');
    return syn;
  }

  /** Never throws on input: what is not a message is refused and has no effect [G1]. */
  receive(bytes: Uint8Array, from: SocketAddress, nowMs: number): ReceiveOutcome {
    this.#roster.advanceTo(nowMs);
    const message = this.#parser.parse(bytes);
    if (message.kind === 'refused') {
      this.#metrics.refused[message.reason] += 1;
      return message;
    }
    countMessage(this.#metrics.received[message.type], bytes.length);
    if (message.trailingBytes > 0) this.#metrics.trailingBytes += 1;
    // One sign of life per delta would teach peers a pulse that the node cannot keep [G38].
    const answers = this.#pulls.isAnswer(from) || this.#audits.isAnswer(from);
    if (!answers) this.#beatHeart();
    const reply = this.#handle(message, from);
    if (this.#ownKeys.foreignDeletions.hasAnswers) this.#ownKeys.followDeletions();
    this.#tell();
    return { kind: 'handled', type: message.type, reply };
  }

  /** Callbacks come last, when the state is whole: they may call this object again. */
  #tell(): void {
    this.#lifecycle.maybePublishDeath();
    this.#listeners.deliver();
    if (!this.#catchUpDue) return;
    this.#catchUpDue = false;
    this.config.onCatchUp?.();
  }

  #handle(message: Message, from: SocketAddress): Uint8Array | undefined {
    if (message.type === 'syn') return this.#handleSyn(message, from);
    if (message.type === 'synAck') return this.#handleSynAck(message, from);
    if (message.type === 'ack' && this.#applyDelta(message, from) === 'askForMore') {
      return this.#encodeSynAck(message.version, []);
    }
    return undefined;
  }

  #handleSyn(message: Message & { type: 'syn' }, from: SocketAddress): Uint8Array {
    const { version } = message;
    if (message.clusterId !== this.config.clusterId) {
      this.#begin(version, 'badCluster');
      return this.#finish('badCluster');
    }
    this.#takeDigest(from);
    return this.#encodeSynAck(version, this.#findCandidates());
  }

  #takeDigest(from: SocketAddress): void {
    this.#peerDigest.commit(this.#roster.nowMs);
    this.#outbidClaims();
    this.#pulls.note(from, this.#peerDigest);
  }

  /** Goes beyond whatever the peer was made to believe about this node [G9][G19]. */
  #outbidClaims(): void {
    const { heartbeat, version } = this.#peerDigest.claimsAboutSelf();
    this.#ownKeys.outbid(version);
    const { self, columns } = this.#roster;
    if (heartbeat <= self.heartbeat || heartbeat > HEARTBEAT_FOLLOWED_MAX) return;
    columns.heartbeat[self.slot] = heartbeat + 1;
    this.#metrics.selfHeartbeatLifts += 1;
  }

  #encodeSynAck(version: ProtocolVersion, candidates: readonly Candidate[]): Uint8Array {
    const reserve = candidates.length === 0 ? 1 : DELTA_RESERVE_BYTES;
    this.#begin(version, 'synAck');
    this.#appendDigest(version, BODY_BYTES_MAX - reserve);
    this.#appendDelta(candidates);
    return this.#finish('synAck');
  }

  /**
   * The digest comes first: it registers nodes that the delta then speaks of, and a delta about an
   * unknown node is skipped. Behind the peer even with the delta, this node answers with a digest
   * that is up to date, and gets the next one.
   */
  #handleSynAck(message: Message & { type: 'synAck' | 'ack' }, from: SocketAddress): Uint8Array {
    this.#takeDigest(from);
    if (this.#applyDelta(message, from) === 'askForMore') {
      return this.#encodeSynAck(message.version, this.#findCandidates());
    }
    const audit = this.#audits.take(from, this.#peerDigest);
    if (audit !== undefined) {
      this.#ownDigest.understate(audit.state.slot, audit.fromExcluded);
      const question = this.#encodeSynAck(message.version, this.#findCandidates());
      this.#ownDigest.understate();
      return question;
    }
    this.#begin(message.version, 'ack');
    this.#appendDelta(this.#findCandidates());
    return this.#finish('ack');
  }

  #applyDelta(
    { delta }: Message & { type: 'synAck' | 'ack' },
    from: SocketAddress,
  ): 'askForMore' | 'enough' {
    const { bytes, sections } = delta;
    const mistaken = this.#audits.check(from, bytes, sections);
    if (mistaken !== undefined) {
      this.#deltas.forget(mistaken);
      return 'askForMore';
    }
    const { progress, reset } = this.#deltas.apply(bytes, sections);
    if (delta.isCut) this.#metrics.deltasCut += 1;
    if (reset) this.#catchUpDue = true;
    if (!this.#pulls.take(from, { progress, bytes: bytes.length })) return 'enough';
    this.#metrics.pulls += 1;
    return 'askForMore';
  }

  #findCandidates(): readonly Candidate[] {
    return findCandidates(this.#roster, this.#peerDigest, this.#random);
  }

  #beatHeart(): void {
    const { heartbeat } = this.#roster.columns;
    heartbeat[this.#roster.self.slot] = this.#roster.self.heartbeat + 1;
  }

  #purgeKeys(): void {
    const { keyGraceMs } = this.config;
    const { columns, nowMs } = this.#roster;
    for (const { table, slot } of this.#roster.order().states) {
      if (!table.isPurgeDue(nowMs, keyGraceMs)) continue;
      const { count, versionMax } = table.purge(nowMs, keyGraceMs);
      columns.lastGc[slot] = Math.max(columns.lastGc[slot] as number, versionMax);
      this.#metrics.keysPurged += count;
    }
  }

  /** What was believed under a wrong clock, or could not be held whole, is told anew [G41][G42]. */
  #forgetUnsound(): void {
    const { columns, clock, self } = this.#roster;
    const { bound } = clock;
    for (const state of this.#roster.order().states) {
      const { slot } = state;
      const reached = Math.max(columns.max[slot] as number, columns.lastGc[slot] as number);
      if (state === self) {
        // A claim at the very bound was outbid a moment ago.
        if (reached > bound + OUTBID_STEPS_MAX) this.#ownKeys.comeBack();
      } else if (reached > bound || this.#roster.hasRoomAgain(state)) this.#deltas.forget(state);
    }
  }

  // --- writing messages -------------------------------------------------------------------------

  /** The same digest for all: nothing happens between them. */
  #encodeSyns(targets: readonly SocketAddress[]): readonly Outgoing[] {
    if (targets.length === 0) return [];
    const version = this.config.protocolVersion;
    this.#begin(version, 'syn');
    const clusterId = new ByteWriter(2 + LIMITS.gossip.clusterIdBytesMax);
    clusterId.text16le(this.config.clusterId);
    this.#appendDigest(version, BODY_BYTES_MAX - clusterId.length);
    this.#message.append(clusterId.view());
    const bytes = this.#finish('syn');
    countMessage(this.#metrics.sent.syn, bytes.length * (targets.length - 1), targets.length - 1);
    return targets.map((to) => ({ to, bytes }));
  }

  #begin(version: ProtocolVersion, type: MessageType): void {
    this.#message.reset();
    this.#message.append(encodeHeader(version, type));
  }

  #appendDigest(version: ProtocolVersion, bytesMax: number): void {
    if (version === 1) {
      this.#message.append(this.#ownDigest.stream(bytesMax, this.#blocks));
      return;
    }
    const { count, bytes } = this.#ownDigest.entries(bytesMax - 2);
    this.#message.u16le(count);
    this.#message.append(bytes);
  }

  /** Answers whether all that the candidates are to tell had room. */
  #appendDelta(candidates: readonly Candidate[]): boolean {
    const budget = datagramBytesMax - this.#message.length;
    const { stream, isWhole } = writeDelta(candidates, budget, this.#blocks);
    this.#message.append(stream);
    return isWhole;
  }

  #finish(type: MessageType): Uint8Array {
    countMessage(this.#metrics.sent[type], this.#message.length);
    const bytes = this.#allocate(this.#message.length);
    bytes.set(this.#message.view());
    return bytes;
  }

  // --- own keys ---------------------------------------------------------------------------------

  set(key: string, value: string, nowMs: number): WriteOutcome {
    return this.#write(nowMs, () => this.#ownKeys.write(key, value, 'set'));
  }

  /** The key is visible until the grace for deleted keys is over. */
  setWithTtl(key: string, value: string, nowMs: number): WriteOutcome {
    return this.#write(nowMs, () => this.#ownKeys.write(key, value, 'deleteAfterTtl'));
  }

  /** Deletes the key for all, whoever set it [G20]. */
  delete(key: string, nowMs: number): WriteOutcome {
    return this.#write(nowMs, () => this.#ownKeys.delete(key));
  }

  /** The own value stays visible until the grace is over. */
  deleteAfterTtl(key: string, nowMs: number): WriteOutcome {
    return this.#write(nowMs, () => this.#ownKeys.deleteAfterTtl(key));
  }

  #write(nowMs: number, write: () => WriteOutcome): WriteOutcome {
    this.#roster.advanceTo(nowMs);
    const outcome = write();
    this.#listeners.deliver();
    return outcome;
  }

  /** The own value of a key; `winners` has everyone's. */
  get(key: string): string | undefined {
    return this.#roster.self.get(key);
  }

  /**
   * Tells peers that this node stops, and some of them at once: the datagrams carry the own state
   * whole, so that they need no answer. Call it last; delete LEAVING_KEY to stay after all.
   */
  leave(reason: string, nowMs: number): readonly Outgoing[] {
    this.#roster.advanceTo(nowMs);
    const outcome = this.#ownKeys.write(LEAVING_KEY, reason === '' ? 'true' : reason, 'set');
    if (outcome.kind === 'refused') this.#ownKeys.write(LEAVING_KEY, 'true', 'set');
    this.#listeners.deliver();
    const targets = this.#targets.pickLive(this.config.fanOut);
    if (targets.length === 0) return [];
    const goodbye = this.#encodeGoodbye();
    const others = targets.length - 1;
    countMessage(this.#metrics.sent.ack, goodbye.length * others, others);
    const acks = targets.map((to) => ({ to, bytes: goodbye }));
    return [...acks, ...this.#encodeSyns(targets)];
  }

  /**
   * The own state from its beginning, for peers that lack some of it; of one too large for a
   * datagram the leaving key alone, for peers that have the rest [G36].
   */
  #encodeGoodbye(): Uint8Array {
    const version = this.config.protocolVersion;
    const { self } = this.#roster;
    this.#begin(version, 'ack');
    if (!this.#appendDelta([{ state: self, fromExcluded: 0, isLive: true, rank: 0 }])) {
      const leaving = must(self.table.find(LEAVING_KEY), 'a node that leaves has the key');
      this.#begin(version, 'ack');
      const fromExcluded = leaving.version - 1;
      this.#appendDelta([{ state: self, fromExcluded, isLive: true, rank: 0 }]);
    }
    return this.#finish('ack');
  }

  // --- what is known ----------------------------------------------------------------------------

  /** Every known node in id order, the own one included. */
  nodes(): readonly NodeView[] {
    return this.#roster.order().states;
  }

  node(id: GossipId): NodeView | undefined {
    return this.#roster.findById(id);
  }

  get self(): NodeView {
    return this.#roster.self;
  }

  /** The own id first, then in id order. */
  liveNodes(): readonly GossipId[] {
    const { self } = this.#roster;
    return [self.id, ...this.#idsOf(LIFE.live).filter((id) => id !== self.id)];
  }

  /** Those scheduled for deletion included. */
  deadNodes(): readonly GossipId[] {
    return this.#idsOf(LIFE.dead);
  }

  scheduledForDeletion(): readonly GossipId[] {
    const { states } = this.#roster.order();
    return states.filter(({ slot }) => this.#roster.isScheduled(slot)).map(({ id }) => id);
  }

  #idsOf(wanted: number): GossipId[] {
    const { life } = this.#roster.columns;
    const { states } = this.#roster.order();
    return states.filter(({ slot }) => life[slot] === wanted).map(({ id }) => id);
  }

  /** For every key visible on a live node the latest value; the same on all members in time. */
  winners(): Map<string, Winner> {
    return findWinners(this.#roster);
  }

  /** Up to `count` won keys in key order that begin with `prefix` and follow `after`. */
  winnersPage(prefix: string, after: string | undefined, count: number): readonly WonKey[] {
    return pageOfWinners(this.#roster, prefix, after, count);
  }

  watermark(id: GossipId): Watermark | undefined {
    const state = this.#roster.findById(id);
    return state === undefined ? undefined : [state.lastGcVersion, state.maxVersion];
  }

  /** Mean intervals of silence; undefined for the own node and before the first interval. */
  phi(id: GossipId, nowMs: number): number | undefined {
    const state = this.#roster.findById(id);
    return state === undefined ? undefined : this.#roster.detector.phi(state.slot, nowMs);
  }

  detectionTimeoutMs(id: GossipId): number | undefined {
    const state = this.#roster.findById(id);
    return state === undefined ? undefined : this.#roster.detector.timeoutMs(state.slot);
  }

  metrics(): GossipMetrics {
    return this.#metrics;
  }

  // --- watching and catching up -----------------------------------------------------------------

  /** Calls back for every visible entry stored from now on whose key begins with `prefix`. */
  subscribe(prefix: string, listener: KeyListener): Subscription {
    return this.#listeners.subscribe(prefix, listener);
  }

  /** Calls back at once and whenever the live nodes or the version of one of them changed. */
  watchLive(listener: LiveListener): Subscription {
    return this.#watch.watch(listener);
  }

  /** Takes in a state that was fetched after `onCatchUp`, if it is newer than the one known. */
  resetNodeStateIfUpdate(reset: NodeReset, nowMs: number): ResetOutcome {
    this.#roster.advanceTo(nowMs);
    const verdict = judgeReset(reset, this.#roster, this.#purged);
    if (verdict.kind === 'skip') return { kind: 'skipped', reason: verdict.reason };
    replaceState(verdict.state, reset, this.#roster, this.#deltas);
    this.#lifecycle.noteLeaving(verdict.state);
    this.#tell();
    return { kind: 'replaced' };
  }
}
