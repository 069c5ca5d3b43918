// Which rows were seen, by 64 bits of hash each: eight bytes per state instead of the state. Two
// rows could share a hash and one of them be left out; with ten million states that happens once in
// 300,000 explorations.

export class SeenStates {
  readonly #words: Uint32Array;
  readonly #mask: number;
  #size = 0;

  constructor(statesMax: number) {
    let slots = 1024;
    while (slots < statesMax * 1.5) slots *= 2;
    this.#words = new Uint32Array(slots * 2);
    this.#mask = slots - 1;
  }

  get size(): number {
    return this.#size;
  }

  /** False if it was there. */
  add(row: Int32Array): boolean {
    let low = 0x811c9dc5;
    let high = 0x9e3779b9;
    for (const word of row) {
      low = Math.imul(low ^ word, 0x01000193);
      low ^= low >>> 15;
      high = Math.imul(high ^ word, 0xcc9e2d51);
      high = (high << 13) | (high >>> 19);
    }
    // Zero marks a free slot.
    const first = (Math.imul(low ^ (low >>> 16), 0x85ebca6b) >>> 0) | 1;
    const second = Math.imul(high ^ (high >>> 15), 0xc2b2ae35) >>> 0;
    let slot = (first ^ (second >>> 7)) & this.#mask;
    for (;;) {
      const at = slot * 2;
      if (this.#words[at] === 0) {
        this.#words[at] = first;
        this.#words[at + 1] = second;
        this.#size += 1;
        return true;
      }
      if (this.#words[at] === first && this.#words[at + 1] === second) return false;
      slot = (slot + 1) & this.#mask;
    }
  }
}
