// One state on its way to one peer: walks the prepared state in the order of its keys and sends it
// in chunks, no faster than the peer takes them.

import { assert } from '../../base/assert.ts';
import { equalBytes } from '../../base/bytes.ts';
import type { Timer } from '../../base/capabilities.ts';
import { LIMITS } from '../../base/limits.ts';
import type { StorePair } from '../../engine/store/index.ts';
import type { MemberId, OutgoingStream } from '../../engine/transport/index.ts';
import { REQUEST_KIND, STREAM_KIND } from '../codec/index.ts';
import { endOfPrefix, NO_PROGRESS, type PreparedSnapshot, type Progress } from '../state/index.ts';
import type { SnapshotLimits, SnapshotParts } from './types.ts';
import {
  decodeVerdict,
  encodeEnd,
  encodeHeader,
  encodePairs,
  pairBytes,
  progressAfter,
} from './wire.ts';

const { offerTimeoutMs, trailChunksMax } = LIMITS.snapshots;

export type SendResult = 'sent' | 'interrupted';

interface SendCounters {
  resumed: number;
  chunksSent: number;
  bytesSent: number;
}

/** A transfer outlives an interruption: `start` goes on where the peer says it is. */
export class OutgoingTransfer {
  readonly peer: MemberId;
  readonly prepared: PreparedSnapshot;
  readonly #parts: SnapshotParts;
  readonly #limits: SnapshotLimits;
  readonly #counters: SendCounters;
  /** Where the transfer stood after each of the last chunks. */
  #trail: Progress[] = [];
  #progress: Progress = NO_PROGRESS;
  #offer: Uint8Array = new Uint8Array(0);
  #onEnd: ((result: SendResult) => void) | undefined;
  #request = 0;
  #stream: OutgoingStream | undefined;
  #deadline: Timer | undefined;
  #isBlocked = false;
  /** Tells a late answer of an earlier start from one of this. */
  #attempt = 0;

  constructor(
    peer: MemberId,
    prepared: PreparedSnapshot,
    parts: SnapshotParts,
    limits: SnapshotLimits,
    counters: SendCounters,
  ) {
    this.peer = peer;
    this.prepared = prepared;
    this.#parts = parts;
    this.#limits = limits;
    this.#counters = counters;
  }

  get isRunning(): boolean {
    return this.#onEnd !== undefined;
  }

  /** Whether there is anything to go on from. */
  get hasBegun(): boolean {
    return this.#trail.length > 0;
  }

  /** `offer` is the message that the state belongs to; its term may differ from the last time. */
  start(offer: Uint8Array, onEnd: (result: SendResult) => void): void {
    assert(!this.isRunning, '[N5] a transfer runs once at a time');
    this.#offer = offer;
    this.#onEnd = onEnd;
    this.#attempt += 1;
    const attempt = this.#attempt;
    const { clock, peers } = this.#parts;
    this.#deadline = clock.setTimer(this.#limits.transferMsMax, () => this.#end('interrupted'));
    this.#request = peers.request(
      this.peer,
      REQUEST_KIND.offerSnapshot,
      offer,
      offerTimeoutMs,
      (outcome) => {
        if (attempt !== this.#attempt) return;
        const isAnswered = outcome.kind === 'answered';
        const verdict = isAnswered ? decodeVerdict(outcome.body) : undefined;
        if (verdict?.kind === 'taken') this.#end('sent');
        else if (verdict?.kind === 'wanted') this.#begin(verdict.progress);
        else this.#end('interrupted');
      },
    );
  }

  /** Ends it, if it runs. */
  stop(): void {
    this.#parts.peers.cancel(this.#request);
    this.#end('interrupted');
  }

  /** [N6] Goes on where the peer stands, if that is a place where this transfer was. */
  #begin(at: Progress): void {
    const known = this.#trail.find((was) => isSamePlace(was, at));
    if (known !== undefined) this.#counters.resumed += 1;
    this.#progress = known ?? NO_PROGRESS;
    this.#trail = known === undefined ? [] : [known];
    const header = encodeHeader(this.#progress.chunks, this.#offer);
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

  /** One chunk a turn, so that writes and heartbeats go on in between. */
  #pump(): void {
    const stream = this.#stream;
    if (stream === undefined || this.#isBlocked) return;
    const chunk = this.#nextChunk();
    if (chunk === undefined) {
      stream.write(encodeEnd(this.#progress));
      stream.finish();
      return;
    }
    this.#counters.chunksSent += 1;
    this.#counters.bytesSent += chunk.length;
    this.#isBlocked = !stream.write(chunk);
    if (this.#isBlocked) return;
    const attempt = this.#attempt;
    this.#parts.clock.afterTurn(() => {
      if (attempt === this.#attempt) this.#pump();
    });
  }

  #nextChunk(): Uint8Array | undefined {
    const { view, prefix } = this.prepared;
    const pairs: StorePair[] = [];
    let bytes = 0;
    for (const { key, value } of view.range(this.#firstKey(), endOfPrefix(prefix))) {
      const pair = { key: key.subarray(prefix.length), value };
      const more = pairBytes(pair);
      if (bytes + more > this.#limits.chunkBytesMax && pairs.length > 0) break;
      pairs.push(pair);
      bytes += more;
    }
    if (pairs.length === 0) return undefined;
    const chunk = encodePairs(pairs, bytes);
    this.#progress = progressAfter(this.#progress, chunk, pairs);
    this.#trail.push(this.#progress);
    if (this.#trail.length > trailChunksMax) this.#trail.shift();
    return chunk;
  }

  /** The first key that was not sent: the last one and a zero byte is the next key there can be. */
  #firstKey(): Uint8Array {
    const { lastKey, chunks } = this.#progress;
    const { prefix } = this.prepared;
    if (chunks === 0) return prefix;
    const key = new Uint8Array(prefix.length + lastKey.length + 1);
    key.set(prefix);
    key.set(lastKey, prefix.length);
    return key;
  }

  #end(result: SendResult): void {
    const onEnd = this.#onEnd;
    if (onEnd === undefined) return;
    this.#onEnd = undefined;
    this.#attempt += 1;
    this.#deadline?.cancel();
    this.#stream?.abort('the sender stops');
    this.#stream = undefined;
    onEnd(result);
  }
}

function isSamePlace(a: Progress, b: Progress): boolean {
  const hasSameCounts = a.chunks === b.chunks && a.pairs === b.pairs && a.bytes === b.bytes;
  return hasSameCounts && equalBytes(a.chain, b.chain) && equalBytes(a.lastKey, b.lastKey);
}
