// The smallest machine that is worth replicating: a map in memory whose only command sets a key.
// For tests, examples and the simulator.
//
//   command   =  key_length(u16) key value
//   snapshot  =  (key_length(u16) key value_length(u32) value)*    in ascending order of keys

import { assert } from '../../base/assert.ts';
import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import type { Command, Machine, Restore } from '../machine.ts';

export type PutResult =
  /** `previous` is undefined if the key is new. */
  | { readonly kind: 'put'; readonly previous: Uint8Array | undefined }
  | { readonly kind: 'malformed' };

type State = ReadonlyMap<string, Uint8Array>;

const KEY_BYTES_MAX = 0xffff;

export function encodePut(key: string, value: Uint8Array): Uint8Array {
  const keyBytes = new TextEncoder().encode(key);
  assert(keyBytes.length <= KEY_BYTES_MAX, 'a key has at most 65,535 bytes');
  const writer = new ByteWriter(2 + keyBytes.length + value.length);
  writer.u16le(keyBytes.length);
  writer.append(keyBytes);
  writer.append(value);
  return writer.copy();
}

export class MemoryMachine implements Machine<PutResult> {
  #values = new Map<string, Uint8Array>();
  #lastApplied = 0;

  lastApplied(): number {
    return this.#lastApplied;
  }

  get(key: string): Uint8Array | undefined {
    return this.#values.get(key);
  }

  apply(commands: readonly Command[], upTo: number): readonly PutResult[] {
    const results: PutResult[] = [];
    for (const { index, payload } of commands) {
      assert(index > this.#lastApplied, 'a command is applied once');
      results.push(this.#put(payload));
      this.#lastApplied = index;
    }
    assert(upTo >= this.#lastApplied, 'the applied index only grows');
    this.#lastApplied = upTo;
    return results;
  }

  #put(payload: Uint8Array): PutResult {
    const reader = new ByteReader(payload);
    const key = reader.text(reader.u16le());
    const value = reader.take(reader.remaining);
    if (reader.failed) return { kind: 'malformed' };
    const previous = this.#values.get(key);
    this.#values.set(key, value);
    return { kind: 'put', previous };
  }

  /** Values are never changed in place, so that a copy of the map is a copy of the state. */
  snapshot(): Iterable<Uint8Array> {
    return encodeState(new Map(this.#values));
  }

  beginRestore(index: number): Restore {
    assert(index > this.#lastApplied, 'a restore never takes the machine back');
    const pieces: Uint8Array[] = [];
    return {
      write: (piece) => {
        pieces.push(piece);
      },
      finish: () => {
        const state = decodeState(pieces);
        if (state === undefined) return false;
        this.#values = state;
        this.#lastApplied = index;
        return true;
      },
    };
  }
}

function* encodeState(state: State): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  for (const [key, value] of [...state].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const keyBytes = encoder.encode(key);
    const writer = new ByteWriter(6 + keyBytes.length + value.length);
    writer.u16le(keyBytes.length);
    writer.append(keyBytes);
    writer.u32le(value.length);
    writer.append(value);
    yield writer.copy();
  }
}

function decodeState(pieces: readonly Uint8Array[]): Map<string, Uint8Array> | undefined {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  const reader = new ByteReader(whole);
  const state = new Map<string, Uint8Array>();
  while (reader.remaining > 0 && !reader.failed) {
    const key = reader.text(reader.u16le());
    state.set(key, reader.take(reader.u32le()));
  }
  return reader.failed ? undefined : state;
}
