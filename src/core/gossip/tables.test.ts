// The clever tables against dumb ones.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { SocketAddress } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import { Entry, EntryTable } from './entry-table.ts';
import { IdTable } from './id-table.ts';
import { encodeId } from './node-id.ts';
import { PurgedMemory } from './purged-memory.ts';
import type { EntryStatus } from './types.ts';

const STATUSES: readonly EntryStatus[] = ['set', 'deleted', 'deleteAfterTtl'];

interface Plain {
  readonly version: number;
  readonly status: EntryStatus;
  readonly atMs: number;
}

test('[G12][G24] a table of entries agrees with a plain map', () => {
  const step = fc.record({
    key: fc.nat(30),
    status: fc.constantFrom(...STATUSES),
    skip: fc.nat(2),
    purge: fc.nat(20),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const memory = { bytes: 0 };
      const table = new EntryTable(memory);
      const plain = new Map<string, Plain>();
      let version = 0;
      for (const [nowMs, { key, status, skip, purge }] of steps.entries()) {
        version += 1 + skip;
        table.put(new Entry(`k${key}`, 'v', version, status, nowMs));
        plain.set(`k${key}`, { version, status, atMs: nowMs });
        if (purge === 0) comparePurge(table, plain, nowMs);
        compareTables(table, plain, Math.floor(version / 2));
      }
      table.clear();
      assert.equal(memory.bytes, 0);
    }),
  );
});

const GRACE_MS = 10;

function comparePurge(table: EntryTable, plain: Map<string, Plain>, nowMs: number): void {
  let versionMax = 0;
  let count = 0;
  for (const [key, { version, status, atMs }] of plain) {
    if (status === 'set' || nowMs - atMs < GRACE_MS) continue;
    plain.delete(key);
    versionMax = Math.max(versionMax, version);
    count += 1;
  }
  if (count > 0) assert(table.isPurgeDue(nowMs, GRACE_MS));
  assert.deepEqual(table.purge(nowMs, GRACE_MS), { count, versionMax });
}

function compareTables(table: EntryTable, plain: Map<string, Plain>, from: number): void {
  assert.equal(table.size, plain.size);
  const expected = [...plain]
    .map(([key, { version }]) => ({ key, version }))
    .filter(({ version }) => version > from)
    .toSorted((a, b) => a.version - b.version);
  assert.deepEqual(
    table.after(from).map(({ key, version }) => ({ key, version })),
    expected,
  );
  assert.equal(table.countAfter(from), expected.length);
  for (const [key, { version }] of plain) assert.equal(table.find(key)?.version, version);
  assert.equal(table.find('absent'), undefined);
}

function idBytesOf(index: number): Uint8Array {
  const name = `n${'x'.repeat(index % 7)}${index}`;
  return encodeId({ nodeId: name, generation: 1n, address: '1.2.3.4:5' as SocketAddress });
}

test('a table of ids agrees with a map through additions, removals and clearing', () => {
  const step = fc.record({ index: fc.nat(200), remove: fc.nat(3), clear: fc.nat(150) });
  fc.assert(
    fc.property(fc.integer(), fc.array(step, { maxLength: 300 }), (seed, steps) => {
      const table = new IdTable(seed);
      const slots = new Map<number, number>();
      const free = Array.from({ length: 201 }, (_, slot) => slot);
      for (const { index, remove, clear } of steps) {
        const slot = slots.get(index);
        if (clear === 0) {
          table.clear();
          free.push(...slots.values());
          slots.clear();
        } else if (slot === undefined) {
          const fresh = free.pop() as number;
          table.add(fresh, idBytesOf(index));
          slots.set(index, fresh);
        } else if (remove === 0) {
          table.remove([slot]);
          slots.delete(index);
          free.push(slot);
        }
      }
      for (let index = 0; index <= 200; index++) {
        const bytes = idBytesOf(index);
        const found = table.find(new DataView(bytes.buffer), 0, bytes.length);
        assert.equal(found, slots.get(index) ?? -1);
        if (found >= 0) assert.deepEqual(new Uint8Array(table.bytesOf(found)), bytes);
      }
    }),
  );
});

test('[G28] the memory of purged nodes keeps the newest, and those still asked for', () => {
  const memory = new PurgedMemory();
  const { purgedNodesMax } = LIMITS.gossip;
  for (let i = 0; i < purgedNodesMax; i++) memory.remember(idBytesOf(i), i);
  assert.equal(memory.recall(idBytesOf(0)), 0);
  memory.remember(idBytesOf(purgedNodesMax), 1);
  assert.equal(memory.recall(idBytesOf(0)), 0);
  assert.equal(memory.recall(idBytesOf(1)), undefined);
  memory.forget(idBytesOf(0));
  assert.equal(memory.recall(idBytesOf(0)), undefined);
});
