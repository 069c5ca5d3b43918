// The results of the entries of one batch, until all of it had its effect. One list for all of
// them, used again for each batch.

import { assert } from '../../base/assert.ts';
import { writeU64le } from '../../base/bytes.ts';
import type { Entry } from '../../core/raft/index.ts';
import { encodeResult, STATUS } from './commands.ts';
import type { ResultSink } from './types.ts';

const CLIENT_BYTES = 8;

export class EntryResults {
  readonly #results: Uint8Array[] = [];
  /** Of each entry: the place in the list behind its last result. */
  readonly #ends: number[] = [];

  clear(): void {
    this.#results.length = 0;
    this.#ends.length = 0;
  }

  /** Of the next command of the entry at `index`. */
  add(index: number, status: number, result: Uint8Array): void {
    this.#results.push(status === STATUS.opened ? opened(index) : encodeResult(status, result));
  }

  endEntry(): void {
    this.#ends.push(this.#results.length);
  }

  /** [D24] In the order of the entries, and within each in that of its commands. */
  tell(entries: readonly Entry[], sink: ResultSink): void {
    assert(this.#ends.length === entries.length, '[D24] every entry has its results');
    let at = 0;
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i] as Entry;
      const first = at;
      for (; at < (this.#ends[i] as number); at++) {
        sink.onResult(entry, at - first, this.#results[at] as Uint8Array);
      }
    }
    this.clear();
  }
}

/** A session is named by the entry that opened it. */
function opened(index: number): Uint8Array {
  const client = new Uint8Array(CLIENT_BYTES);
  writeU64le(client, 0, index);
  return encodeResult(STATUS.opened, client);
}
