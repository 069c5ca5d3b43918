// What a real process did to one file, as strace saw it, and what a power failure at any time would
// have left of the file. For programs whose calls to the system no simulated disk sees.

import { readFileSync } from 'node:fs';
import { must } from '../../src/base/assert.ts';
import type { Prng } from '../../src/base/prng.ts';

const SECTOR_BYTES = 512;
const CALLS = 'openat,lseek,pwrite64,pwritev,write,writev,ftruncate,fdatasync,fsync,msync';

/** Arguments of strace: all threads, paths of descriptors, strings whole and in hex. */
export function straceFlags(output: string): readonly string[] {
  return ['-f', '-y', '-xx', '-s', '4194304', '-e', `trace=${CALLS}`, '-o', output];
}

export type TracedCall =
  /** `isSynced`: durable when the call returns. */
  | {
      readonly kind: 'write';
      readonly offset: number;
      readonly bytes: Uint8Array;
      readonly isSynced: boolean;
    }
  | { readonly kind: 'truncate'; readonly size: number }
  | { readonly kind: 'sync' }
  /** What the process wrote to its output. */
  | { readonly kind: 'said'; readonly text: string };

/** The calls that concern `path` and the output, in the order in which they took effect. */
export function tracedCalls(output: string, path: string): readonly TracedCall[] {
  const reader = new TraceReader(path);
  for (const line of readFileSync(output, 'latin1').split('\n')) reader.read(line);
  return reader.calls;
}

class TraceReader {
  readonly calls: TracedCall[] = [];
  readonly #path: string;
  /** Calls that have begun, by thread. */
  readonly #begun = new Map<string, string>();
  readonly #places = new Map<string, number>();
  readonly #syncing = new Set<string>();

  constructor(path: string) {
    this.#path = path;
  }

  read(line: string): void {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const begun = /^(.*) <unfinished \.\.\.>$/.exec(rest);
    if (begun !== null) this.#begun.set(thread, must(begun[1], 'a call'));
    else if (rest.startsWith('<... ')) {
      const start = must(this.#begun.get(thread), 'what is resumed was begun');
      this.#take(start + rest.slice(rest.indexOf('>') + 1));
    } else this.#take(rest);
  }

  #take(call: string): void {
    const name = call.slice(0, call.indexOf('('));
    const result = Number(/ = (-?\d+)[^=]*$/.exec(call)?.[1] ?? -1);
    if (result < 0) return;
    if (name === 'openat') this.#open(call, String(result));
    const [, descriptor = '', where = ''] = /^\w+\((\d+)<([^>]*)>/.exec(call) ?? [];
    const args = call.slice(call.indexOf('>') + 1);
    if (descriptor === '1' && name === 'write') {
      this.calls.push({ kind: 'said', text: Buffer.from(bytesOf(args)).toString() });
    } else if (Buffer.from(bytesOf(`"${where}"`)).toString() === this.#path) {
      this.#onFile(name, descriptor, args, result);
    }
  }

  #open(call: string, descriptor: string): void {
    this.#places.set(descriptor, 0);
    if (/O_D?SYNC/.test(call)) this.#syncing.add(descriptor);
    else this.#syncing.delete(descriptor);
  }

  #onFile(name: string, descriptor: string, args: string, result: number): void {
    const place = this.#places.get(descriptor) ?? 0;
    const isSynced = this.#syncing.has(descriptor);
    if (name === 'lseek') this.#places.set(descriptor, result);
    else if (name === 'ftruncate') {
      this.calls.push({ kind: 'truncate', size: Number(/, (\d+)/.exec(args)?.[1]) });
    } else if (name.includes('sync')) this.calls.push({ kind: 'sync' });
    else {
      const isPlaced = name.startsWith('p');
      const offset = isPlaced ? Number(/, (\d+)\) += /.exec(args)?.[1]) : place;
      if (!isPlaced) this.#places.set(descriptor, place + result);
      const bytes = bytesOf(args).subarray(0, result);
      this.calls.push({ kind: 'write', offset, bytes, isSynced });
    }
  }
}

/** All strings of some arguments, one after the other: the parts of a `writev` as well. */
function bytesOf(args: string): Uint8Array {
  const strings = [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex]) => hex ?? '');
  return Buffer.from(strings.join('').replaceAll('\\x', ''), 'hex');
}

/** What becomes of what was written and not synced. */
export type Unsynced = 'lost' | 'kept' | 'mixed';

/**
 * The file after a power failure that follows the first `count` calls. `mixed`: any sectors of the
 * writes that were not synced are there, whatever their order. A write that syncs is whole once it
 * returned, and may be in any part when the power fails meanwhile: as the last call it is.
 */
export function fileAfter(
  calls: readonly TracedCall[],
  count: number,
  unsynced: Unsynced,
  random: Prng,
): Uint8Array {
  let file = new Uint8Array(0);
  const apply = (call: TracedCall, isMixed: boolean): void => {
    if (call.kind === 'truncate') file = resized(file, call.size);
    else if (call.kind === 'write') {
      file = resized(file, Math.max(file.length, call.offset + call.bytes.length));
      for (const [offset, bytes] of sectorsOf(call.offset, call.bytes)) {
        if (!isMixed || random.below(2) === 0) file.set(bytes, offset);
      }
    }
  };
  const done = calls.slice(0, count);
  const lastSync = done.findLastIndex(({ kind }) => kind === 'sync');
  for (const [at, call] of done.entries()) {
    const isLast = at === count - 1;
    const isDurable = at < lastSync || (call.kind === 'write' && call.isSynced && !isLast);
    if (isDurable || unsynced === 'kept') apply(call, false);
    else if (unsynced === 'mixed') apply(call, true);
  }
  return file;
}

function resized(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(size);
  result.set(bytes.subarray(0, size));
  return result;
}

function* sectorsOf(offset: number, bytes: Uint8Array): Iterable<[number, Uint8Array]> {
  for (let from = 0; from < bytes.length; ) {
    const rest = SECTOR_BYTES - ((offset + from) % SECTOR_BYTES);
    yield [offset + from, bytes.subarray(from, from + rest)];
    from += rest;
  }
}
