// A running hash of everything that happens in a world. Two runs of one seed must end with the same
// hash, in any process on any machine; the first difference in behaviour changes it for good.

export class Trace {
  #low = 0x811c9dc5;
  #high = 0x9e3779b9;
  readonly #number = new Float64Array(1);
  readonly #words = new Uint32Array(this.#number.buffer);

  note(atMs: number, label: number, who: number, fingerprint: number): void {
    this.#number[0] = atMs;
    this.#mix(this.#words[0] as number);
    this.#mix(this.#words[1] as number);
    this.#mix(Math.imul(label + 1, 0x85ebca6b) ^ who);
    this.#mix(fingerprint);
  }

  #mix(word: number): void {
    this.#low = Math.imul(this.#low ^ word, 0x01000193);
    const turned = (this.#high << 13) | (this.#high >>> 19);
    this.#high = Math.imul(turned ^ word, 0xcc9e2d51);
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, '0');
    return hex(this.#high) + hex(this.#low);
  }
}

/** Bytes looked at per payload: enough to notice a difference, and no cost for large payloads. */
const SAMPLES = 32;

/** A word that depends on the length of `bytes` and on samples spread over them. */
export function fingerprintOf(bytes: Uint8Array): number {
  const length = bytes.length;
  let word = Math.imul(length + 1, 0x9e3779b1);
  const stride = Math.max(1, Math.floor(length / SAMPLES));
  for (let at = 0; at < length; at += stride) {
    word = Math.imul(word ^ (bytes[at] as number), 0x01000193);
  }
  return word;
}
