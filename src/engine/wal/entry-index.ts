// Where each entry of one shard lies on disk: four columns, 20 bytes an entry. Indexes follow each
// other without holes, so the place in the columns says which entry it is.

import { assert } from '../../base/assert.ts';

const CAPACITY_MIN = 16;
/** Growth by half leaves at most a third of the columns empty: 30 bytes an entry. */
const GROWTH = 1.5;
const BYTES_PER_ENTRY = 20;

export class EntryIndex {
  #segments = new Uint32Array(CAPACITY_MIN);
  #offsets = new Uint32Array(CAPACITY_MIN);
  #lengths = new Uint32Array(CAPACITY_MIN);
  #terms = new Float64Array(CAPACITY_MIN);
  /** Column place of the first entry; what lies before was dropped. */
  #start = 0;
  #count = 0;
  #first = 1;
  #payloadBytes = 0;

  get count(): number {
    return this.#count;
  }

  /** Index of the first entry; without meaning while there is none. */
  get first(): number {
    return this.#first;
  }

  get last(): number {
    return this.#first + this.#count - 1;
  }

  get payloadBytes(): number {
    return this.#payloadBytes;
  }

  get memoryBytes(): number {
    return this.#terms.length * BYTES_PER_ENTRY;
  }

  segmentOf(index: number): number {
    return this.#segments[this.#place(index)] as number;
  }

  offsetOf(index: number): number {
    return this.#offsets[this.#place(index)] as number;
  }

  lengthOf(index: number): number {
    return this.#lengths[this.#place(index)] as number;
  }

  termOf(index: number): number {
    return this.#terms[this.#place(index)] as number;
  }

  has(index: number): boolean {
    return this.#count > 0 && index >= this.#first && index <= this.last;
  }

  /**
   * Places an entry. One within the run cuts the run there first; one that does not continue it
   * starts a new run: while reading back, older segments may be gone. [W8]
   */
  put(index: number, term: number, segment: number, offset: number, length: number): void {
    if (this.#count > 0 && index >= this.#first && index <= this.last + 1) {
      if (index <= this.last) this.truncateTo(index - 1);
    } else {
      this.clear();
      this.#first = index;
    }
    const at = this.#start + this.#count;
    if (at === this.#terms.length) {
      this.#makeRoom();
      this.put(index, term, segment, offset, length);
      return;
    }
    this.#segments[at] = segment;
    this.#offsets[at] = offset;
    this.#lengths[at] = length;
    this.#terms[at] = term;
    this.#count += 1;
    this.#payloadBytes += length;
  }

  /** The entry's bytes lie elsewhere from now on. */
  relocate(index: number, segment: number, offset: number): void {
    const at = this.#place(index);
    this.#segments[at] = segment;
    this.#offsets[at] = offset;
  }

  /** Drops entries beyond `index`. */
  truncateTo(index: number): void {
    if (this.#count === 0 || index >= this.last) return;
    const keep = Math.max(0, index - this.#first + 1);
    this.#forgetPayloads(this.#start + keep, this.#start + this.#count);
    this.#count = keep;
  }

  /** Drops entries up to `index`. */
  dropTo(index: number): void {
    if (this.#count === 0 || index < this.#first) return;
    const gone = Math.min(this.#count, index - this.#first + 1);
    this.#forgetPayloads(this.#start, this.#start + gone);
    this.#start += gone;
    this.#count -= gone;
    this.#first += gone;
    if (this.#count * 4 < this.#terms.length) this.#resize(this.#count * 2);
  }

  /** Of a state that took the place of a long log, the columns are not kept. */
  clear(): void {
    this.#count = 0;
    this.#start = 0;
    this.#payloadBytes = 0;
    if (this.#terms.length > CAPACITY_MIN) this.#resize(0);
  }

  #place(index: number): number {
    assert(this.has(index), 'an entry that is looked up is in the index');
    return this.#start + index - this.#first;
  }

  #forgetPayloads(from: number, to: number): void {
    for (let at = from; at < to; at++) this.#payloadBytes -= this.#lengths[at] as number;
  }

  /** Moves the run to the front if much was dropped there, else grows. */
  #makeRoom(): void {
    const capacity = this.#terms.length;
    this.#resize(this.#count * 2 < capacity ? capacity : Math.ceil(this.#count * GROWTH));
  }

  #resize(wanted: number): void {
    const capacity = Math.max(CAPACITY_MIN, wanted);
    const [start, end] = [this.#start, this.#start + this.#count];
    const segments = new Uint32Array(capacity);
    const offsets = new Uint32Array(capacity);
    const lengths = new Uint32Array(capacity);
    const terms = new Float64Array(capacity);
    segments.set(this.#segments.subarray(start, end));
    offsets.set(this.#offsets.subarray(start, end));
    lengths.set(this.#lengths.subarray(start, end));
    terms.set(this.#terms.subarray(start, end));
    this.#segments = segments;
    this.#offsets = offsets;
    this.#lengths = lengths;
    this.#terms = terms;
    this.#start = 0;
  }
}
