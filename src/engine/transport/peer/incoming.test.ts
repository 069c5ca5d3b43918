// What the other side asks and sends, without the connection that brings it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeardStream } from '../../../../test/support/peer-member.ts';
import { must } from '../../../base/assert.ts';
import { LIMITS } from '../../../base/limits.ts';
import { IncomingRequests } from './incoming-requests.ts';
import { IncomingStreams } from './incoming-streams.ts';
import { wireStage } from './noting-wire.support.ts';
import { StreamSlots } from './stream-parts.ts';
import type { IncomingRequest } from './types.ts';

const QUESTION = new Uint8Array(3);

function stage() {
  const { world, clock, makeWire } = wireStage();
  return { world, clock, wire: makeWire() };
}

function asked(requests: IncomingRequests, id: number, timeoutMs = 100): IncomingRequest {
  const request = requests.take(2, 1, id, timeoutMs, QUESTION);
  assert.ok(request !== 'broken' && request !== undefined, `request ${id} is taken`);
  return request;
}

test('[T15] an abandoned request may be answered, and nobody hears it', () => {
  const { clock, wire } = stage();
  const requests = new IncomingRequests(clock, wire, 10);
  const [first, second] = [asked(requests, 1), asked(requests, 2)];
  requests.cancel(1);
  first.respond(QUESTION);
  requests.abandonAll();
  second.refuse('full');
  assert.deepEqual(wire.sent, []);
  assert.throws(() => first.respond(QUESTION), /answered once/);
  asked(requests, 1).respond(Buffer.from('a'));
  assert.deepEqual(wire.sent, ['response 1 a'], 'the number was free again');
});

test('[T16] requests that nobody waits for any more make room when there is none', async () => {
  const { world, clock, wire } = stage();
  const requests = new IncomingRequests(clock, wire, 3);
  const forgotten = asked(requests, 1, 100);
  asked(requests, 2, 10_000);
  asked(requests, 3, 10_000);
  assert.equal(requests.take(2, 1, 4, 100, QUESTION), undefined);
  assert.deepEqual(wire.sent, ['refusal 4']);
  await world.runFor(200);
  asked(requests, 5);
  assert.equal(forgotten.isAbandoned, true);
  assert.equal(requests.take(2, 1, 6, 100, QUESTION), undefined);
});

function streams() {
  const { world, clock, wire } = stage();
  const slots = new StreamSlots(2);
  const incoming = new IncomingStreams({ clock, slots, stallMs: 1_000 }, wire);
  const heard: HeardStream[] = [];
  const open = (id: number, prepare: (stream: HeardStream) => void = () => {}): boolean =>
    incoming.onOpen(id, () => {
      const stream = new HeardStream(2, 1, QUESTION);
      prepare(stream);
      heard.push(stream);
      return stream;
    });
  return { world, wire, incoming, heard, open };
}

test('[T19] a chunk beyond its limit is not gathered', () => {
  const { incoming, open } = streams();
  assert.ok(open(1));
  const part = new Uint8Array(LIMITS.peer.chunkBytesMax / 2);
  assert.equal(incoming.onPart(1, false, part), true);
  assert.equal(incoming.onPart(1, false, part), true);
  assert.equal(incoming.onPart(1, true, new Uint8Array(1)), false);
});

test('[T19] more than the window is not held', () => {
  const { incoming, open, heard } = streams();
  open(1, (stream) => {
    stream.consume = () => new Promise(() => {});
  });
  const chunk = new Uint8Array(LIMITS.peer.chunkBytesMax);
  const fit = LIMITS.peer.streamWindowBytes / chunk.length;
  for (let i = 0; i < fit; i++) assert.equal(incoming.onPart(1, true, chunk), true);
  assert.equal(incoming.onPart(1, true, new Uint8Array(1)), false);
  assert.equal(must(heard[0], 'it opened').chunks.length, 1);
});

test('[T18] chunks are put together, handed over one by one, and the end comes last', async () => {
  const { world, wire, incoming, open, heard } = streams();
  const goOn: (() => void)[] = [];
  open(1, (stream) => {
    stream.consume = () => new Promise((resolve) => goOn.push(resolve));
  });
  for (const [i, word] of ['on', 'e', 'two', 'three'].entries()) {
    incoming.onPart(1, i > 0, Buffer.from(word));
  }
  incoming.onFinish(1);
  assert.equal(incoming.onPart(1, true, QUESTION), false, 'nothing follows the end');
  const stream = must(heard[0], 'it opened');
  for (let i = 0; i < 3; i++) {
    assert.deepEqual([stream.chunks.length, stream.finished], [i + 1, false]);
    goOn[i]?.();
    await world.runFor(1);
  }
  assert.deepEqual(
    stream.chunks.map((chunk) => Buffer.from(chunk).toString()),
    ['one', 'two', 'three'],
  );
  assert.deepEqual(wire.sent, [
    'streamCredit 1 3',
    'streamCredit 1 3',
    'streamCredit 1 5',
    'streamAccepted 1',
  ]);
});

type Streams = ReturnType<typeof streams>;

const ENDS: Record<string, (given: Streams) => unknown> = {
  aborted: ({ incoming }) => incoming.onAbort(2, 'enough'),
  finished: ({ incoming }) => incoming.onFinish(2),
  'broken off': ({ incoming }) => incoming.lose('gone'),
  stalled: ({ world, incoming }) => world.runFor(1_001).then(() => incoming.tick(world.nowMs)),
};

for (const [how, end] of Object.entries(ENDS)) {
  test(`[T22] the place of a stream that was ${how} is free again`, async () => {
    const given = streams();
    for (const id of [1, 2, 3]) assert.ok(given.open(id));
    assert.deepEqual(given.wire.sent, ['streamRefused 3 too many streams at once']);
    await end(given);
    await given.world.runFor(1);
    given.open(4);
    assert.equal(given.heard.length, 3);
  });
}
