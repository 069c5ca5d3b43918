// What this side sends as streams, without the connection that carries it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { must } from '../../../base/assert.ts';
import { LIMITS } from '../../../base/limits.ts';
import { FRAME } from './frame.ts';
import { wireStage } from './noting-wire.support.ts';
import { OutgoingStreams } from './outgoing-streams.ts';
import { StreamRate, StreamSlots } from './stream-parts.ts';
import type { OutgoingStream } from './types.ts';

const KIB = 1024;
const NOTHING = new Uint8Array(0);

function stage(bytesPerSecond = 1e12) {
  const { world, clock, turnEnd, makeWire } = wireStage();
  const wire = makeWire();
  const rate = new StreamRate(clock, bytesPerSecond);
  const parts = { clock, turnEnd, rate, slots: new StreamSlots(4), stallMs: 1_000 };
  const streams = new OutgoingStreams(parts, wire);
  const ends: string[] = [];
  const open = (): OutgoingStream => {
    const handler = {
      onDrain: () => void ends.push('drain'),
      onEnd: (end: { kind: string }) => void ends.push(end.kind),
    };
    return must(streams.open(1, NOTHING, handler), 'there is a place');
  };
  const credit = (id: number, bytes: number): boolean => {
    const body = new Uint8Array(4);
    new DataView(body.buffer).setUint32(0, bytes, true);
    return streams.onFrame(FRAME.streamCredit, id, body);
  };
  return { world, wire, streams, open, credit, ends };
}

test('[T19] a window is used up, and given back piece by piece, never beyond it', () => {
  const { wire, streams, open, credit } = stage();
  const stream = open();
  const chunk = LIMITS.peer.chunkBytesMax;
  for (let i = 0; i < 6; i++) stream.write(new Uint8Array(chunk));
  wire.sent.length = 0;
  for (let i = 0; i < 6; i++) streams.onBulkRoom(chunk);
  assert.equal(wire.sent.length, LIMITS.peer.streamWindowBytes / chunk);
  assert.equal(credit(1, chunk - 1), true);
  streams.onBulkRoom(chunk);
  assert.equal(wire.sent.length, 4, 'a part waits for credit for all of it');
  let wakes = 0;
  wire.wake = () => {
    wakes += 1;
  };
  assert.equal(credit(1, 1), true);
  assert.equal(wakes, 1, 'credit is a reason to go on');
  streams.onBulkRoom(chunk);
  assert.equal(wire.sent.length, 5);
  assert.equal(credit(1, LIMITS.peer.streamWindowBytes + 1), false);
  assert.equal(streams.onFrame(FRAME.streamCredit, 1, NOTHING), false);
  assert.equal(credit(9, 1), false, 'there never was such a stream');
});

test('[T20] a writer that does not wait is stopped', () => {
  const { open } = stage();
  const stream = open();
  assert.equal(stream.write(new Uint8Array(256 * KIB)), true);
  assert.equal(stream.write(new Uint8Array(256 * KIB)), false);
  assert.throws(() => {
    for (;;) stream.write(new Uint8Array(256 * KIB));
  }, /\[T20\] a writer that is told to wait/);
  assert.throws(() => stream.write(new Uint8Array(256 * KIB + 1)), /\[T20\] a chunk keeps/);
  stream.finish();
  assert.throws(() => stream.finish(), /finishes once/);
});

test('streams of one connection take turns', () => {
  const { wire, streams, open } = stage();
  const three = [open(), open(), open()];
  for (const stream of three) {
    for (let i = 0; i < 2; i++) stream.write(Buffer.from('x'));
    stream.finish();
  }
  wire.sent.length = 0;
  for (let i = 0; i < 9; i++) streams.onBulkRoom(64 * KIB);
  const round = (what: string): string[] => [1, 2, 3].map((id) => what.replace('#', `${id}`));
  const chunks = round('streamChunk # x');
  assert.deepEqual(wire.sent, [...chunks, ...chunks, ...round('streamFinish #')]);
});

test('[T21] who finds the bucket empty goes on when it has filled', async () => {
  const { world, wire, streams, open } = stage(256 * KIB * 10);
  const stream = open();
  for (let i = 0; i < 3; i++) stream.write(new Uint8Array(256 * KIB));
  wire.sent.length = 0;
  const times: number[] = [];
  wire.wake = () => {
    while (times.length <= wire.sent.length) {
      const before = wire.sent.length;
      streams.onBulkRoom(256 * KIB);
      if (wire.sent.length === before) return;
      times.push(Math.round(world.nowMs));
    }
  };
  wire.wake();
  await world.runFor(1_000);
  assert.deepEqual(times, [0, 100, 200]);
});

test('[T21] the wait for a full bucket is never nothing', () => {
  const delays: number[] = [];
  const clock = {
    monotonicMs: () => 0,
    wallMs: () => 0,
    setTimer: (delayMs: number) => {
      delays.push(delayMs);
      return { cancel: () => {} };
    },
    afterTurn: () => {},
  };
  const rate = new StreamRate(clock, 1e12);
  const bucket = (1e12 / 1_000) * 50;
  assert.equal(
    rate.take(bucket, () => {}),
    true,
  );
  // A nanosecond would do, but no clock could tell that it has passed.
  assert.equal(
    rate.take(1, () => {}),
    false,
  );
  assert.deepEqual(delays, [1]);
});

test('[T18] an end is told once, and what the other side says later is passed over', async () => {
  const { world, streams, open, credit, ends } = stage();
  const [aborted, accepted] = [open(), open()];
  aborted.abort('enough');
  aborted.abort('more than enough');
  assert.deepEqual(ends, [], 'never within the call');
  await world.runFor(1);
  assert.equal(streams.onFrame(FRAME.streamRefused, 1, NOTHING), true);
  assert.equal(credit(1, 10), true);
  accepted.finish();
  streams.onBulkRoom(1);
  assert.equal(streams.onFrame(FRAME.streamAccepted, 2, NOTHING), true);
  assert.equal(streams.onFrame(FRAME.streamAccepted, 2, NOTHING), true);
  streams.lose('gone');
  assert.deepEqual(ends, ['failed', 'accepted']);
  assert.equal(accepted.write(new Uint8Array(1)), true, 'nobody minds what comes after');
});

test('[T22] a writer that has nothing to write for long does not stall', () => {
  const { streams, open, ends } = stage();
  const idle = open();
  streams.tick(5_000);
  streams.tick(10_000);
  assert.deepEqual(ends, []);
  idle.write(new Uint8Array(10));
  streams.tick(10_900);
  assert.deepEqual(ends, []);
});
