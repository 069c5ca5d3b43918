import assert from 'node:assert/strict';
import type { DatagramHandler, DatagramSocket, Net } from '../../src/base/capabilities.ts';
import { ParleyError } from '../../src/base/errors.ts';
import type { SocketAddress } from '../../src/base/ids.ts';
import { type Bench, type MakeBench, rulesFor } from './contract.ts';

export interface NetSubject {
  readonly net: Net;
  /** Binds here get a free port. */
  readonly anyPort: SocketAddress;
  /** An address that no machine of this network has. */
  readonly foreign: SocketAddress;
  /** A name that resolves, and one that does not. */
  readonly knownName: string;
  readonly unknownName: string;
}

interface Seen extends DatagramHandler {
  readonly got: { readonly text: string; readonly from: SocketAddress }[];
  readonly troubles: string[];
}

function recorder(): Seen {
  const got: Seen['got'] = [];
  const troubles: string[] = [];
  return {
    got,
    troubles,
    onDatagram: (bytes, from) => {
      assert.equal(bytes.constructor, Uint8Array, 'plain bytes, whose slice is a copy');
      got.push({ text: Buffer.from(bytes).toString(), from });
    },
    onTrouble: (reason) => troubles.push(reason),
  };
}

async function openTwo(bench: Bench<NetSubject>): Promise<{
  a: DatagramSocket;
  b: DatagramSocket;
  seen: Seen;
}> {
  const { net, anyPort } = bench.subject;
  const seen = recorder();
  const a = await bench.settle(net.openDatagrams(anyPort, recorder()));
  const b = await bench.settle(net.openDatagrams(anyPort, seen));
  return { a, b, seen };
}

async function closeAll(bench: Bench<NetSubject>, ...sockets: DatagramSocket[]): Promise<void> {
  for (const socket of sockets) await bench.settle(socket.close());
}

export function datagramContract(name: string, make: MakeBench<NetSubject>): void {
  const rule = rulesFor(name, make);

  rule('a datagram arrives whole, with the address to answer to', async (bench) => {
    const { a, b, seen } = await openTwo(bench);
    a.send(Buffer.from('hello'), b.address);
    await bench.until(() => seen.got.length === 1, 'a datagram arrives');
    assert.deepEqual(seen.got, [{ text: 'hello', from: a.address }]);
    assert.equal(a.counters.sent, 1);
    assert.equal(b.counters.received, 1);
    await closeAll(bench, a, b);
  });

  rule('an empty datagram is a datagram', async (bench) => {
    const { a, b, seen } = await openTwo(bench);
    a.send(new Uint8Array(0), b.address);
    await bench.until(() => seen.got.length === 1, 'it arrives');
    assert.equal(seen.got[0]?.text, '');
    await closeAll(bench, a, b);
  });

  rule('the sender may reuse its buffer at once', async (bench) => {
    const { a, b, seen } = await openTwo(bench);
    const buffer = Buffer.from('first');
    a.send(buffer, b.address);
    buffer.write('other');
    a.send(buffer, b.address);
    await bench.until(() => seen.got.length === 2, 'both arrive');
    assert.deepEqual(seen.got.map(({ text }) => text).toSorted(), ['first', 'other']);
    await closeAll(bench, a, b);
  });

  rule('65,507 bytes pass, one more is lost with a word about it', async (bench) => {
    const { net, anyPort } = bench.subject;
    const seen = recorder();
    const a = await bench.settle(net.openDatagrams(anyPort, seen));
    a.send(new Uint8Array(65_507), a.address);
    a.send(new Uint8Array(65_508), a.address);
    await bench.until(() => seen.got.length === 1 && seen.troubles.length === 1, 'one of two');
    assert.equal(seen.got[0]?.text.length, 65_507);
    assert.deepEqual(seen.troubles, ['EMSGSIZE']);
    assert.equal(a.counters.lost, 1);
    await closeAll(bench, a);
  });

  rule('what is sent to where nobody listens is lost in silence', async (bench) => {
    const { a, b, seen } = await openTwo(bench);
    const gone = b.address;
    await closeAll(bench, b);
    for (let i = 0; i < 5; i++) a.send(Buffer.from('anyone?'), gone);
    await bench.wait(20);
    const c = await bench.settle(bench.subject.net.openDatagrams(gone, seen));
    a.send(Buffer.from('still here'), c.address);
    await bench.until(() => seen.got.length === 1, 'the sender still works');
    assert.equal(seen.got[0]?.text, 'still here');
    await closeAll(bench, a, c);
  });

  rule('a closed socket sends nothing and hears nothing', async (bench) => {
    const { a, b, seen } = await openTwo(bench);
    a.send(Buffer.from('on its way'), b.address);
    await closeAll(bench, b);
    a.send(Buffer.from('too late'), b.address);
    b.send(Buffer.from('from the grave'), a.address);
    await bench.wait(20);
    assert.deepEqual(seen.got, []);
    await closeAll(bench, a, b);
  });

  rule('an address that is taken is refused with its code', async (bench) => {
    const { net } = bench.subject;
    const { a, b } = await openTwo(bench);
    await assert.rejects(
      bench.settle(net.openDatagrams(a.address, recorder())),
      (error) => error instanceof ParleyError && error.code === 'E_ADDRESS_IN_USE',
    );
    await closeAll(bench, a, b);
    const again = await bench.settle(net.openDatagrams(a.address, recorder()));
    assert.equal(again.address, a.address, 'free again after closing');
    await closeAll(bench, again);
  });

  rule('an address that is not ours is refused with its code', async (bench) => {
    const { net, foreign } = bench.subject;
    await assert.rejects(
      bench.settle(net.openDatagrams(foreign, recorder())),
      (error) => error instanceof ParleyError && error.code === 'E_ADDRESS_UNUSABLE',
    );
  });

  rule('names resolve to addresses, addresses to themselves', async (bench) => {
    const { net, knownName, unknownName } = bench.subject;
    const ips = await bench.settle(net.resolve(knownName));
    assert.ok(ips.length > 0);
    assert.equal(new Set(ips).size, ips.length);
    assert.deepEqual(await bench.settle(net.resolve('192.0.2.7')), ['192.0.2.7']);
    assert.deepEqual(await bench.settle(net.resolve('2001:db8::7')), ['2001:db8::7']);
    await assert.rejects(
      bench.settle(net.resolve(unknownName)),
      (error) => error instanceof ParleyError && error.code === 'E_UNRESOLVABLE',
    );
  });
}
