// One connection as both of its ends see it: greetings first, then frames. It gathers what is sent
// during a turn in three lanes, writes them at the turn's end in one piece, and watches that the
// other end lives. What the frames mean is its owner's business.

import { assert } from '../../../base/assert.ts';
import type { Clock, Stream, StreamHandler, Timer } from '../../../base/capabilities.ts';
import { LIMITS } from '../../../base/limits.ts';
import { FRAME, FrameReader, type FrameSink, LaneBuffer } from './frame.ts';
import { type Greeting, GreetingReader } from './hello.ts';
import type { Flushable, TurnEnd } from './turn-end.ts';
import type { Lane, SendOutcome } from './types.ts';

/** How long a side that said its last word waits for the other one to close as well. */
const LINGER_MS = 500;
const NOTHING = new Uint8Array(0);

export interface WireOwner extends FrameSink {
  /** The other side's greeting is read. Frames come after `open`. */
  onGreeting(greeting: Greeting): void;
  /** The connection takes bulk: the owner may add one part of about `bytesMax` to that lane. */
  onBulkRoom(bytesMax: number): void;
  /** Once, whoever closed it. Nothing of the wire follows. */
  onGone(reason: string): void;
}

export interface WireParts {
  readonly clock: Clock;
  readonly turnEnd: TurnEnd;
  readonly ordinaryBytesMax: number;
}

type WireState =
  /** Waits for the other side's greeting. */
  | 'greeting'
  /** Has it, and the owner decides. */
  | 'deciding'
  | 'open'
  | 'closed';

export class Wire implements StreamHandler, Flushable {
  isDirty = false;
  /** When anything last came, by the monotonic clock. */
  heardMs: number;
  /** Bytes of the ordinary lane that have left it, in the order in which they came. */
  ordinaryWritten = 0;
  readonly openedMs: number;
  readonly #parts: WireParts;
  readonly #owner: WireOwner;
  readonly #reader = new FrameReader();
  readonly #greetingReader = new GreetingReader();
  readonly #urgent = new LaneBuffer();
  readonly #ordinary = new LaneBuffer();
  readonly #bulk = new LaneBuffer();
  #stream: Stream | undefined;
  #state: WireState = 'greeting';
  /** Came behind the greeting while the owner decided. */
  #early: Uint8Array = NOTHING;
  /** The stream asked to wait for `onDrain`. */
  #isBlocked = false;
  #blockedMs = 0;
  /** The last write, while the stream has not taken it. */
  #blockedBytes = 0;
  #isPaused = false;
  #lingerTimer: Timer | undefined;

  constructor(parts: WireParts, owner: WireOwner) {
    this.#parts = parts;
    this.#owner = owner;
    this.heardMs = parts.clock.monotonicMs();
    this.openedMs = this.heardMs;
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get isClosed(): boolean {
    return this.#state === 'closed';
  }

  /** This side does not read for now: the other one's silence means nothing. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** The stream takes no more for now. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** How long the other side has taken nothing of what was written; since `sinceMs` at most. */
  unreadMs(nowMs: number, sinceMs: number): number {
    return this.#isBlocked ? nowMs - Math.max(this.#blockedMs, sinceMs) : 0;
  }

  /** Where the next frame of the ordinary lane begins: it leaves when more than that is written. */
  get ordinaryEnd(): number {
    return this.ordinaryWritten + this.#ordinary.length;
  }

  /** What it keeps in memory: not taken by the other side, or arrived in part. */
  get heldBytes(): number {
    const waiting = this.#urgent.length + this.#ordinary.length + this.#bulk.length;
    return waiting + (this.#isBlocked ? this.#blockedBytes : 0) + this.#reader.heldBytes;
  }

  attach(stream: Stream): void {
    assert(this.#stream === undefined, 'a wire has one stream');
    if (this.#state === 'closed') stream.destroy();
    else this.#stream = stream;
  }

  /** Sends a greeting; only before `open`. */
  greet(bytes: Uint8Array): void {
    if (this.#state !== 'closed') this.#stream?.write(bytes);
  }

  /** Frames may pass from now on. */
  open(): void {
    assert(this.#state === 'deciding', 'a wire opens once, after the greeting');
    this.#state = 'open';
    if (this.#early.length > 0) {
      const early = this.#early;
      this.#early = NOTHING;
      this.#readFrames(early);
    }
    if (this.#isPaused) this.#resume();
  }

  // --- sending ----------------------------------------------------------------------------------

  send(
    lane: Lane,
    type: number,
    kind: number,
    id: number,
    body: Uint8Array,
    prefix = -1,
  ): SendOutcome {
    if (this.#state !== 'open') return 'down';
    const buffer = this.#lane(lane);
    if (buffer.length + body.length > this.#limit(lane)) return 'full';
    buffer.append(type, kind, id, body, prefix);
    if (!this.#isBlocked) this.#parts.turnEnd.add(this);
    return 'queued';
  }

  sendEmpty(type: number, kind: number, id: number): SendOutcome {
    return this.send('urgent', type, kind, id, NOTHING);
  }

  /** There is bulk to send again. */
  wake(): void {
    if (this.#state === 'open' && !this.#isBlocked) this.#parts.turnEnd.add(this);
  }

  /** Answers wait to be read: take no more questions until they are. */
  holdBack(): void {
    if (this.#isPaused || !this.#isBlocked) return;
    if (this.#ordinary.length <= LIMITS.peer.answersBytesMax) return;
    this.#isPaused = true;
    this.#stream?.pause();
  }

  flush(): void {
    if (this.#isBlocked || this.#state !== 'open') return;
    const stream = this.#stream;
    assert(stream !== undefined, 'an open wire has a stream');
    const urgent = this.#urgent.length;
    // [T11] Large lanes leave part by part, so that nothing urgent waits behind more than that.
    const { bulkPartBytesMax, busyPartBytesMax, ordinaryPartBytesMax } = LIMITS.peer;
    const ordinary = this.#ordinary.wholeFrames(ordinaryPartBytesMax);
    const partMax = urgent + ordinary > 0 ? busyPartBytesMax : bulkPartBytesMax;
    if (this.#bulk.length === 0) this.#owner.onBulkRoom(partMax);
    const bulk = this.#bulk.wholeFrames(partMax);
    const total = urgent + ordinary + bulk;
    if (total === 0) return;
    const bytes = freshBytes(total);
    this.#urgent.moveTo(bytes, 0, urgent);
    this.#ordinary.moveTo(bytes, urgent, ordinary);
    this.#bulk.moveTo(bytes, urgent + ordinary, bulk);
    this.ordinaryWritten += ordinary;
    this.#isBlocked = !stream.write(bytes);
    if (this.#isBlocked) {
      this.#blockedMs = this.#parts.clock.monotonicMs();
      this.#blockedBytes = total;
    }
    const hasMore = bulk > 0 || this.#ordinary.length > 0;
    if (hasMore && !this.#isBlocked) this.#parts.turnEnd.add(this);
  }

  #lane(lane: Lane): LaneBuffer {
    if (lane === 'ordinary') return this.#ordinary;
    return lane === 'urgent' ? this.#urgent : this.#bulk;
  }

  #limit(lane: Lane): number {
    if (lane === 'ordinary') return this.#parts.ordinaryBytesMax;
    return lane === 'urgent' ? LIMITS.peer.urgentBytesMax : LIMITS.peer.bulkBytesMax;
  }

  // --- life -------------------------------------------------------------------------------------

  /** Closes at once. */
  cut(reason: string): void {
    if (this.#state === 'closed') return;
    this.#stream?.destroy();
    this.#goes(reason);
  }

  /** Says why, and closes when that is said. `last` is written after all that waits. */
  bid(last: Uint8Array, reason: string): void {
    if (this.#state === 'closed') return;
    const stream = this.#stream;
    if (stream === undefined) return this.#goes(reason);
    if (this.#state === 'open') {
      this.#urgent.append(FRAME.goodbye, 0, 0, last);
      this.flush();
    } else if (last.length > 0) {
      stream.write(last);
    }
    stream.end();
    this.#goes(reason);
    this.#linger(stream);
  }

  #linger(stream: Stream): void {
    this.#lingerTimer = this.#parts.clock.setTimer(LINGER_MS, () => stream.destroy());
  }

  #goes(reason: string): void {
    this.#state = 'closed';
    for (const lane of [this.#urgent, this.#ordinary, this.#bulk]) lane.clear();
    this.#early = NOTHING;
    this.#owner.onGone(reason);
  }

  #resume(): void {
    this.#isPaused = false;
    this.heardMs = this.#parts.clock.monotonicMs();
    this.#stream?.resume();
  }

  // --- StreamHandler ----------------------------------------------------------------------------

  onData(bytes: Uint8Array): void {
    if (this.#state === 'open') {
      this.heardMs = this.#parts.clock.monotonicMs();
      this.#readFrames(bytes);
    } else if (this.#state === 'greeting') this.#readGreeting(bytes);
    else if (this.#state === 'deciding') this.#keepEarly(bytes);
  }

  #readFrames(bytes: Uint8Array): void {
    const fault = this.#reader.push(bytes, this.#owner);
    if (fault !== undefined) this.cut(`broken frame: ${fault}`);
  }

  #readGreeting(bytes: Uint8Array): void {
    const read = this.#greetingReader.push(bytes);
    if (read.kind === 'more') return;
    if (read.kind === 'malformed') return this.cut('no greeting of this protocol');
    this.heardMs = this.#parts.clock.monotonicMs();
    this.#state = 'deciding';
    // The owner may open the wire within this call.
    this.#early = read.rest;
    this.#owner.onGreeting(read.greeting);
    if (this.#state !== 'deciding') return;
    this.#isPaused = true;
    this.#stream?.pause();
  }

  #keepEarly(bytes: Uint8Array): void {
    // Reading pauses meanwhile: this is what was read already, no more than a chunk or two.
    const early = new Uint8Array(this.#early.length + bytes.length);
    early.set(this.#early);
    early.set(bytes, this.#early.length);
    this.#early = early;
    if (early.length > LIMITS.peer.frameBytesMax) this.cut('frames before the greeting was taken');
  }

  onDrain(): void {
    this.#isBlocked = false;
    if (this.#state !== 'open') return;
    this.flush();
    if (this.#isPaused && this.#ordinary.length <= LIMITS.peer.answersBytesMax / 2) this.#resume();
  }

  onEnd(): void {
    if (this.#state === 'closed') return;
    const stream = this.#stream;
    stream?.end();
    this.#goes('the other side closed');
    if (stream !== undefined) this.#linger(stream);
  }

  onClose(reason: string | undefined): void {
    this.#lingerTimer?.cancel();
    if (this.#state !== 'closed') this.#goes(reason ?? 'the other side closed');
  }
}

/** Bytes that are written over as a whole: zeros first would be work for nothing. */
function freshBytes(count: number): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(count);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, count);
}
