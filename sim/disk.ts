// The disk of one simulated machine. It outlives the machine's processes, and forgets what was not
// synced when the power fails.

import { must } from '../src/base/assert.ts';
import {
  type Disk,
  DiskError,
  type DiskErrorCode,
  type DiskFile,
  type DiskLock,
} from '../src/base/capabilities.ts';
import { diskPathParts } from '../src/base/disk-path.ts';
import type { Prng } from '../src/base/prng.ts';
import { DirectoryTree } from './directory-tree.ts';
import { type DiskCall, type DiskTrap, DiskTraps, type NameCall } from './disk-traps.ts';
import type { FaultCounters } from './faults.ts';
import type { FileImage, Write } from './file-image.ts';
import { Action, completeLater, type Process, type Scheduler } from './scheduler.ts';

export interface DiskRules {
  readonly readErrorRate: number;
  readonly writeErrorRate: number;
  readonly syncErrorRate: number;
  /** Of the calls that are no reads, writes or syncs of files. */
  readonly nameErrorRate: number;
  /** Share of writes of which one bit arrives wrong, unnoticed. */
  readonly bitFlipRate: number;
  /** Share of writes that land elsewhere in their file, unnoticed. */
  readonly misdirectRate: number;
  readonly capacityBytes: number;
  /** How many times slower than usual the disk answers. */
  readonly slowFactor: number;
  /** What a sync takes on average. */
  readonly syncMs: number;
}

const SOUND: DiskRules = {
  readErrorRate: 0,
  writeErrorRate: 0,
  syncErrorRate: 0,
  nameErrorRate: 0,
  bitFlipRate: 0,
  misdirectRate: 0,
  capacityBytes: 1024 ** 4,
  slowFactor: 1,
  syncMs: 0.4,
};

/** What may befall the next call that it can befall. */
export type DiskFault = 'readError' | 'writeError' | 'syncError' | 'bitFlip' | 'misdirect';

/** Misdirected writes land at multiples of this: disks mix up whole blocks. */
const BLOCK_BYTES = 512;

/** What a solid-state disk takes on average; each call draws from an exponential distribution. */
const MEAN_MS = { name: 0.05, read: 0.08, write: 0.03 } as const;

export class SimDisk {
  readonly #scheduler: Scheduler;
  readonly #random: Prng;
  readonly #faults: FaultCounters;
  #tree = new DirectoryTree();
  #rules = SOUND;
  readonly #next = new Set<DiskFault>();
  readonly #traps = new DiskTraps();
  /** Who has what, alive or not; never on the disk itself. */
  readonly #locks = new Map<string, { readonly holder: Process }>();
  #silentFaultAtMs = Number.NEGATIVE_INFINITY;
  #errors = 0;

  constructor(scheduler: Scheduler, random: Prng, faults: FaultCounters) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#faults = faults;
  }

  rules(change: Partial<DiskRules>): void {
    this.#rules = { ...this.#rules, ...change };
  }

  /** Once, soon. */
  failNext(fault: DiskFault): void {
    this.#next.add(fault);
  }

  /** One call, as soon as it comes. */
  setTrap(trap: DiskTrap): void {
    this.#traps.add(trap);
  }

  /** It has not happened yet. */
  isDue(fault: DiskFault): boolean {
    return this.#next.has(fault);
  }

  /** When a write last went wrong unnoticed. */
  get silentFaultAtMs(): number {
    return this.#silentFaultAtMs;
  }

  /** Calls that were refused, for whatever reason. */
  get errors(): number {
    return this.#errors;
  }

  /** Bytes of all files together. */
  get usedBytes(): number {
    let used = 0;
    for (const file of this.#tree.files()) used += file.size;
    return used;
  }

  /** Nothing that was ordered happens any more. */
  relent(): void {
    this.#next.clear();
    this.#traps.clear();
  }

  /**
   * Rot: a bit of what was written `ageMs` ago or earlier changes where it lies. Answers the file's
   * path, or undefined when nothing is old enough.
   */
  rot(ageMs: number): string | undefined {
    const beforeMs = this.#scheduler.nowMs - ageMs;
    const places = [...this.#tree.named()].flatMap(([path, image]) =>
      image.stretchesBefore(beforeMs).map((stretch) => ({ path, image, ...stretch })),
    );
    if (places.length === 0) return undefined;
    const place = must(places[this.#random.below(places.length)], 'a place that is there');
    place.image.flipBit(place.offset + this.#random.below(place.length), this.#random.below(8));
    this.#faults.bitRotted += 1;
    return place.path;
  }

  /** An empty disk takes the place of this one. */
  wipe(): void {
    this.#tree = new DirectoryTree();
    this.relent();
    this.#faults.diskWiped += 1;
  }

  /** Rot: a bit of a file changes where it lies. */
  flipBit(path: string, offset: number, bit: number): void {
    this.#tree.file(path)?.flipBit(offset, bit);
    this.#faults.bitRotted += 1;
  }

  /** The process that wrote is gone; what it wrote stays, synced or not. */
  loseWriter(): void {
    for (const file of this.#tree.files()) file.loseWriter(this.#random, this.#scheduler.nowMs);
  }

  losePower(keepsNothing: boolean): void {
    this.#tree.losePower(this.#random, this.#faults, keepsNothing);
  }

  /** The disk as one process sees it. */
  diskOf(process: Process): Disk {
    const name = <Result>(call: NameCall, path: string, work: () => Result): Promise<Result> =>
      this.#callName(process, call, path, work);
    return {
      open: (path, mode) =>
        name('open', path, () => {
          diskPathParts(path);
          const found = this.#tree.file(path);
          if (found === undefined && mode !== 'create') {
            throw new DiskError('notFound', `${path} is not there`);
          }
          const image = found ?? this.#tree.create(path);
          return this.#openFile(process, path, image, mode !== 'read');
        }),
      list: (directory) => name('list', directory, () => this.#tree.list(directory)),
      makeDirectory: (directory) =>
        name('makeDirectory', directory, () => this.#tree.makeDirectory(directory)),
      rename: (from, to) => name('rename', to, () => this.#tree.rename(from, to)),
      remove: (path) => name('remove', path, () => this.#tree.remove(path)),
      syncDirectory: (directory) =>
        name('syncDirectory', directory, () => {
          if (this.#strikes('syncError', this.#rules.syncErrorRate)) this.#failSync(directory);
          this.#tree.sync(directory);
        }),
      freeBytes: () =>
        this.#later(process, MEAN_MS.name, () =>
          Math.max(0, this.#rules.capacityBytes - this.usedBytes),
        ),
      // The system answers from its memory: no time passes.
      lock: (path) => completeLater(this.#scheduler, process, 0, () => this.#lock(process, path)),
    };
  }

  #lock(holder: Process, path: string): DiskLock {
    diskPathParts(path);
    if (this.#locks.get(path)?.holder.alive) this.#refuse('held', `${path} is held`);
    const lock = { holder };
    this.#locks.set(path, lock);
    return {
      release: () =>
        completeLater(this.#scheduler, holder, 0, () => {
          if (this.#locks.get(path) === lock) this.#locks.delete(path);
        }),
    };
  }

  #openFile(process: Process, path: string, image: FileImage, mayWrite: boolean): DiskFile {
    let closed = false;
    const refused = (): Promise<never> =>
      Promise.reject(new DiskError('closed', `${path} is closed`));
    const later = <Result>(meanMs: number, work: () => Result): Promise<Result> =>
      closed ? refused() : this.#later(process, meanMs, work);
    const isOrderedToFail = (call: DiskCall): boolean =>
      !closed && process.alive && this.#isOrderedToFail(call, path);
    const name = <Result>(call: NameCall, work: () => Result): Promise<Result> =>
      closed ? refused() : this.#callName(process, call, path, work);
    return {
      path,
      size: () => name('size', () => image.size),
      read: (offset, into) => {
        const isOrdered = isOrderedToFail('read');
        return later(MEAN_MS.read, () => {
          if (isOrdered || this.#strikes('readError', this.#rules.readErrorRate)) {
            this.#faults.readFailed += 1;
            this.#refuse('io', `${path}: EIO`);
          }
          return image.read(offset, into);
        });
      },
      write: (offset, bytes) => {
        if (!mayWrite) return Promise.reject(new DiskError('closed', `${path} is open to read`));
        const write: Write = { kind: 'write', offset, bytes: new Uint8Array(bytes) };
        // A call of a process that is dead already must leave no mark.
        if (!closed && process.alive) image.begin(write);
        const isOrdered = isOrderedToFail('write');
        return later(MEAN_MS.write, () => this.#finish(path, image, write, isOrdered));
      },
      sync: () => {
        const watermark = image.watermark();
        const isOrdered = isOrderedToFail('sync');
        return later(this.#rules.syncMs, () => this.#sync(path, image, watermark, isOrdered));
      },
      truncate: (size) =>
        name('truncate', () => {
          this.#mustHaveRoom(path, size - image.size);
          image.resize(size);
        }),
      close: () => {
        // As the system does it: what failed to close is closed all the same.
        closed = true;
        return this.#callName(process, 'close', path, () => {});
      },
    };
  }

  #callName<Result>(
    process: Process,
    call: NameCall,
    path: string,
    work: () => Result,
  ): Promise<Result> {
    const isOrdered = process.alive && this.#isOrderedToFail(call, path);
    return this.#later(
      process,
      call === 'syncDirectory' ? this.#rules.syncMs : MEAN_MS.name,
      () => {
        const { nameErrorRate } = this.#rules;
        const fails = isOrdered || (nameErrorRate > 0 && this.#random.unit() < nameErrorRate);
        if (!fails) return work();
        this.#faults.nameFailed += 1;
        // Of a call that fails nobody knows what it did: all of it, or nothing.
        if (this.#random.below(2) === 0) work();
        return this.#refuse('io', `${path}: EIO on ${call}`);
      },
    );
  }

  #isOrderedToFail(call: DiskCall, path: string): boolean {
    let fails = false;
    for (const { strike } of this.#traps.spring(call, path)) {
      if (strike === 'fail') fails = true;
      else this.#scheduler.schedule(new Action(undefined, strike), 0);
    }
    return fails;
  }

  #finish(path: string, image: FileImage, write: Write, isOrdered: boolean): void {
    const end = write.offset + write.bytes.length;
    try {
      if (isOrdered || this.#strikes('writeError', this.#rules.writeErrorRate)) {
        this.#faults.writeFailed += 1;
        this.#refuse('io', `${path}: EIO`);
      }
      this.#mustHaveRoom(path, end - image.size);
    } catch (error) {
      image.abort(write);
      throw error;
    }
    if (write.bytes.length > 0 && this.#strikes('bitFlip', this.#rules.bitFlipRate)) {
      this.#faults.bitFlipped += 1;
      this.#silentFaultAtMs = this.#scheduler.nowMs;
      const at = this.#random.below(write.bytes.length);
      write.bytes[at] = (write.bytes[at] as number) ^ (1 << this.#random.below(8));
    }
    const elsewhere = this.#elsewhere(image, write);
    if (elsewhere === undefined) image.finish(write, this.#scheduler.nowMs);
    else image.misdirect(write, elsewhere, this.#scheduler.nowMs);
  }

  /** Where a write lands that the disk misdirects. */
  #elsewhere(image: FileImage, write: Write): number | undefined {
    const blocks = Math.floor((image.size - write.bytes.length) / BLOCK_BYTES);
    if (blocks < 1 || !this.#strikes('misdirect', this.#rules.misdirectRate)) return undefined;
    const offset = this.#random.below(blocks) * BLOCK_BYTES;
    if (offset === write.offset) return undefined;
    this.#faults.writeMisdirected += 1;
    this.#silentFaultAtMs = this.#scheduler.nowMs;
    return offset;
  }

  #sync(path: string, image: FileImage, watermark: number, isOrdered: boolean): void {
    if (isOrdered || this.#strikes('syncError', this.#rules.syncErrorRate)) {
      image.forsake(watermark);
      this.#failSync(path);
    }
    image.commit(watermark);
  }

  #mustHaveRoom(path: string, growthBytes: number): void {
    if (growthBytes <= 0 || this.usedBytes + growthBytes <= this.#rules.capacityBytes) return;
    this.#faults.diskFull += 1;
    this.#refuse('noSpace', `${path}: ENOSPC`);
  }

  #failSync(path: string): never {
    this.#faults.syncFailed += 1;
    this.#refuse('io', `${path}: EIO`);
  }

  #refuse(code: DiskErrorCode, message: string): never {
    this.#errors += 1;
    throw new DiskError(code, message);
  }

  #strikes(fault: DiskFault, rate: number): boolean {
    if (this.#next.size > 0 && this.#next.delete(fault)) return true;
    return rate > 0 && this.#random.unit() < rate;
  }

  #later<Result>(process: Process, meanMs: number, work: () => Result): Promise<Result> {
    const { slowFactor } = this.#rules;
    if (slowFactor > 1) this.#faults.diskSlow += 1;
    const delayMs = -Math.log(1 - this.#random.unit()) * meanMs * slowFactor;
    return completeLater(this.#scheduler, process, delayMs, work);
  }
}
