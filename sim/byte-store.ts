/** The bytes of a file, with zeros where nothing was written. */
export class ByteStore {
  #bytes = new Uint8Array(0);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#grow(offset + bytes.length);
    this.#bytes.set(bytes, offset);
  }

  read(offset: number, into: Uint8Array): number {
    const count = Math.max(0, Math.min(into.length, this.#size - offset));
    into.set(this.#bytes.subarray(offset, offset + count));
    return count;
  }

  resize(size: number): void {
    this.#grow(size);
    this.#bytes.fill(0, size, this.#size);
    this.#size = size;
  }

  flipBit(offset: number, bit: number): void {
    if (offset < this.#size) this.#bytes[offset] = (this.#bytes[offset] as number) ^ (1 << bit);
  }

  copyFrom(other: ByteStore): void {
    this.#bytes = other.#bytes.slice(0, other.#size);
    this.#size = other.#size;
  }

  #grow(size: number): void {
    if (size > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(size, this.#bytes.length * 2, 512));
      larger.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = larger;
    }
    this.#size = Math.max(this.#size, size);
  }
}
