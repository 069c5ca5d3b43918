// Clocks that are wrong for a while: what was written or believed meanwhile is put right.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GossipCluster } from '../../../test/support/gossip-cluster.ts';
import { encodeWire } from '../../../test/support/gossip-wire.ts';
import type { SocketAddress } from '../../base/ids.ts';

const NAMES = ['a', 'b', 'c'];
const NOW_MS = Date.UTC(2026, 6, 1);
const YEAR_MS = 366 * 24 * 3_600_000;
const STRANGER = '10.9.9.9:1' as SocketAddress;

class Clocks {
  readonly cluster = new GossipCluster(3);
  /** Of b's clock. */
  errorMs = 0;

  constructor() {
    for (const name of NAMES) this.cluster.start(name, { initial: [['role', name]] });
    this.rounds(6);
  }

  rounds(count: number): void {
    for (let i = 0; i < count; i++) {
      this.cluster.nowMs += 1_000;
      for (const name of NAMES) {
        this.tellTime(name);
        this.cluster.round(name, ['a']);
        this.cluster.deliverAll();
      }
    }
  }

  tellTime(name: string): void {
    const { nowMs } = this.cluster;
    const errorMs = name === 'b' ? this.errorMs : 0;
    this.cluster.node(name).noteWallTime(NOW_MS + nowMs + errorMs, nowMs);
  }

  set(name: string, key: string, value: string): void {
    this.tellTime(name);
    const outcome = this.cluster.node(name).set(key, value, this.cluster.nowMs);
    assert.equal(outcome.kind, 'written');
  }

  delete(name: string, key: string): void {
    this.tellTime(name);
    assert.equal(this.cluster.node(name).delete(key, this.cluster.nowMs).kind, 'written');
  }

  /** A stranger tells b that a set its role, at that version. */
  lie(version: number): void {
    const id = this.cluster.node('a').config.self;
    const known = this.cluster.node('b').node(id)?.maxVersion ?? 0;
    const bytes = encodeWire({
      version: 0,
      type: 'ack',
      delta: [
        { op: 'node', id, lastGc: 0n, fromExcluded: BigInt(known) },
        { op: 'keyValue', key: 'role', value: 'forged', version: BigInt(version), status: 0 },
      ],
    });
    this.cluster.node('b').receive(bytes, STRANGER, this.cluster.nowMs);
    assert.equal(this.cluster.node('b').node(id)?.get('role'), 'forged');
  }

  values(key: string): (string | undefined)[] {
    return NAMES.map((name) => this.cluster.node(name).winners().get(key)?.value);
  }

  rolesOfA(): (string | undefined)[] {
    const id = this.cluster.node('a').config.self;
    return NAMES.map((name) => this.cluster.node(name).node(id)?.get('role'));
  }
}

test('[G41] what was written while the clock was 40 years ahead arrives once it is right', () => {
  const clocks = new Clocks();
  clocks.set('c', 'old', 'c');
  clocks.rounds(3);
  clocks.errorMs = 40 * YEAR_MS;
  clocks.set('b', 'color', 'red');
  clocks.set('b', 'size', 'small');
  clocks.delete('b', 'old');
  clocks.rounds(3);
  assert.deepEqual(clocks.values('color'), [undefined, 'red', undefined], 'nobody believes it');
  clocks.errorMs = 0;
  clocks.rounds(4);
  assert.deepEqual(clocks.values('color'), ['red', 'red', 'red']);
  assert.deepEqual(clocks.values('size'), ['small', 'small', 'small']);
  assert.deepEqual(clocks.values('old'), [undefined, undefined, undefined]);
  clocks.set('c', 'color', 'blue');
  clocks.rounds(3);
  clocks.set('b', 'color', 'green');
  clocks.rounds(3);
  assert.deepEqual(clocks.values('color'), ['green', 'green', 'green'], 'the last write wins');
});

for (const [clock, errorMs, version] of [
  ['says nothing', -60 * YEAR_MS, 2 ** 51],
  ['is 8 years ahead', 8 * YEAR_MS, 256 * 23 * YEAR_MS],
] as const) {
  test(`[G41] a lie believed while the clock ${clock} is healed once it is right`, () => {
    const clocks = new Clocks();
    clocks.errorMs = errorMs;
    clocks.rounds(3);
    clocks.lie(version);
    clocks.errorMs = 0;
    clocks.rounds(4);
    assert.deepEqual(clocks.rolesOfA(), ['a', 'a', 'a']);
    clocks.set('a', 'later', '1');
    clocks.rounds(3);
    assert.deepEqual(clocks.values('later'), ['1', '1', '1']);
  });
}
