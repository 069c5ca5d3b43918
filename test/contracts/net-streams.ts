import assert from 'node:assert/strict';
import type { Stream, StreamHandler, StreamListener } from '../../src/base/capabilities.ts';
import { ParleyError } from '../../src/base/errors.ts';
import { type Bench, type MakeBench, rulesFor } from './contract.ts';
import type { NetSubject } from './net-datagrams.ts';

/** One side of a stream and all that it heard. */
class Side implements StreamHandler {
  received = Buffer.alloc(0);
  drains = 0;
  ended = false;
  closed = false;
  reason: string | undefined;

  onData(bytes: Uint8Array): void {
    assert.equal(this.ended || this.closed, false, 'nothing follows the end');
    assert.equal(bytes.constructor, Uint8Array, 'plain bytes, whose slice is a copy');
    this.received = Buffer.concat([this.received, bytes]);
  }

  onDrain(): void {
    this.drains += 1;
  }

  onEnd(): void {
    this.ended = true;
  }

  onClose(reason: string | undefined): void {
    assert.equal(this.closed, false, 'a stream closes once');
    this.closed = true;
    this.reason = reason;
  }
}

interface Pair {
  readonly client: Stream;
  readonly server: Stream;
  readonly atClient: Side;
  readonly atServer: Side;
  readonly listener: StreamListener;
}

async function connected(bench: Bench<NetSubject>): Promise<Pair> {
  const { net, anyPort } = bench.subject;
  const [atClient, atServer] = [new Side(), new Side()];
  let accepted: Stream | undefined;
  const listener = await bench.settle(
    net.listenStreams(anyPort, (stream) => {
      accepted = stream;
      return atServer;
    }),
  );
  const client = await bench.settle(net.connectStream(listener.address, atClient, 1_000));
  await bench.until(() => accepted !== undefined, 'the listener hears of it');
  return { client, server: accepted as unknown as Stream, atClient, atServer, listener };
}

async function finish(bench: Bench<NetSubject>, pair: Pair): Promise<void> {
  pair.client.destroy();
  pair.server.destroy();
  await bench.until(() => pair.atClient.closed && pair.atServer.closed, 'both sides close');
  await bench.settle(pair.listener.close());
}

export function streamContract(name: string, make: MakeBench<NetSubject>): void {
  const rule = rulesFor(name, make);

  rule('both sides know both addresses', async (bench) => {
    const pair = await connected(bench);
    assert.equal(pair.client.remote, pair.listener.address);
    assert.equal(pair.server.local, pair.listener.address);
    assert.equal(pair.client.local, pair.server.remote);
    await finish(bench, pair);
  });

  rule('bytes arrive in order in both directions, whatever their cutting', async (bench) => {
    const pair = await connected(bench);
    const sent: Buffer[] = [];
    for (let i = 0; i < 200; i++) {
      const chunk = Buffer.alloc((i * 37) % 900, i);
      sent.push(Buffer.from(chunk));
      pair.client.write(chunk);
    }
    pair.server.write(Buffer.from('and back'));
    const expected = Buffer.concat(sent);
    await bench.until(() => pair.atServer.received.length >= expected.length, 'all arrives');
    assert.ok(pair.atServer.received.equals(expected));
    await bench.until(() => pair.atClient.received.length >= 8, 'the answer arrives');
    assert.equal(pair.atClient.received.toString(), 'and back');
    await finish(bench, pair);
  });

  rule('a reader that pauses stops a writer that listens to write', async (bench) => {
    const pair = await connected(bench);
    pair.server.pause();
    let written = 0;
    let wantsMore = true;
    // The system's own buffers take some megabytes before it says stop.
    while (wantsMore && written < 64 * 1024 * 1024) {
      wantsMore = pair.client.write(Buffer.alloc(64 * 1024));
      written += 64 * 1024;
      await bench.wait(0);
    }
    assert.equal(wantsMore, false);
    await bench.wait(20);
    assert.equal(pair.atClient.drains, 0);
    assert.ok(pair.atServer.received.length < written);
    pair.server.resume();
    await bench.until(() => pair.atClient.drains > 0, 'the writer may go on');
    await bench.until(() => pair.atServer.received.length === written, 'nothing is missing');
    await finish(bench, pair);
  });

  rule('a side that ended still receives its answer', async (bench) => {
    const pair = await connected(bench);
    pair.client.write(Buffer.from('question'));
    pair.client.end();
    await bench.until(() => pair.atServer.ended, 'the server hears the end');
    assert.equal(pair.atServer.received.toString(), 'question');
    pair.server.write(Buffer.from('answer'));
    pair.server.end();
    await bench.until(() => pair.atClient.closed && pair.atServer.closed, 'both sides close');
    assert.equal(pair.atClient.received.toString(), 'answer');
    assert.equal(pair.atClient.reason, undefined);
    assert.equal(pair.atServer.reason, undefined);
    await bench.settle(pair.listener.close());
  });

  rule('destroying a stream closes it here and tells the other side', async (bench) => {
    const pair = await connected(bench);
    pair.client.destroy();
    await bench.until(() => pair.atClient.closed, 'it closes here');
    await bench.until(() => pair.atServer.ended || pair.atServer.closed, 'the other side hears');
    pair.client.write(Buffer.from('lost'));
    assert.equal(pair.atServer.received.length, 0);
    await finish(bench, pair);
  });

  rule('writing to a peer that destroyed its side ends in a close with a reason', async (bench) => {
    const pair = await connected(bench);
    pair.client.destroy();
    await bench.until(() => pair.atServer.ended || pair.atServer.closed, 'the other side hears');
    for (let i = 0; i < 50 && !pair.atServer.closed; i++) {
      pair.server.write(Buffer.from('are you there?'));
      await bench.wait(2);
    }
    assert.equal(pair.atServer.closed, true);
    assert.match(pair.atServer.reason ?? '', /^(ECONNRESET|EPIPE)$/);
    await bench.settle(pair.listener.close());
  });

  rule('nobody listening is E_UNREACHABLE', async (bench) => {
    const { net, anyPort } = bench.subject;
    const listener = await bench.settle(net.listenStreams(anyPort, () => new Side()));
    await bench.settle(listener.close());
    await assert.rejects(
      bench.settle(net.connectStream(listener.address, new Side(), 1_000)),
      (error) => error instanceof ParleyError && error.code === 'E_UNREACHABLE',
    );
  });

  rule('an address that is taken, or is not ours, is refused with its code', async (bench) => {
    const { net, anyPort, foreign } = bench.subject;
    const listener = await bench.settle(net.listenStreams(anyPort, () => new Side()));
    await assert.rejects(
      bench.settle(net.listenStreams(listener.address, () => new Side())),
      (error) => error instanceof ParleyError && error.code === 'E_ADDRESS_IN_USE',
    );
    await assert.rejects(
      bench.settle(net.listenStreams(foreign, () => new Side())),
      (error) => error instanceof ParleyError && error.code === 'E_ADDRESS_UNUSABLE',
    );
    await bench.settle(listener.close());
  });

  rule('a listener that closed keeps the streams it accepted', async (bench) => {
    const pair = await connected(bench);
    await bench.settle(pair.listener.close());
    pair.client.write(Buffer.from('still open'));
    await bench.until(() => pair.atServer.received.length === 10, 'bytes still arrive');
    await finish(bench, pair);
  });
}
