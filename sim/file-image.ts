// A file as the running system sees it, and what of it a power failure would leave.

import { assert } from '../src/base/assert.ts';
import type { Prng } from '../src/base/prng.ts';
import { ByteStore } from './byte-store.ts';
import type { FaultCounters } from './faults.ts';

/** Disks write whole sectors; between two sectors of one write the power may fail. */
const SECTOR_BYTES = 512;

export interface Write {
  readonly kind: 'write';
  readonly offset: number;
  readonly bytes: Uint8Array;
}

type Change = Write | { readonly kind: 'resize'; readonly size: number };

/** A stretch of a file that was written, and when. */
export interface Stretch {
  readonly offset: number;
  readonly length: number;
  readonly atMs: number;
}

/** Stretches remembered per file, the latest ones. */
const STRETCHES_MAX = 64;

export class FileImage {
  readonly #current = new ByteStore();
  readonly #durable = new ByteStore();
  /** Changes in `#current` that are not yet in `#durable`, oldest first. */
  readonly #unsynced: Change[] = [];
  /** Changes ever made that are no longer in `#unsynced`. */
  #settledCount = 0;
  /** Writes asked for and not answered: a power failure may catch them half done. */
  readonly #underway = new Set<Write>();
  readonly #stretches: Stretch[] = [];

  get size(): number {
    return this.#current.size;
  }

  read(offset: number, into: Uint8Array): number {
    return this.#current.read(offset, into);
  }

  begin(write: Write): void {
    this.#underway.add(write);
  }

  /** The write did not happen. */
  abort(write: Write): void {
    this.#underway.delete(write);
  }

  finish(write: Write, atMs: number): void {
    this.#underway.delete(write);
    this.#current.write(write.offset, write.bytes);
    this.#unsynced.push(write);
    this.#stretches.push({ offset: write.offset, length: write.bytes.length, atMs });
    if (this.#stretches.length > STRETCHES_MAX) this.#stretches.shift();
  }

  /** `write` lands at `offset` instead, as a disk does that mixes up its addresses. */
  misdirect(write: Write, offset: number, atMs: number): void {
    this.#underway.delete(write);
    this.finish({ kind: 'write', offset, bytes: write.bytes }, atMs);
  }

  /** Of the latest writes, those made before `beforeMs`. */
  stretchesBefore(beforeMs: number): readonly Stretch[] {
    return this.#stretches.filter(({ atMs, length }) => atMs < beforeMs && length > 0);
  }

  resize(size: number): void {
    this.#current.resize(size);
    this.#unsynced.push({ kind: 'resize', size });
  }

  /** Names the changes that a sync which begins now covers. Only grows. */
  watermark(): number {
    return this.#settledCount + this.#unsynced.length;
  }

  /** The changes up to a watermark are durable. Another sync may have overtaken this one. */
  commit(watermark: number): void {
    for (const change of this.#settle(watermark)) {
      if (change.kind === 'write') this.#durable.write(change.offset, change.bytes);
      else this.#durable.resize(change.size);
    }
  }

  /**
   * A sync failed. Linux then takes the changes for clean: readers still see them, later syncs do
   * not write them, and the next power failure loses them.
   */
  forsake(watermark: number): void {
    this.#settle(watermark);
  }

  #settle(watermark: number): Change[] {
    assert(watermark <= this.watermark(), 'a sync covers changes that were made before it');
    const settled = this.#unsynced.splice(0, Math.max(0, watermark - this.#settledCount));
    this.#settledCount += settled.length;
    return settled;
  }

  /** The writer died. What the system had taken over goes on; the rest never happens. */
  loseWriter(random: Prng, atMs: number): void {
    for (const write of this.#underway) {
      if (random.below(2) === 0) this.finish(write, atMs);
    }
    this.#underway.clear();
  }

  flipBit(offset: number, bit: number): void {
    this.#current.flipBit(offset, bit);
    this.#durable.flipBit(offset, bit);
  }

  /**
   * The power fails: each change that was not synced is there, is not, or is there in parts.
   * `keepsNothing`: none is there, which shows best what was promised too early.
   */
  losePower(random: Prng, faults: FaultCounters, keepsNothing: boolean): void {
    for (const change of [...this.#unsynced, ...this.#underway]) {
      if (keepsNothing) {
        if (change.kind === 'write') faults.writeLost += 1;
      } else if (change.kind === 'write') this.#loseSectors(change, random, faults);
      else if (random.below(2) === 0) this.#durable.resize(change.size);
    }
    this.#settle(this.watermark());
    this.#underway.clear();
    this.#current.copyFrom(this.#durable);
  }

  #loseSectors(write: Write, random: Prng, faults: FaultCounters): void {
    const end = write.offset + write.bytes.length;
    const fate = random.below(4);
    if (fate === 0) {
      this.#durable.write(write.offset, write.bytes);
      return;
    }
    if (fate === 1) {
      faults.writeLost += 1;
      // The new size may be durable while the data is not: the file ends with zeros.
      if (random.below(4) === 0 && end > this.#durable.size) this.#durable.resize(end);
      return;
    }
    faults.writeTorn += 1;
    for (let from = write.offset; from < end; ) {
      const to = Math.min(end, from - (from % SECTOR_BYTES) + SECTOR_BYTES);
      if (random.below(2) === 0) {
        const part = write.bytes.subarray(from - write.offset, to - write.offset);
        this.#durable.write(from, part);
      }
      from = to;
    }
  }
}
