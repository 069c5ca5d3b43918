// A disk in memory that remembers every call, so that it can be asked afterwards: what would be
// there if the power had failed just then? Enumerates what the simulated disk draws at random.

import {
  type Disk,
  DiskError,
  type DiskErrorCode,
  type DiskFile,
  type DiskLock,
} from '../../src/base/capabilities.ts';
import { diskPathParts } from '../../src/base/disk-path.ts';

const SECTOR_BYTES = 512;

class Inode {
  bytes: Uint8Array = new Uint8Array(0);

  write(offset: number, bytes: Uint8Array): void {
    if (offset + bytes.length > this.bytes.length) this.resize(offset + bytes.length);
    this.bytes.set(bytes, offset);
  }

  resize(size: number): void {
    const resized = new Uint8Array(size);
    resized.set(this.bytes.subarray(0, size));
    this.bytes = resized;
  }
}

interface WriteCall {
  readonly kind: 'write';
  readonly inode: Inode;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

type Call =
  | WriteCall
  | { readonly kind: 'truncate'; readonly inode: Inode; readonly size: number }
  | { readonly kind: 'sync'; readonly inode: Inode }
  | { readonly kind: 'name'; readonly path: string; readonly inode: Inode | undefined }
  /** Names directly in `path`, no others. */
  | { readonly kind: 'syncNames'; readonly path: string };

/** What becomes of the write at which the power fails. */
export type Fate =
  | { readonly kind: 'drop' }
  | { readonly kind: 'keep' }
  /** Sectors before (or, reversed, from) `sector` of the write are there. */
  | { readonly kind: 'tear'; readonly sector: number; readonly reversed: boolean };

/** Where the power fails: after `calls` calls, the last one being a write with this fate. */
export interface CrashPoint {
  readonly calls: number;
  readonly fate: Fate;
  /** Whether other calls that were not synced are there. */
  readonly keepsUnsynced: boolean;
}

export class CrashDisk implements Disk {
  readonly #names = new Map<string, Inode>();
  readonly #calls: Call[] = [];
  /** Which call made each call durable; infinity while none did. */
  readonly #syncedAt: number[] = [];
  readonly #base: ReadonlyMap<string, Uint8Array>;
  readonly #initial: ReadonlyMap<string, Inode>;
  /** Asked before each call that changes something; an answer makes it fail. */
  failNext: ((kind: Call['kind'], path: string) => DiskErrorCode | undefined) | undefined;
  free = 1024 ** 3;

  constructor(base: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.#base = base;
    for (const [path, bytes] of base) {
      const inode = new Inode();
      inode.bytes = bytes.slice();
      this.#names.set(path, inode);
    }
    this.#initial = new Map(this.#names);
  }

  /** Calls so far that changed something or made it durable. */
  get calls(): number {
    return this.#calls.length;
  }

  /** The files as they are now. */
  files(): Map<string, Uint8Array> {
    return new Map([...this.#names].map(([path, { bytes }]) => [path, bytes.slice()]));
  }

  /** Writes from now on what each call does, as `kind path`. */
  watch(): string[] {
    const seen: string[] = [];
    this.failNext = (kind, path) => {
      seen.push(`${kind} ${path}`);
      return undefined;
    };
    return seen;
  }

  /** A bit of a file changes where it lies. */
  rot(path: string, at: number): void {
    const bytes = this.#names.get(path)?.bytes;
    if (bytes !== undefined) bytes[at] = (bytes[at] as number) ^ 1;
  }

  /** Every point at which the power can fail in calls `from`..., with every fate. */
  *crashPoints(from: number): Iterable<CrashPoint> {
    for (let calls = from; calls <= this.#calls.length; calls++) {
      for (const keepsUnsynced of [false, true]) {
        for (const fate of fatesOf(this.#calls[calls - 1])) yield { calls, fate, keepsUnsynced };
      }
    }
  }

  /** The disk that a power failure at `point` leaves. */
  after(point: CrashPoint): CrashDisk {
    const left = new Map<Inode, Inode>();
    const names = new Map(this.#initial);
    for (const [path, inode] of this.#initial) {
      const copy = new Inode();
      copy.bytes = (this.#base.get(path) as Uint8Array).slice();
      left.set(inode, copy);
    }
    for (let at = 0; at < point.calls; at++) {
      const call = this.#calls[at] as Call;
      const isThere = point.keepsUnsynced || (this.#syncedAt[at] as number) < point.calls;
      if (call.kind === 'name') {
        if (!isThere) continue;
        if (call.inode === undefined) names.delete(call.path);
        else names.set(call.path, call.inode);
      } else if (call.kind === 'write' || call.kind === 'truncate') {
        const copy = left.get(call.inode) ?? new Inode();
        left.set(call.inode, copy);
        if (at === point.calls - 1 && call.kind === 'write') applyFate(copy, call, point.fate);
        else if (isThere && call.kind === 'write') copy.write(call.offset, call.bytes);
        else if (isThere && call.kind === 'truncate') copy.resize(call.size);
      }
    }
    const files = [...names].map(([path, inode]) => {
      return [path, left.get(inode)?.bytes ?? new Uint8Array(0)] as const;
    });
    return new CrashDisk(new Map(files));
  }

  /**
   * The disk as the next process finds it when this one is killed after `calls` calls: all of them
   * happened, and the power may still take what was not synced.
   */
  killedAfter(calls: number): CrashDisk {
    const disk = new CrashDisk(this.#base);
    const copies = new Map<Inode, Inode>();
    for (const [path, inode] of this.#initial) copies.set(inode, disk.#names.get(path) as Inode);
    const copyOf = (inode: Inode): Inode => {
      const copy = copies.get(inode) ?? new Inode();
      copies.set(inode, copy);
      return copy;
    };
    for (const call of this.#calls.slice(0, calls)) disk.#repeat(call, copyOf);
    return disk;
  }

  #repeat(call: Call, copyOf: (inode: Inode) => Inode): void {
    if (call.kind === 'syncNames') this.#record(call);
    else if (call.kind === 'name') {
      const inode = call.inode === undefined ? undefined : copyOf(call.inode);
      this.#name(call.path, inode);
    } else {
      const inode = copyOf(call.inode);
      this.#record({ ...call, inode });
      if (call.kind === 'write') inode.write(call.offset, call.bytes);
      else if (call.kind === 'truncate') inode.resize(call.size);
    }
  }

  // --- the disk ---------------------------------------------------------------------------------

  async open(path: string, mode: 'read' | 'readWrite' | 'create'): Promise<DiskFile> {
    diskPathParts(path);
    let inode = this.#names.get(path);
    if (inode === undefined) {
      if (mode !== 'create') throw new DiskError('notFound', `${path} is not there`);
      inode = new Inode();
      this.#name(path, inode);
    }
    return this.#file(path, inode);
  }

  async list(directory: string): Promise<readonly string[]> {
    const prefix = directory === '' ? '' : `${directory}/`;
    const inside = [...this.#names.keys()].filter((path) => path.startsWith(prefix));
    return inside.map((path) => path.slice(prefix.length)).toSorted();
  }

  /** Directories are part of the names of files here. */
  async makeDirectory(_directory: string): Promise<void> {}

  async rename(from: string, to: string): Promise<void> {
    const inode = this.#names.get(from);
    if (inode === undefined) throw new DiskError('notFound', `${from} is not there`);
    this.#name(to, inode);
    this.#name(from, undefined);
  }

  async remove(path: string): Promise<void> {
    if (!this.#names.has(path)) throw new DiskError('notFound', `${path} is not there`);
    this.#name(path, undefined);
  }

  async syncDirectory(directory: string): Promise<void> {
    this.#maybeFail('syncNames', directory);
    this.#record({ kind: 'syncNames', path: diskPathParts(directory).join('/') });
  }

  async freeBytes(): Promise<number> {
    return this.free;
  }

  /** One process at a time is all there is. */
  async lock(): Promise<DiskLock> {
    return { release: async () => {} };
  }

  #name(path: string, inode: Inode | undefined): void {
    this.#maybeFail('name', path);
    const call: Call = { kind: 'name', path, inode };
    this.#record(call);
    if (inode === undefined) this.#names.delete(path);
    else this.#names.set(path, inode);
  }

  #file(path: string, inode: Inode): DiskFile {
    let isClosed = false;
    const mustBeOpen = (): void => {
      if (isClosed) throw new DiskError('closed', `${path} is closed`);
    };
    return {
      path,
      size: async () => inode.bytes.length,
      read: async (offset, into) => {
        mustBeOpen();
        const part = inode.bytes.subarray(offset, offset + into.length);
        into.set(part);
        return part.length;
      },
      write: async (offset, bytes) => {
        mustBeOpen();
        this.#maybeFail('write', path);
        this.#record({ kind: 'write', inode, offset, bytes: bytes.slice() });
        inode.write(offset, bytes);
      },
      sync: async () => {
        mustBeOpen();
        this.#maybeFail('sync', path);
        this.#record({ kind: 'sync', inode });
      },
      truncate: async (size) => {
        mustBeOpen();
        this.#record({ kind: 'truncate', inode, size });
        inode.resize(size);
      },
      close: async () => {
        isClosed = true;
      },
    };
  }

  #record(call: Call): void {
    const at = this.#calls.push(call) - 1;
    this.#syncedAt.push(Number.POSITIVE_INFINITY);
    if (call.kind !== 'sync' && call.kind !== 'syncNames') return;
    for (let earlier = at - 1; earlier >= 0; earlier--) {
      const other = this.#calls[earlier] as Call;
      const isCovered =
        call.kind === 'sync'
          ? (other.kind === 'write' || other.kind === 'truncate') && other.inode === call.inode
          : other.kind === 'name' && parentOf(other.path) === call.path;
      if (isCovered) this.#syncedAt[earlier] = Math.min(at, this.#syncedAt[earlier] as number);
    }
  }

  #maybeFail(kind: Call['kind'], path: string): void {
    const code = this.failNext?.(kind, path);
    if (code !== undefined) throw new DiskError(code, `${path}: ${kind} fails`);
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}

function* fatesOf(call: Call | undefined): Iterable<Fate> {
  yield { kind: 'keep' };
  if (call?.kind !== 'write') return;
  yield { kind: 'drop' };
  const sectors = sectorsOf(call);
  // A write of zeros reads the same however it is torn.
  if (call.bytes.every((byte) => byte === 0)) return;
  for (let sector = 1; sector < sectors; sector++) {
    yield { kind: 'tear', sector, reversed: false };
    yield { kind: 'tear', sector, reversed: true };
  }
}

function sectorsOf({ offset, bytes }: WriteCall): number {
  const last = Math.floor((offset + bytes.length - 1) / SECTOR_BYTES);
  return last - Math.floor(offset / SECTOR_BYTES) + 1;
}

function applyFate(inode: Inode, { offset, bytes }: WriteCall, fate: Fate): void {
  if (fate.kind === 'drop') return;
  if (fate.kind === 'keep') {
    inode.write(offset, bytes);
    return;
  }
  const cut = (Math.floor(offset / SECTOR_BYTES) + fate.sector) * SECTOR_BYTES - offset;
  if (fate.reversed) inode.write(offset + cut, bytes.subarray(cut));
  else inode.write(offset, bytes.subarray(0, cut));
}
