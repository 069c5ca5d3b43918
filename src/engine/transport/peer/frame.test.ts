import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type FrameFault, FrameReader, type FrameSink, HEADER_BYTES, LaneBuffer } from './frame.ts';

interface Got {
  readonly type: number;
  readonly kind: number;
  readonly id: number;
  readonly body: string;
}

class Collector implements FrameSink {
  readonly got: Got[] = [];
  max = Number.POSITIVE_INFINITY;

  onWireFrame(
    type: number,
    kind: number,
    id: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    isOwned: boolean,
  ): boolean {
    if (isOwned) assert.equal(end, bytes.length);
    this.got.push({ type, kind, id, body: hex(bytes.subarray(start, end)) });
    return this.got.length < this.max;
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function taken(lane: LaneBuffer): Uint8Array {
  const bytes = new Uint8Array(lane.length);
  lane.moveTo(bytes, 0, bytes.length);
  return bytes;
}

function frameOf(body: Uint8Array, prefix = -1): Uint8Array {
  const lane = new LaneBuffer();
  lane.append(2, 3, 4, body, prefix);
  return taken(lane);
}

function faultOf(bytes: Uint8Array, bodyBytesMax = 1_000): FrameFault | undefined {
  return new FrameReader(bodyBytesMax).push(bytes, new Collector());
}

test('[T8] the bytes of a frame are those of version 1', () => {
  assert.equal(hex(frameOf(Uint8Array.of(0xaa, 0xbb)).subarray(4)), '020000000200030004000000aabb');
  const withPrefix = frameOf(Uint8Array.of(0xaa), 0x01020304);
  assert.equal(hex(withPrefix.subarray(4)), '05000000020003000400000004030201aa');
  assert.equal(hex(frameOf(Uint8Array.of(0xaa, 0xbb)).subarray(0, 4)), '879f1131');
});

test('[T8] frames arrive as they were written, however the bytes are cut', () => {
  const frames = fc.array(
    fc.record({
      type: fc.nat(255),
      kind: fc.nat(0xffff),
      id: fc.nat(2 ** 32 - 1),
      body: fc.uint8Array({ maxLength: 300 }),
    }),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 200 })), (sent, cuts) => {
      const lane = new LaneBuffer();
      for (const { type, kind, id, body } of sent) lane.append(type, kind, id, body);
      const bytes = taken(lane);
      const reader = new FrameReader(300);
      const collector = new Collector();
      let at = 0;
      for (let i = 0; at < bytes.length; i++) {
        const size = cuts.length === 0 ? bytes.length : (cuts[i % cuts.length] as number);
        assert.equal(reader.push(bytes.slice(at, at + size), collector), undefined);
        at += size;
      }
      assert.deepEqual(
        collector.got,
        sent.map((frame) => ({ ...frame, body: hex(frame.body) })),
      );
      assert.equal(reader.heldBytes, 0);
    }),
  );
});

test('[T8] a flipped bit anywhere but in the length is a wrong checksum', () => {
  const bytes = frameOf(new Uint8Array(20).fill(7));
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    if (bit >= 32 && bit < 64) continue;
    const copy = bytes.slice();
    copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
    assert.equal(faultOf(copy), 'checksum', `bit ${bit}`);
  }
});

test('[T8] a length beyond the limit is refused with its header, in one piece and in two', () => {
  const bytes = frameOf(new Uint8Array(1_001));
  assert.equal(faultOf(bytes), 'tooLong');
  assert.equal(faultOf(frameOf(new Uint8Array(1_000))), undefined);
  const reader = new FrameReader(1_000);
  assert.equal(reader.push(bytes.slice(0, 10), new Collector()), undefined);
  assert.equal(reader.push(bytes.slice(10, HEADER_BYTES), new Collector()), 'tooLong');
});

test('[T8] a length that nothing follows takes no memory', () => {
  const bytes = frameOf(new Uint8Array(5_000_000));
  const reader = new FrameReader(8_000_000);
  reader.push(bytes.slice(0, HEADER_BYTES + 100), new Collector());
  assert.ok(reader.heldBytes < 300, `${reader.heldBytes} bytes`);
  reader.push(bytes.slice(HEADER_BYTES + 100, 3_000_000), new Collector());
  assert.ok(reader.heldBytes < 6_000_000);
  const collector = new Collector();
  reader.push(bytes.slice(3_000_000), collector);
  assert.equal(collector.got.length, 1);
  assert.equal(reader.heldBytes, 0);
});

test('a sink that has enough gets no more', () => {
  const two = Buffer.concat([frameOf(Uint8Array.of(1)), frameOf(Uint8Array.of(2))]);
  for (const pieces of [[two], [two.subarray(0, 5), two.subarray(5)]]) {
    const collector = new Collector();
    collector.max = 1;
    const reader = new FrameReader(100);
    for (const piece of pieces) assert.equal(reader.push(piece, collector), undefined);
    assert.equal(collector.got.length, 1);
  }
});

test('[T11] a lane tells how many whole frames make a part', () => {
  const lane = new LaneBuffer();
  for (let i = 0; i < 5; i++) lane.append(1, 0, i, new Uint8Array(84));
  assert.equal(lane.wholeFrames(50), 100, 'one at least');
  assert.equal(lane.wholeFrames(299), 200);
  assert.equal(lane.wholeFrames(300), 300);
  lane.moveTo(new Uint8Array(300), 0, 300);
  assert.equal(lane.wholeFrames(1_000), 200);
});

test('a lane that is filled and emptied unevenly keeps its bytes in order', () => {
  const sizes = fc.array(fc.nat(3_000), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(sizes, fc.array(fc.nat(4_000)), (bodies, takes) => {
      const lane = new LaneBuffer();
      const parts: Uint8Array[] = [];
      for (const [i, size] of bodies.entries()) {
        lane.append(1, i, i, new Uint8Array(size).fill(i));
        const count = Math.min(lane.length, takes[i] ?? 0);
        const part = new Uint8Array(count);
        lane.moveTo(part, 0, count);
        parts.push(part);
      }
      parts.push(taken(lane));
      const collector = new Collector();
      assert.equal(new FrameReader(3_000).push(Buffer.concat(parts), collector), undefined);
      assert.deepEqual(
        collector.got.map(({ id, body }) => [id, body.length / 2]),
        bodies.map((size, i) => [i, size]),
      );
    }),
  );
});
