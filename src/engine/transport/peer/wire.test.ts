// The lanes of one connection, with a stream and turns that the test holds in its hand.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clock, Stream } from '../../../base/capabilities.ts';
import type { SocketAddress } from '../../../base/ids.ts';
import { LIMITS } from '../../../base/limits.ts';
import { FRAME, FrameReader, HEADER_BYTES, LaneBuffer } from './frame.ts';
import { encodeHello } from './hello.ts';
import { TurnEnd } from './turn-end.ts';
import { Wire } from './wire.ts';

const KIB = 1024;

class Hand {
  readonly written: { kind: number; bytes: number }[][] = [];
  readonly parts: number[] = [];
  readonly wire: Wire;
  accepts = true;
  /** Bulk that waits for room on the connection. */
  bulkBytes = 0;
  /** What was asked of the stream, and whose frames were read, in their order. */
  readonly calls: string[] = [];
  readonly #turns: (() => void)[] = [];

  constructor(ordinaryBytesMax = 1024 * KIB) {
    const clock: Clock = {
      monotonicMs: () => 0,
      wallMs: () => 0,
      setTimer: () => ({ cancel: () => {} }),
      afterTurn: (call) => void this.#turns.push(call),
    };
    const parts = { clock, turnEnd: new TurnEnd(clock), ordinaryBytesMax };
    this.wire = new Wire(parts, {
      onGreeting: () => {},
      onWireFrame: (_type, kind) => {
        this.calls.push(`frame ${kind}`);
        return true;
      },
      onGone: (reason) => void this.calls.push(reason),
      onBulkRoom: (bytesMax) => this.#fill(bytesMax),
    });
    this.wire.attach(this.#stream());
  }

  /** Greetings are exchanged; `behind` comes in the same piece as the other side's. */
  greet(behind: Uint8Array = new Uint8Array(0)): this {
    const hello = { clusterId: '', member: 1, incarnation: 1n, callee: 0, features: 0 };
    this.wire.onData(Buffer.concat([encodeHello(hello), behind]));
    return this;
  }

  open(): this {
    this.wire.open();
    return this;
  }

  /** Ends turns until nothing is left to do; answers how many. */
  turns(max = 1_000): number {
    let done = 0;
    for (; done < max; done++) {
      const call = this.#turns.shift();
      if (call === undefined) break;
      call();
    }
    return done;
  }

  #fill(bytesMax: number): void {
    const bytes = Math.min(bytesMax, this.bulkBytes);
    if (bytes === 0) return;
    this.bulkBytes -= bytes;
    this.parts.push(bytes);
    this.wire.send('bulk', FRAME.streamChunk, 9, 1, new Uint8Array(bytes));
  }

  #stream(): Stream {
    const address = '10.0.0.1:1' as SocketAddress;
    return {
      local: address,
      remote: address,
      write: (bytes) => {
        const frames: { kind: number; bytes: number }[] = [];
        new FrameReader().push(bytes, {
          onWireFrame: (_type, kind, _id, _bytes, start, end) => {
            frames.push({ kind, bytes: end - start });
            return true;
          },
        });
        this.written.push(frames);
        return this.accepts;
      },
      end: () => {},
      destroy: () => {},
      pause: () => void this.calls.push('pause'),
      resume: () => void this.calls.push('resume'),
    };
  }
}

test('[T9, T10] while the stream takes nothing all waits, then leaves in one write', () => {
  const { wire, written, turns } = handed();
  written.accepts(false);
  wire.send('ordinary', FRAME.message, 1, 0, new Uint8Array(10));
  turns();
  assert.equal(written.list.length, 1);
  for (let i = 0; i < 3; i++) {
    wire.send('ordinary', FRAME.message, 2, 0, new Uint8Array(10));
    wire.send('urgent', FRAME.message, 3, 0, new Uint8Array(10));
  }
  assert.equal(turns(), 0, 'no turn is spent on what cannot leave');
  written.accepts(true);
  wire.onDrain();
  assert.deepEqual(
    written.list[1]?.map(({ kind }) => kind),
    [3, 3, 3, 2, 2, 2],
  );
});

test('[T10] a lane takes nothing beyond its limit, and again once it is empty', () => {
  const { wire, written, turns } = handed();
  written.accepts(false);
  const body = new Uint8Array(300 * KIB);
  const outcomes = [1, 2, 3, 4, 5, 6].map(() => wire.send('ordinary', FRAME.message, 1, 0, body));
  assert.deepEqual(outcomes, ['queued', 'queued', 'queued', 'full', 'full', 'full']);
  assert.equal(wire.send('urgent', FRAME.message, 1, 0, new Uint8Array(10)), 'queued');
  turns();
  assert.equal(wire.send('ordinary', FRAME.message, 1, 0, body), 'queued');
});

test('[T11] bulk leaves one part per write, a smaller one beside other traffic', () => {
  const hand = new Hand().greet().open();
  hand.bulkBytes = 1024 * KIB;
  hand.wire.send('urgent', FRAME.message, 1, 0, new Uint8Array(10));
  hand.turns(1);
  hand.wire.send('ordinary', FRAME.message, 1, 0, new Uint8Array(10));
  hand.turns(1);
  hand.turns();
  assert.deepEqual(
    hand.parts.map((bytes) => bytes / KIB),
    [64, 64, 256, 256, 256, 128],
  );
  for (const frames of hand.written) {
    const bulk = frames.filter(({ kind }) => kind === 9);
    assert.ok(bulk.length <= 1 && (bulk[0]?.bytes ?? 0) <= LIMITS.peer.bulkPartBytesMax);
    assert.equal(frames.at(-1), bulk[0] ?? frames.at(-1), 'the part comes last');
  }
});

test('[T11] bulk frames that wait leave in parts of whole frames', () => {
  const hand = new Hand().greet().open();
  const body = new Uint8Array(100 * KIB - HEADER_BYTES);
  for (let i = 0; i < 5; i++) hand.wire.send('bulk', FRAME.message, i, 0, body);
  assert.equal(hand.turns(), 4, 'three writes, and a turn that finds nothing');
  assert.deepEqual(
    hand.written.map((frames) => frames.map(({ kind }) => kind)),
    [[0, 1], [2, 3], [4]],
  );
});

test('[T11] what waited leaves in parts, and an urgent frame comes between them', () => {
  const { wire, written, turns } = handed(4 * 1024 * KIB);
  written.accepts(false);
  const body = new Uint8Array(100 * KIB - HEADER_BYTES);
  for (let i = 0; i < 30; i++) wire.send('ordinary', FRAME.message, 1, i, body);
  turns();
  wire.send('urgent', FRAME.message, 3, 0, new Uint8Array(10));
  wire.onDrain();
  written.accepts(true);
  wire.onDrain();
  turns();
  const kinds = written.list.map((frames) => frames.map(({ kind }) => kind).join(''));
  assert.deepEqual(kinds, ['1'.repeat(10), `3${'1'.repeat(10)}`, '1'.repeat(10)]);
});

function frameOf(kind: number): Uint8Array {
  const lane = new LaneBuffer();
  lane.appendEmpty(FRAME.message, kind, 0);
  const bytes = new Uint8Array(lane.length);
  lane.moveTo(bytes, 0, bytes.length);
  return bytes;
}

test('[T2] while the greeting is weighed nothing more is read, and what came is kept', () => {
  const hand = new Hand().greet(frameOf(1));
  assert.deepEqual(hand.calls, ['pause']);
  // Was read before the pause.
  hand.wire.onData(frameOf(2).slice(0, 5));
  hand.wire.onData(frameOf(2).slice(5));
  assert.deepEqual(hand.calls, ['pause']);
  hand.open();
  assert.deepEqual(hand.calls, ['pause', 'frame 1', 'frame 2', 'resume']);
});

test('[T2] what comes before the greeting is taken is bounded', () => {
  const hand = new Hand().greet();
  for (let i = 0; i < 3; i++) hand.wire.onData(new Uint8Array(LIMITS.peer.frameBytesMax / 2));
  assert.equal(hand.calls.at(-1), 'frames before the greeting was taken');
});

test('[T13] the bytes of the lane that were written tell which of its frames have left', () => {
  const { wire, written, turns } = handed();
  const frameBytes = HEADER_BYTES + 10;
  const count = (): readonly number[] => [wire.ordinaryWritten, wire.ordinaryEnd];
  wire.send('ordinary', FRAME.message, 1, 0, new Uint8Array(10));
  assert.deepEqual(count(), [0, frameBytes]);
  written.accepts(false);
  turns();
  assert.deepEqual(count(), [frameBytes, frameBytes]);
  wire.send('ordinary', FRAME.message, 1, 0, new Uint8Array(10));
  turns();
  assert.deepEqual(count(), [frameBytes, 2 * frameBytes], 'the stream takes no more');
});

function handed(ordinaryBytesMax?: number) {
  const hand = new Hand(ordinaryBytesMax).greet().open();
  const accepts = (does: boolean): void => {
    hand.accepts = does;
  };
  return {
    wire: hand.wire,
    written: { list: hand.written, accepts },
    turns: () => hand.turns(),
  };
}
