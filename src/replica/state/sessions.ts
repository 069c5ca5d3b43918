// Who already did what: the sessions of a shard's clients. Part of the shard's state, so that every
// replica, restored or not, gives the same answer to a command that comes twice.

import { assert } from '../../base/assert.ts';
import { ByteReader, ByteWriter, ownBytes, readU64le, writeU64le } from '../../base/bytes.ts';
import type { Store } from '../../engine/store/index.ts';
import type { SessionLimits } from './editions.ts';
import { endOfPrefix, joinBytes } from './layout.ts';

const RECORD_BYTES = 25;
const POSITION_BYTES = 2;
/** What a session takes in memory beside its result: the object, its places in map and store. */
const SESSION_BYTES = 200;
const KEPT = 1;
const PLACED = 2;
const CLIENT_KEY_BYTES = 8;

export interface Session {
  readonly client: number;
  /** Of the newest command; 0 before the first one. */
  sequence: number;
  /** Where it was last used: an entry, and which of its commands. No two sessions share both. */
  lastIndex: number;
  lastPosition: number;
  lastTimeMs: number;
  /** Of the newest command; undefined if it was too long. */
  result: Uint8Array | undefined;
  isDirty: boolean;
}

/** What the sessions of all shards of a member take in memory. */
export interface SessionLoad {
  bytes: number;
}

/**
 * The table as of the entry that is being applied. It is read from the store when first needed, and
 * written back once per batch.
 *
 * [D13] The map is in order of use. Time never falls along the log, so that this is also the order
 * in which sessions expire, and the first one is always the next to go, on every replica alike.
 */
export class SessionTable {
  /** [M6] Of the shard's edition. */
  limits: SessionLimits;
  readonly #load: SessionLoad;
  #bytes = 0;
  /** The space's prefix itself is the key of the clock. */
  readonly #prefix: Uint8Array;
  readonly #sessions = new Map<number, Session>();
  #dirty: Session[] = [];
  #removed: number[] = [];
  #timeMs = 0;
  #storedTimeMs = 0;

  constructor(store: Store, prefix: Uint8Array, limits: SessionLimits, load: SessionLoad) {
    this.limits = limits;
    this.#load = load;
    this.#prefix = prefix;
    const found: Session[] = [];
    for (const { key, value } of store.range(prefix, endOfPrefix(prefix))) {
      if (key.length === prefix.length) this.#timeMs = readU64le(value, 0);
      else found.push(decodeSession(readClient(key), value));
    }
    this.#storedTimeMs = this.#timeMs;
    found.sort((a, b) => a.lastIndex - b.lastIndex || a.lastPosition - b.lastPosition);
    for (const session of found) {
      this.#sessions.set(session.client, session);
      this.#weigh(bytesOf(session));
    }
  }

  /** The shard's time. */
  get timeMs(): number {
    return this.#timeMs;
  }

  get count(): number {
    return this.#sessions.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The table is used no more. */
  drop(): void {
    this.#weigh(-this.#bytes);
  }

  /**
   * The shard's own time: that of the newest command, or of an older one whose leader had a faster
   * clock. Ends the sessions whose time is over.
   */
  advance(proposedMs: number): number {
    if (proposedMs > this.#timeMs) this.#timeMs = proposedMs;
    for (const oldest of this.#sessions.values()) {
      if (oldest.lastTimeMs + this.limits.idleMs >= this.#timeMs) break;
      this.#remove(oldest);
    }
    return this.#timeMs;
  }

  find(client: number): Session | undefined {
    return this.#sessions.get(client);
  }

  /** The id of a session is the place of the entry that opened it: nobody gets it twice. */
  open(index: number): void {
    this.evict(this.limits.sessionsMax - 1);
    const session: Session = {
      client: index,
      sequence: 0,
      lastIndex: index,
      lastPosition: 0,
      lastTimeMs: this.#timeMs,
      result: undefined,
      isDirty: false,
    };
    this.#sessions.set(index, session);
    this.#weigh(bytesOf(session));
    this.#markDirty(session);
  }

  /** [D21] Ends all but the `keep` that were used most recently. */
  evict(keep: number): void {
    for (const oldest of this.#sessions.values()) {
      if (this.#sessions.size <= keep) return;
      this.#remove(oldest);
    }
  }

  /** Moves a session to the end of the order of use. */
  touch(session: Session, index: number, position: number): void {
    assert(
      index > session.lastIndex || (index === session.lastIndex && position > session.lastPosition),
      '[D13] the order of use is the order of the log',
    );
    this.#sessions.delete(session.client);
    this.#sessions.set(session.client, session);
    session.lastIndex = index;
    session.lastPosition = position;
    session.lastTimeMs = this.#timeMs;
    this.#markDirty(session);
  }

  /** What a command of the session came to, for when it is sent again. */
  record(session: Session, sequence: number, result: Uint8Array): void {
    assert(session.isDirty && sequence > session.sequence, '[D12] sequences ascend');
    this.#weigh(-bytesOf(session));
    session.sequence = sequence;
    // A copy, or a short result would keep what it was cut from.
    session.result = result.length <= this.limits.resultBytesMax ? ownBytes(result) : undefined;
    this.#weigh(bytesOf(session));
  }

  close(session: Session): void {
    this.#remove(session);
  }

  /** Writes what changed since the last time. */
  store(store: Store): void {
    if (this.#timeMs !== this.#storedTimeMs) {
      const clock = new Uint8Array(8);
      writeU64le(clock, 0, this.#timeMs);
      store.put(this.#prefix, clock);
      this.#storedTimeMs = this.#timeMs;
    }
    for (const client of this.#removed) store.delete(this.#keyOf(client));
    for (const session of this.#dirty) {
      session.isDirty = false;
      if (!this.#sessions.has(session.client)) continue;
      store.put(this.#keyOf(session.client), encodeSession(session));
    }
    if (this.#removed.length > 0) this.#removed = [];
    if (this.#dirty.length > 0) this.#dirty = [];
  }

  #remove(session: Session): void {
    this.#sessions.delete(session.client);
    this.#removed.push(session.client);
    this.#weigh(-bytesOf(session));
  }

  #weigh(bytes: number): void {
    this.#bytes += bytes;
    this.#load.bytes += bytes;
  }

  #markDirty(session: Session): void {
    if (session.isDirty) return;
    session.isDirty = true;
    this.#dirty.push(session);
  }

  #keyOf(client: number): Uint8Array {
    const suffix = new Uint8Array(CLIENT_KEY_BYTES);
    const view = new DataView(suffix.buffer);
    view.setBigUint64(0, BigInt(client));
    return joinBytes(this.#prefix, suffix);
  }
}

function bytesOf({ result }: Session): number {
  return SESSION_BYTES + (result?.length ?? 0);
}

function readClient(key: Uint8Array): number {
  const at = key.length - CLIENT_KEY_BYTES;
  return Number(new DataView(key.buffer, key.byteOffset + at, CLIENT_KEY_BYTES).getBigUint64(0));
}

/**
 *   session  =  sequence(u64) last-index(u64) last-time(u64) flags(u8) last-position(u16)? result
 *
 * Flags: 1 when the result was kept, 2 when the position follows. [D26] Without it, it is 0: so are
 * all records of entries with one command, and of builds that knew no others.
 */
function encodeSession({
  sequence,
  lastIndex,
  lastPosition,
  lastTimeMs,
  result,
}: Session): Uint8Array {
  const positionBytes = lastPosition > 0 ? POSITION_BYTES : 0;
  const length = RECORD_BYTES + positionBytes + (result?.length ?? 0);
  const writer = new ByteWriter(length, length);
  writer.u64le(sequence);
  writer.u64le(lastIndex);
  writer.u64le(lastTimeMs);
  writer.u8((result === undefined ? 0 : KEPT) | (lastPosition > 0 ? PLACED : 0));
  if (lastPosition > 0) writer.u16le(lastPosition);
  if (result !== undefined) writer.append(result);
  return writer.view();
}

function decodeSession(client: number, bytes: Uint8Array): Session {
  const reader = new ByteReader(bytes);
  const [sequence, lastIndex, lastTimeMs] = [reader.u64le(), reader.u64le(), reader.u64le()];
  const flags = reader.u8();
  const lastPosition = (flags & PLACED) === 0 ? 0 : reader.u16le();
  const result = (flags & KEPT) === 0 ? undefined : reader.take(reader.remaining);
  assert(!reader.failed, '[D2] the store gives back what was written');
  return { client, sequence, lastIndex, lastPosition, lastTimeMs, result, isDirty: false };
}
