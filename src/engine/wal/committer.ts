// Group commit: what all shards append while one batch is written and synced gathers in the next
// one. One write and one fdatasync make a batch durable; they are the whole of a commit.

import { assert } from '../../base/assert.ts';
import { type Clock, DiskError, type DiskFile, type Random } from '../../base/capabilities.ts';
import {
  BATCH_HEADER_BYTES,
  encodeSegmentHeader,
  FIRST_BATCH_OFFSET,
  recordBytes,
} from './format.ts';
import { type Done, Frame } from './frame.ts';
import type { LogEnd } from './recovery.ts';
import type { SegmentFiles } from './segment-files.ts';
import type { ShardId, WalFailure } from './types.ts';

export interface CommitterOptions {
  readonly segmentBytes: number;
  readonly batchBytesMax: number;
  readonly retryMs: number;
  readonly markDelayMs: number;
}

/** Whom the committer tells. */
export interface CommitListener {
  /** A batch that lets old segments go is durable. */
  onFreed(): void;
  /** The disk is full, or has room again. */
  onRoom(isFull: boolean): void;
  onFailure(failure: WalFailure): void;
}

export interface LogIdentity {
  readonly incarnation: bigint;
  readonly salt: number;
}

export class Committer {
  readonly #files: SegmentFiles;
  readonly #clock: Clock;
  readonly #identity: LogIdentity;
  readonly #options: CommitterOptions;
  readonly #listener: CommitListener;
  readonly #queue: Frame[] = [];
  readonly #spare: Frame[] = [];
  #open: Frame | undefined;
  #inFlight: Frame | undefined;
  #running: Promise<void> | undefined;
  #preparing: Promise<void> | undefined;
  #file: DiskFile | undefined;
  #failure: WalFailure | undefined;

  /** Where the next batch to be opened will stand. */
  #planned: { segment: number; offset: number; number: number; capacity: number };
  /** What is written: the segment in use, its end, the last batch and its checksum. */
  #segment: number;
  #end: number;
  #number: number;
  #chain: number;
  #isMarked = true;
  #markTimerSet = false;
  #isClosing = false;

  batches = 0;
  bytesWritten = 0;
  syncs = 0;

  constructor(
    files: SegmentFiles,
    clock: Clock,
    identity: LogIdentity,
    end: LogEnd,
    options: CommitterOptions,
    listener: CommitListener,
  ) {
    this.#files = files;
    this.#clock = clock;
    this.#identity = identity;
    this.#options = options;
    this.#listener = listener;
    this.#segment = end.segment;
    this.#end = end.offset;
    this.#number = end.number;
    this.#chain = end.chain;
    const { segment, offset, number, capacity } = end;
    this.#planned = { segment, offset, number, capacity };
    // [W6] The process before this one may have died before it left a mark, and nothing may ever be
    // appended here again. What was read back is durable [W7].
    if (!end.isReusable) return;
    this.#isMarked = false;
    this.#maybeArmMark();
  }

  /**
   * Makes the first segment of a new log, so that its incarnation is durable before a peer hears
   * of it. Rejects when there is no room.
   */
  async begin(): Promise<void> {
    const first = this.#segment + 1;
    if (!this.#files.isPrepared) await this.#files.prepare(first);
    await this.#rotate(first);
    const { segmentBytes } = this.#options;
    this.#planned = { segment: first, offset: this.#end, number: 0, capacity: segmentBytes };
  }

  /** [W13] Number of the last batch that is durable. Only grows. */
  get durableBatch(): number {
    return this.#number;
  }

  get segment(): number {
    return this.#segment;
  }

  get failure(): WalFailure | undefined {
    return this.#failure;
  }

  /** The largest payload that fits an empty segment. */
  get payloadBytesMax(): number {
    return this.#options.segmentBytes - FIRST_BATCH_OFFSET - BATCH_HEADER_BYTES - recordBytes(3);
  }

  // --- gathering --------------------------------------------------------------------------------

  /** Makes room for `bytes` in one batch, and answers the batch. */
  frameFor(bytes: number): Frame {
    const open = this.#open;
    if (open?.hasRoomFor(bytes)) return open;
    this.#closeOpen();
    const planned = this.#planned;
    const wanted = BATCH_HEADER_BYTES + bytes;
    if (planned.offset + wanted > planned.capacity) {
      planned.segment += 1;
      planned.offset = FIRST_BATCH_OFFSET;
      planned.capacity = this.#options.segmentBytes;
      assert(planned.offset + wanted <= planned.capacity, '[W2] what is appended fits a segment');
    }
    const frame = this.#spare.pop() ?? new Frame(this.#identity.salt);
    const roomBytes = planned.capacity - planned.offset;
    const bytesMax = Math.min(roomBytes, Math.max(this.#options.batchBytesMax, wanted));
    planned.number += 1;
    frame.begin(planned.segment, planned.offset, planned.number, bytesMax);
    this.#open = frame;
    return frame;
  }

  /** Encodes a record into the batch that gathers, and answers the batch: it knows the place. */
  add(
    type: number,
    entryKind: number,
    shard: ShardId,
    term: number,
    index: number,
    payload: Uint8Array,
  ): Frame {
    const frame = this.frameFor(recordBytes(payload.length));
    frame.add(type, entryKind, shard, term, index, payload);
    return frame;
  }

  /** Calls `done` once all that was added so far is durable. */
  notify(done: Done): void {
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      queueMicrotask(() => done(failure));
      return;
    }
    const last = this.#open ?? this.#queue.at(-1) ?? this.#inFlight;
    if (last === undefined) queueMicrotask(() => done('durable'));
    else last.waiters.push(done);
    this.flush();
  }

  /** Waits as `notify` does. False when the log has stopped. */
  barrier(): Promise<boolean> {
    return new Promise((resolve) => this.notify((outcome) => resolve(outcome === 'durable')));
  }

  /** True when what stands there can be read from the disk. */
  isWritten(segment: number, offset: number): boolean {
    return segment < this.#segment || (segment === this.#segment && offset < this.#end);
  }

  #closeOpen(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    this.#queue.push(open);
    this.#planned.offset = open.offset + open.length;
  }

  // --- committing -------------------------------------------------------------------------------

  /** Starts to write what gathered, unless that is going on. */
  flush(): void {
    if (this.#running !== undefined || this.#failure !== undefined) return;
    if (this.#open === undefined && this.#queue.length === 0) return;
    // Other shards may append in this turn: the batch leaves at its end.
    this.#running = Promise.resolve().then(() => this.#run());
  }

  async #run(): Promise<void> {
    try {
      while (this.#failure === undefined) {
        if (this.#queue.length === 0) this.#closeOpen();
        const frame = this.#queue.shift();
        if (frame === undefined) break;
        await this.#commit(frame);
      }
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.#fail({ kind: 'failed', reason: error.message });
    } finally {
      this.#running = undefined;
    }
    this.#maybeArmMark();
  }

  /**
   * [W14] Whatever is awaited here, the log may have failed meanwhile: preparing the next segment
   * goes on beside it. Then this batch has its answer, and must not get another one.
   */
  async #commit(frame: Frame): Promise<void> {
    this.#inFlight = frame;
    if (frame.segment !== this.#segment) await this.#rotate(frame.segment);
    if (this.#failure !== undefined) return;
    assert(frame.offset === this.#end, '[W4] a batch begins where the one before it ended');
    assert(frame.number === this.#number + 1, '[W4] batches are numbered without holes');
    const chain = frame.seal(this.#chain);
    const file = await this.#current();
    await this.#write(file, frame.offset, frame.sealed());
    if (this.#failure !== undefined) return;
    await this.#sync(file);
    if (this.#failure !== undefined) return;
    this.#chain = chain;
    this.#end = frame.offset + frame.length;
    this.#number = frame.number;
    this.#isMarked = false;
    this.batches += 1;
    this.#inFlight = undefined;
    const { waiters } = frame;
    this.#spare.push(frame);
    for (const done of waiters) done('durable');
    if (frame.frees) this.#listener.onFreed();
    this.#maybePrepare();
  }

  async #write(file: DiskFile, offset: number, bytes: Uint8Array): Promise<void> {
    for (;;) {
      try {
        await file.write(offset, bytes);
        this.bytesWritten += bytes.length;
        return;
      } catch (error) {
        await this.#waitForRoom(error);
      }
    }
  }

  /**
   * [W14] A failed sync is final. The system takes the pages for clean although the disk never had
   * them, so a second sync would succeed and mean nothing.
   */
  async #sync(file: DiskFile): Promise<void> {
    await file.sync();
    this.syncs += 1;
  }

  async #current(): Promise<DiskFile> {
    this.#file ??= await this.#files.file(this.#segment);
    return this.#file;
  }

  /** [W3] The header of a segment is durable before its first batch is written. */
  async #rotate(number: number): Promise<void> {
    await this.#prepare();
    const file = this.#files.takePrepared(number);
    const header = encodeSegmentHeader({
      number,
      incarnation: this.#identity.incarnation,
      salt: this.#identity.salt,
      previousBatch: this.#number,
      previousChain: this.#chain,
      previousEnd: this.#end,
    });
    await this.#write(file, 0, header);
    await this.#sync(file);
    this.#file = file;
    this.#segment = number;
    this.#end = FIRST_BATCH_OFFSET;
  }

  // --- preparing ahead --------------------------------------------------------------------------

  /** The next segment is made ready while a quarter of this one is used. */
  #maybePrepare(): void {
    if (this.#end * 4 < this.#options.segmentBytes || this.#files.isPrepared) return;
    this.#prepare().catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      this.#fail({ kind: 'failed', reason });
    });
  }

  #prepare(): Promise<void> {
    this.#preparing ??= this.#prepareNext().finally(() => {
      this.#preparing = undefined;
    });
    return this.#preparing;
  }

  async #prepareNext(): Promise<void> {
    while (!this.#files.isPrepared && this.#failure === undefined) {
      try {
        await this.#files.prepare(this.#segment + 1);
        this.#listener.onRoom(false);
      } catch (error) {
        await this.#waitForRoom(error);
      }
    }
  }

  /** A full disk is not a broken one: waits a while. Anything else is thrown on. */
  async #waitForRoom(error: unknown): Promise<void> {
    if (!(error instanceof DiskError && error.code === 'noSpace')) throw error;
    if (this.#failure !== undefined || this.#isClosing) throw error;
    this.#listener.onRoom(true);
    await new Promise<void>((resolve) => this.#clock.setTimer(this.#options.retryMs, resolve));
  }

  // --- marks ------------------------------------------------------------------------------------

  #maybeArmMark(): void {
    if (this.#isMarked || this.#markTimerSet || this.#failure !== undefined) return;
    this.#markTimerSet = true;
    const before = this.#number;
    this.#clock.setTimer(this.#options.markDelayMs, () => {
      this.#markTimerSet = false;
      if (this.#running !== undefined || this.#failure !== undefined) return;
      if (this.#number !== before) this.#maybeArmMark();
      else this.#running = this.#runMark();
    });
  }

  async #runMark(): Promise<void> {
    try {
      await this.#writeMark();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.#fail({ kind: 'failed', reason: error.message });
    } finally {
      this.#running = undefined;
    }
    if (this.#open !== undefined || this.#queue.length > 0) this.flush();
  }

  /**
   * [W6] An empty batch at the end says that all before it is durable. The next batch is written
   * over it, so that it never needs a sync of its own.
   */
  async #writeMark(): Promise<void> {
    if (this.#isMarked) return;
    const mark = new Frame(this.#identity.salt, BATCH_HEADER_BYTES);
    mark.begin(this.#segment, this.#end, this.#number + 1, BATCH_HEADER_BYTES);
    mark.seal(this.#chain);
    await (await this.#current()).write(this.#end, mark.sealed());
    this.#isMarked = true;
  }

  // --- ending -----------------------------------------------------------------------------------

  /** Waits for what is on its way, and leaves a mark that is durable. */
  async close(): Promise<void> {
    this.#isClosing = true;
    while (this.#running !== undefined) await this.#running;
    // One that failed has said so already.
    await this.#preparing?.catch(() => {});
    if (this.#failure !== undefined) return;
    this.#failure = { kind: 'closed', reason: 'the log is closed' };
    if (this.#isMarked) return;
    try {
      await this.#writeMark();
      await this.#sync(await this.#current());
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      // Nobody waits any more, and what they were told holds. That the disk is sick has to be said.
      this.#failure = { kind: 'failed', reason: error.message };
      this.#listener.onFailure(this.#failure);
    }
  }

  #fail(failure: WalFailure): void {
    if (this.#failure !== undefined) return;
    this.#failure = failure;
    this.#closeOpen();
    const unanswered = this.#inFlight === undefined ? [] : [this.#inFlight];
    const waiters = [...unanswered, ...this.#queue].flatMap((frame) => frame.waiters);
    this.#queue.length = 0;
    this.#listener.onFailure(failure);
    for (const done of waiters) done(failure);
  }
}

/** Draws what makes a new log unlike any other. */
export function newIdentity(random: Random): LogIdentity {
  const incarnation = (BigInt(random.u32()) << 32n) | BigInt(random.u32());
  return { incarnation, salt: random.u32() };
}
