// All known nodes: found by id, by slot, and in order. A slot is a node's place in the columns; it
// is reused after the node is purged. The own node has slot 0 for ever.

import { assert, must } from '../../base/assert.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import { Columns, LIFE } from './columns.ts';
import { Detector } from './detector.ts';
import { EntryTable, entryBytes, type StateMemory } from './entry-table.ts';
import { IdTable } from './id-table.ts';
import { encodeId } from './node-id.ts';
import { mergeByOrder, NodeOrder } from './node-order.ts';
import { NodeState, type StateContext } from './node-state.ts';
import type { GossipConfig, GossipId } from './types.ts';
import { VersionClock } from './versions.ts';

export const SELF_SLOT = 0;

export class Roster implements StateContext {
  readonly columns = new Columns();
  readonly detector: Detector;
  readonly memory: StateMemory = { bytes: 0 };
  readonly clock = new VersionClock();
  /** The core's present: the greatest time any call named. It never goes back [G37]. */
  nowMs: number;
  /** Changes whenever a node comes, goes, dies or revives. */
  lifeEpoch = 0;
  readonly #deadNodeGraceMs: number;
  readonly #table: IdTable;
  readonly #states: (NodeState | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  #order: NodeOrder;
  #newcomers: NodeState[] = [];
  /** All nodes by address, as of an order. */
  #byAddress = new Map<SocketAddress, NodeState[]>();
  #indexed: NodeOrder | undefined;
  #everLive: readonly NodeState[] | undefined;

  constructor(config: GossipConfig, hashSeed: number, nowMs: number) {
    this.#deadNodeGraceMs = config.deadNodeGraceMs;
    this.#table = new IdTable(hashSeed);
    this.#order = new NodeOrder([], 0);
    this.nowMs = nowMs;
    this.clock.advanceTo(nowMs);
    this.detector = new Detector(config);
    this.detector.ensureCapacity(this.columns.capacity);
    const self = this.add(config.self, encodeId(config.self));
    assert(self.slot === SELF_SLOT, 'the own node is the first');
    this.columns.life[SELF_SLOT] = LIFE.live;
  }

  advanceTo(nowMs: number): void {
    this.nowMs = Math.max(this.nowMs, nowMs);
    this.clock.advanceTo(this.nowMs);
  }

  get self(): NodeState {
    return this.state(SELF_SLOT);
  }

  get count(): number {
    return this.#order.count + this.#newcomers.length;
  }

  get isFull(): boolean {
    return this.count >= LIMITS.gossip.nodesMax;
  }

  state(slot: number): NodeState {
    return must(this.#states[slot], 'a slot in use has a state');
  }

  /** Whether the node was purged since the view of it was handed out. */
  isGone(state: NodeState): boolean {
    return this.#states[state.slot] !== state;
  }

  findById(id: GossipId): NodeState | undefined {
    const bytes = encodeId(id);
    const slot = this.find(new DataView(bytes.buffer), 0, bytes.length);
    return slot < 0 ? undefined : this.state(slot);
  }

  /** The slot of an encoded id, or -1. */
  find(view: DataView, start: number, length: number): number {
    return this.#table.find(view, start, length);
  }

  idBytesOf(slot: number): Uint8Array {
    return this.#table.bytesOf(slot);
  }

  add(id: GossipId, idBytes: Uint8Array): NodeState {
    assert(!this.isFull, 'the table of nodes keeps its limit [G26]');
    const slot = this.#freeSlots.pop() ?? this.#states.length;
    if (slot >= this.columns.capacity) {
      this.columns.grow();
      this.detector.ensureCapacity(this.columns.capacity);
    }
    this.columns.clear(slot);
    this.detector.clear(slot);
    const state = new NodeState(id, slot, new EntryTable(this.memory), this);
    this.#states[slot] = state;
    this.#table.add(slot, idBytes);
    this.#newcomers.push(state);
    this.lifeEpoch += 1;
    return state;
  }

  remove(states: readonly NodeState[]): void {
    const leaving = new Set(states);
    const staying = this.order().states.filter((state) => !leaving.has(state));
    for (const state of states) state.retire();
    this.#table.remove(states.map((state) => state.slot));
    for (const state of states) {
      assert(state.slot !== SELF_SLOT, 'a node never forgets itself');
      this.#states[state.slot] = undefined;
      this.#freeSlots.push(state.slot);
    }
    this.#order = new NodeOrder(staying, this.columns.capacity);
    this.#everLive = undefined;
    this.lifeEpoch += 1;
  }

  /** Every known node in id order. Valid until a node is added or removed. */
  order(): NodeOrder {
    if (this.#newcomers.length > 0) {
      const states = mergeByOrder(this.#order.states, this.#newcomers, (a, b) =>
        this.#table.compare(a, b),
      );
      this.#newcomers = [];
      this.#order = new NodeOrder(states, this.columns.capacity);
    }
    return this.#order;
  }

  /**
   * The runs of a node that were at an address, and others that claim to be there. Asked for again
   * and again: to look through all nodes each time would take seconds of a round.
   */
  runsAt(address: SocketAddress): readonly NodeState[] {
    const order = this.order();
    if (this.#indexed !== order) {
      this.#indexed = order;
      this.#byAddress = new Map();
      for (const state of order.states) {
        const there = this.#byAddress.get(state.id.address);
        if (there === undefined) this.#byAddress.set(state.id.address, [state]);
        else there.push(state);
      }
    }
    return this.#byAddress.get(address) ?? [];
  }

  /** Every node but the own one that was ever seen alive, in id order: a flood of ids is not. */
  everLive(): readonly NodeState[] {
    const { lived } = this.columns;
    this.#everLive ??= this.order().states.filter(({ slot }) => lived[slot] === 1);
    return this.#everLive;
  }

  /** Dead for more than half the grace: no longer spoken of, and soon purged. */
  isScheduled(slot: number): boolean {
    const { life, diedAtMs } = this.columns;
    if (life[slot] !== LIFE.dead) return false;
    return this.nowMs - (diedAtMs[slot] as number) > this.#deadNodeGraceMs / 2;
  }

  isPurgeDue(slot: number): boolean {
    const { life, diedAtMs } = this.columns;
    if (life[slot] !== LIFE.dead) return false;
    return this.nowMs - (diedAtMs[slot] as number) >= this.#deadNodeGraceMs;
  }

  /**
   * Entries of the node were dropped for lack of room, and there is room now [G42]. A state that
   * fills half of all there is by itself is not tried again and again.
   */
  hasRoomAgain({ slot, table }: NodeState): boolean {
    const { entriesPerNodeMax, stateBytesMax } = LIMITS.gossip;
    if (this.columns.withheld[slot] === 0) return false;
    return table.size < entriesPerNodeMax && this.memory.bytes < stateBytesMax / 2;
  }

  becomeDead(slot: number): void {
    assert(slot !== SELF_SLOT, 'a node never counts itself as dead [G31]');
    this.columns.life[slot] = LIFE.dead;
    this.columns.diedAtMs[slot] = this.nowMs;
    this.lifeEpoch += 1;
  }

  becomeLive(slot: number): void {
    assert(slot !== SELF_SLOT, 'the own node is live from the beginning');
    if (this.columns.lived[slot] === 0) this.#everLive = undefined;
    this.columns.lived[slot] = 1;
    this.columns.life[slot] = LIFE.live;
    this.lifeEpoch += 1;
  }
}

/** Whether the entry keeps the limits of one table and of all of them together [G27]. */
export function hasRoom(roster: Roster, state: NodeState, key: string, value: string): boolean {
  const { entriesPerNodeMax, stateBytesMax } = LIMITS.gossip;
  if (roster.memory.bytes + entryBytes(key, value) > stateBytesMax) return false;
  return state.table.size < entriesPerNodeMax || state.table.find(key) !== undefined;
}
