// Who is let in while others crowd the door, and while the member makes up its mind.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from '../../../../sim/index.ts';
import { BreakableNet } from '../../../../test/support/breakable-net.ts';
import { PeerMember } from '../../../../test/support/peer-member.ts';
import { silentLog } from '../../../../test/support/silent-log.ts';
import type { Net, StreamHandler } from '../../../base/capabilities.ts';
import { LIMITS } from '../../../base/limits.ts';
import type { Admission } from './types.ts';

const ADMITTED: Admission = { kind: 'admitted' };
const DEAF: StreamHandler = { onData() {}, onDrain() {}, onEnd() {}, onClose() {} };

/** 1 listens, 2 has not dialled yet. */
async function pairOf(net?: (net: Net) => Net) {
  const world = new World({ seed: 1 });
  const [one, two] = [world.machine('n1'), world.machine('n2')];
  const a = new PeerMember({ ...one.capabilities, log: silentLog }, 1);
  const twoNet = net?.(two.capabilities.net) ?? two.capabilities.net;
  const b = new PeerMember({ ...two.capabilities, net: twoNet, log: silentLog }, 2);
  const address = one.address(1_000);
  await world.settle(one.capabilities.net.listenStreams(address, a.accept));
  return { world, address, a, b };
}

test('[T4] a peer that is dropped while it is being admitted is not let in', async () => {
  const { world, address, a, b } = await pairOf();
  const admission = Promise.withResolvers<Admission>();
  a.onAdmit = () => admission.promise;
  b.peers.setPeer(1, address);
  await world.runFor(15);
  a.peers.dropPeer(2);
  a.onAdmit = () => ({ kind: 'refused', reason: 'unknownMember', message: 'dropped' });
  admission.resolve(ADMITTED);
  await world.runFor(500);
  b.peers.send(1, 'urgent', 1, new Uint8Array(3));
  await world.runFor(50);
  assert.deepEqual(a.frames, []);
  assert.equal(b.peers.isUp(1), false);
});

test('[T4] while a member fails to decide nobody is let in, by either side', async () => {
  const { world, address, a, b } = await pairOf();
  const failing = (): Promise<Admission> => Promise.reject(new Error('the store is closed'));
  a.onAdmit = failing;
  b.peers.setPeer(1, address);
  await world.runFor(300);
  a.onAdmit = () => ADMITTED;
  b.onAdmit = failing;
  await world.runFor(1_000);
  assert.equal(b.peers.isUp(1), false);
  const why = 'this member cannot tell whom it admits';
  assert.deepEqual(b.changes, [
    `down 1: refused by the other side: ${why}`,
    `down 1: refused by this side: ${why}`,
  ]);
  b.onAdmit = () => ADMITTED;
  await world.runFor(2_000);
  assert.ok(b.peers.isUp(1), 'the caller came again');
});

test('[T2] those who begin a greeting and say no more do not keep a peer out', async () => {
  const { world, address, b } = await pairOf();
  const { net } = world.machine('n9').capabilities;
  for (let i = 0; i < LIMITS.peer.strangersMax; i++) {
    const stream = await world.settle(net.connectStream(address, DEAF, 500));
    stream.write(Uint8Array.of(0x8f));
  }
  await world.runFor(20);
  b.peers.setPeer(1, address);
  await world.runFor(20);
  assert.ok(b.peers.isUp(1));
});

test('[T6] a dial that fails in a way that nobody thought of is tried again', async () => {
  let attempts = 0;
  const { world, address, b } = await pairOf((inner) => {
    const { connectStream, listenStreams, openDatagrams, resolve } = new BreakableNet(inner);
    const failsFirst: Net['connectStream'] = (to, handler, timeoutMs) => {
      attempts += 1;
      if (attempts === 1) return Promise.reject(new RangeError('no such port'));
      return connectStream(to, handler, timeoutMs);
    };
    return { connectStream: failsFirst, listenStreams, openDatagrams, resolve };
  });
  b.peers.setPeer(1, address);
  await world.runFor(200);
  assert.deepEqual(b.changes, ['down 1: RangeError: no such port', 'up 1']);
});
