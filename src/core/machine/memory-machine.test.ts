import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodePut, MemoryMachine } from './memory-machine.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function filled(): MemoryMachine {
  const machine = new MemoryMachine();
  machine.apply(
    [
      { index: 2, payload: encodePut('b', bytes('two')) },
      { index: 3, payload: encodePut('a', bytes('one')) },
    ],
    4,
  );
  return machine;
}

test('a command answers what it replaced, and the machine stands where it was told', () => {
  const machine = filled();
  const [result] = machine.apply([{ index: 6, payload: encodePut('a', bytes('uno')) }], 6);
  assert.deepEqual(result, { kind: 'put', previous: bytes('one') });
  assert.equal(machine.lastApplied(), 6);
});

test('a command that makes no sense is a result, not an exception', () => {
  const machine = filled();
  assert.deepEqual(machine.apply([{ index: 5, payload: bytes('?') }], 5), [{ kind: 'malformed' }]);
});

test('a command is applied once: an older index is a bug of the host', () => {
  const machine = filled();
  assert.throws(() => machine.apply([{ index: 4, payload: encodePut('a', bytes('')) }], 4));
});

test('a snapshot stays the state of its moment while commands go on', () => {
  const machine = filled();
  const snapshot = machine.snapshot();
  machine.apply([{ index: 5, payload: encodePut('a', bytes('later')) }], 5);
  const other = new MemoryMachine();
  const restore = other.beginRestore(4);
  for (const piece of snapshot) restore.write(piece);
  assert.ok(restore.finish());
  assert.deepEqual(other.get('a'), bytes('one'));
  assert.equal(other.lastApplied(), 4);
  assert.deepEqual([...other.snapshot()], [...filled().snapshot()]);
});

test('pieces may be cut anywhere, but not be missing', () => {
  const whole = Buffer.concat([...filled().snapshot()]);
  const restoreFrom = (pieces: readonly Uint8Array[]): boolean => {
    const restore = new MemoryMachine().beginRestore(9);
    for (const piece of pieces) restore.write(piece);
    return restore.finish();
  };
  for (let at = 0; at <= whole.length; at++) {
    assert.ok(restoreFrom([whole.subarray(0, at), whole.subarray(at)]));
  }
  assert.equal(restoreFrom([whole.subarray(0, whole.length - 1)]), false);
});

test('a snapshot that is refused changes nothing', () => {
  const machine = filled();
  const restore = machine.beginRestore(9);
  restore.write(Uint8Array.of(1));
  assert.equal(restore.finish(), false);
  assert.equal(machine.lastApplied(), 4);
  assert.deepEqual(machine.get('b'), bytes('two'));
});
