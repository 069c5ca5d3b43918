// One state on its way to one peer, chunk by chunk and no faster than the peer takes them.

import { assert, must } from '../../base/assert.ts';
import { equalBytes } from '../../base/bytes.ts';
import type { Timer } from '../../base/capabilities.ts';
import { LIMITS } from '../../base/limits.ts';
import type { Message } from '../../core/raft/index.ts';
import type { MemberId, OutgoingStream } from '../../engine/transport/index.ts';
import { REQUEST_KIND, STREAM_KIND } from '../codec/index.ts';
import { NO_PROGRESS, type PreparedSnapshot, type Progress } from '../state/index.ts';
import { ChunkQueue, type QueuedChunk } from './chunk-queue.ts';
import { encodeEnd, encodeSame } from './chunks.ts';
import type { SnapshotLimits, SnapshotParts, SnapshotsHandler } from './types.ts';
import {
  type Comparison,
  decodeVerdict,
  encodeComparison,
  encodeHeader,
  encodeOffer,
} from './wire.ts';

const { compareTimeoutMs, offerTimeoutMs, trailChunksMax } = LIMITS.snapshots;
const NOTHING_EQUAL = new Uint8Array(0);

export type SendResult = 'sent' | 'interrupted';

interface SendCounters {
  resumed: number;
  chunksSent: number;
  bytesSent: number;
  chunksCopied: number;
}

export interface OutgoingHome {
  readonly parts: SnapshotParts;
  readonly handler: Pick<SnapshotsHandler, 'termOf' | 'onNewerTerm'>;
  readonly limits: SnapshotLimits;
  readonly counters: SendCounters;
}

/** A transfer outlives an interruption: `start` goes on where the peer says it is. */
export class OutgoingTransfer {
  readonly peer: MemberId;
  readonly prepared: PreparedSnapshot;
  readonly #parts: SnapshotParts;
  readonly #handler: OutgoingHome['handler'];
  readonly #limits: SnapshotLimits;
  readonly #counters: SendCounters;
  /** Where the transfer stood after each of the last chunks. */
  #trail: Progress[] = [];
  #sent: Progress = NO_PROGRESS;
  #queue: ChunkQueue | undefined;
  /** The message that the state belongs to. */
  #message: Message | undefined;
  #onEnd: ((result: SendResult) => void) | undefined;
  #request = 0;
  #stream: OutgoingStream | undefined;
  #deadline: Timer | undefined;
  #isBlocked = false;
  /** Tells a late answer of an earlier start from one of this. */
  #attempt = 0;

  constructor(peer: MemberId, prepared: PreparedSnapshot, home: OutgoingHome) {
    this.peer = peer;
    this.prepared = prepared;
    this.#parts = home.parts;
    this.#handler = home.handler;
    this.#limits = home.limits;
    this.#counters = home.counters;
  }

  /** Of the message that it was started with last. */
  get term(): number {
    return this.#message?.term ?? 0;
  }

  get isRunning(): boolean {
    return this.#onEnd !== undefined;
  }

  /** Whether there is anything to go on from. */
  get hasBegun(): boolean {
    return this.#trail.length > 0;
  }

  /** The term of the message may differ from the last time. */
  start(message: Message, onEnd: (result: SendResult) => void): void {
    assert(!this.isRunning, '[N5] a transfer runs once at a time');
    assert(message.snapshot !== undefined, '[N13] a transfer runs for the message of a state');
    assert(message.term >= this.term, '[N13] terms do not fall from one start to the next');
    this.#message = message;
    this.#onEnd = onEnd;
    this.#attempt += 1;
    const attempt = this.#attempt;
    const { clock, peers } = this.#parts;
    this.#deadline = clock.setTimer(this.#limits.transferMsMax, () => this.#end('interrupted'));
    this.#request = peers.request(
      this.peer,
      REQUEST_KIND.offerSnapshot,
      encodeOffer(this.prepared.shard, message),
      offerTimeoutMs,
      (outcome) => {
        if (attempt !== this.#attempt) return;
        const isAnswered = outcome.kind === 'answered';
        const verdict = isAnswered ? decodeVerdict(outcome.body) : undefined;
        if (verdict?.kind === 'taken') this.#end('sent');
        else if (verdict?.kind === 'wanted') this.#begin(verdict.progress, verdict.compares);
        else this.#end('interrupted');
        if (verdict?.kind !== 'stale') return;
        this.#handler.onNewerTerm(this.prepared.shard, this.peer, verdict.term);
      },
    );
  }

  /** Ends it, if it runs. */
  stop(): void {
    this.#parts.peers.cancel(this.#request);
    this.#end('interrupted');
  }

  /** [N6] Goes on where the peer stands, if that is a place where this transfer was. */
  #begin(at: Progress, compares: boolean): void {
    assert(this.#stream === undefined, '[N5] a transfer has one stream');
    const known = this.#trail.find((was) => isSamePlace(was, at));
    if (known !== undefined) this.#counters.resumed += 1;
    this.#sent = known ?? NO_PROGRESS;
    this.#trail = known === undefined ? [] : [known];
    this.#queue = new ChunkQueue(this.prepared, this.#sent, compares, this.#limits, (question) =>
      this.#compare(question),
    );
    const message = must(this.#message, '[N13] a transfer runs for a message');
    const offer = encodeOffer(this.prepared.shard, message);
    const header = encodeHeader(this.#sent.chunks, offer);
    const attempt = this.#attempt;
    this.#isBlocked = false;
    this.#stream = this.#parts.peers.openStream(this.peer, STREAM_KIND.snapshot, header, {
      onDrain: () => {
        if (attempt !== this.#attempt) return;
        this.#isBlocked = false;
        this.#pump();
      },
      onEnd: ({ kind }) => {
        if (attempt !== this.#attempt) return;
        this.#stream = undefined;
        this.#end(kind === 'accepted' ? 'sent' : 'interrupted');
      },
    });
    if (this.#stream === undefined) this.#end('interrupted');
    else this.#pump();
  }

  /** [N4] One chunk a turn, so that writes and heartbeats go on in between. */
  #pump(): void {
    const stream = this.#stream;
    if (stream === undefined || this.#isBlocked) return;
    if (this.#handler.termOf(this.prepared.shard) > this.term) {
      // [N13] The receiver's core would not look at it any more.
      this.#end('interrupted');
      return;
    }
    const next = must(this.#queue, '[N6] a stream has a queue').next();
    if (next === 'asks') return;
    if (next === 'end') {
      stream.write(encodeEnd(this.#sent));
      stream.finish();
      return;
    }
    if (next !== 'later') this.#isBlocked = !stream.write(this.#encode(next));
    if (!this.#isBlocked) this.#pumpNextTurn();
  }

  #pumpNextTurn(): void {
    const attempt = this.#attempt;
    this.#parts.clock.afterTurn(() => {
      if (attempt === this.#attempt) this.#pump();
    });
  }

  /** The chunk, or a word about it if the peer has the same already. */
  #encode({ chunk, isSame }: QueuedChunk): Uint8Array {
    const { bytes, digest, progress } = chunk;
    assert(progress.chunks === this.#sent.chunks + 1, '[N6] chunks follow each other');
    this.#sent = progress;
    this.#trail.push(progress);
    if (this.#trail.length > trailChunksMax) this.#trail.shift();
    if (isSame) this.#counters.chunksCopied += 1;
    else this.#counters.chunksSent += 1;
    const encoded = isSame ? encodeSame(bytes.length, digest, progress.lastKey) : bytes;
    this.#counters.bytesSent += encoded.length;
    return encoded;
  }

  #compare(question: Pick<Comparison, 'after' | 'ranges'>): void {
    const attempt = this.#attempt;
    assert(question.ranges.length > 0, '[N12] a question is about chunks');
    const { shard, snapshot } = this.prepared;
    const body = encodeComparison({ shard, name: snapshot.data, ...question });
    this.#request = this.#parts.peers.request(
      this.peer,
      REQUEST_KIND.compareSnapshot,
      body,
      compareTimeoutMs,
      (outcome) => {
        if (attempt !== this.#attempt) return;
        this.#queue?.answer(outcome.kind === 'answered' ? outcome.body : NOTHING_EQUAL);
        this.#pump();
      },
    );
  }

  #end(result: SendResult): void {
    const onEnd = this.#onEnd;
    if (onEnd === undefined) return;
    this.#onEnd = undefined;
    this.#attempt += 1;
    this.#deadline?.cancel();
    this.#stream?.abort('the sender stops');
    this.#stream = undefined;
    this.#queue = undefined;
    onEnd(result);
  }
}

function isSamePlace(a: Progress, b: Progress): boolean {
  const hasSameCounts = a.chunks === b.chunks && a.pairs === b.pairs && a.bytes === b.bytes;
  return hasSameCounts && equalBytes(a.chain, b.chain) && equalBytes(a.lastKey, b.lastKey);
}
