// What clients say to the key-value machine, and what it says to them: registers and counters hold
// whole numbers in decimal digits.

import { must } from '../../src/base/assert.ts';
import {
  decodeKvAnswer,
  decodeKvResult,
  encodeKvCommand,
  encodeKvQuery,
} from '../../src/service/kv/index.ts';

export function put(key: string, value: number): Uint8Array {
  const condition = { kind: 'always' } as const;
  return encodeKvCommand({ kind: 'put', key: bytesOf(key), value: bytesOf(value), condition });
}

/** So many bytes that mean nothing. */
export function putBlob(key: string, length: number): Uint8Array {
  const condition = { kind: 'always' } as const;
  const value = new Uint8Array(length).fill(length & 0xff);
  return encodeKvCommand({ kind: 'put', key: bytesOf(key), value, condition });
}

/** Sets `to` if the value is `from`. */
export function cas(key: string, from: number, to: number): Uint8Array {
  const condition = { kind: 'value', value: bytesOf(from) } as const;
  return encodeKvCommand({ kind: 'put', key: bytesOf(key), value: bytesOf(to), condition });
}

export function casAnswer(result: Uint8Array): 'swapped' | 'mismatch' {
  const { kind } = must(decodeKvResult(result), 'a result of the machine makes sense');
  return kind === 'stored' ? 'swapped' : 'mismatch';
}

export function add(key: string): Uint8Array {
  return encodeKvCommand({ kind: 'add', key: bytesOf(key), amount: 1 });
}

export function get(key: string): Uint8Array {
  return encodeKvQuery({ kind: 'get', key: bytesOf(key) });
}

/** Null when the key is absent. */
export function valueOf(result: Uint8Array): number | null {
  const answer = must(decodeKvAnswer(result), 'an answer of the machine makes sense');
  return answer.kind === 'found' ? Number(Buffer.from(answer.value).toString()) : null;
}

function bytesOf(text: string | number): Uint8Array {
  return Buffer.from(String(text));
}
