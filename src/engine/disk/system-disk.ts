// One directory of the machine's file system as the Disk capability.

import { constants } from 'node:fs';
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  rename,
  rmdir,
  statfs,
  unlink,
} from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
  type Disk,
  DiskError,
  type DiskErrorCode,
  type DiskFile,
  type DiskLock,
} from '../../base/capabilities.ts';
import { diskPathParts } from '../../base/disk-path.ts';
import { lockFile } from './lock-file.ts';

const FLAGS = {
  read: constants.O_RDONLY,
  readWrite: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT,
} as const;

/**
 * A write answers once it is durable: one trip to a thread of the pool in place of two. Elsewhere
 * the flag is missing, or does not reach behind the cache of the drive as a sync does.
 */
const DURABLY = process.platform === 'linux' ? constants.O_WRONLY | constants.O_DSYNC : undefined;

/**
 * A disk rooted at `root`, which comes into being with the first file or directory made in it.
 * Symbolic links inside are followed: who may write there may also read what they point to.
 */
export class SystemDisk implements Disk {
  readonly #root: string;
  #rootMade = false;

  constructor(root: string) {
    this.#root = root;
  }

  async open(path: string, mode: 'read' | 'readWrite' | 'create'): Promise<DiskFile> {
    const place = this.#place(path);
    if (mode === 'create') await this.#makeRoot();
    const handle = await guard(path, open(place, FLAGS[mode], 0o600));
    return new SystemFile(path, place, handle);
  }

  async list(directory: string): Promise<readonly string[]> {
    try {
      return (await readdir(this.#place(directory))).toSorted();
    } catch (error) {
      const failure = asDiskError(directory, error);
      if (failure.code === 'notFound') return [];
      throw failure;
    }
  }

  async makeDirectory(directory: string): Promise<void> {
    await this.#makeRoot();
    await guard(directory, mkdir(this.#place(directory), { recursive: true, mode: 0o700 }));
  }

  async rename(from: string, to: string): Promise<void> {
    await guard(`${from} -> ${to}`, rename(this.#place(from), this.#place(to)));
  }

  async remove(path: string): Promise<void> {
    const place = this.#place(path);
    if (path === '') throw new DiskError('badPath', 'the data directory itself stays');
    try {
      await unlink(place);
    } catch (error) {
      // Linux says EISDIR for a directory, POSIX and others EPERM.
      const code = (error as NodeJS.ErrnoException).code;
      if (code !== 'EISDIR' && code !== 'EPERM') throw asDiskError(path, error);
      await guard(path, rmdir(place));
    }
  }

  async syncDirectory(directory: string): Promise<void> {
    await guard(directory, syncNames(this.#place(directory)));
  }

  async freeBytes(): Promise<number> {
    await this.#makeRoot();
    const status = await guard('', statfs(this.#root));
    return status.bavail * status.bsize;
  }

  async lock(path: string): Promise<DiskLock> {
    const place = this.#place(path);
    await this.#makeRoot();
    return lockFile(path, place);
  }

  #place(path: string): string {
    return join(this.#root, ...diskPathParts(path));
  }

  async #makeRoot(): Promise<void> {
    if (this.#rootMade) return;
    await guard('', makeDurably(this.#root));
    this.#rootMade = true;
  }
}

/** Callers sync names within the root. Its own, and what was missing above, is synced here. */
async function makeDurably(root: string): Promise<void> {
  const first = await mkdir(root, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  const last = dirname(resolve(first));
  for (let above = dirname(resolve(root)); ; above = dirname(above)) {
    await syncNames(above);
    if (above === last || above === dirname(above)) return;
  }
}

async function syncNames(place: string): Promise<void> {
  const handle = await open(place, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

class SystemFile implements DiskFile {
  readonly path: string;
  readonly #place: string;
  readonly #handle: FileHandle;
  /** The same file once more, for durable writes. */
  #durable: Promise<FileHandle> | undefined;
  #closed = false;

  constructor(path: string, place: string, handle: FileHandle) {
    this.path = path;
    this.#place = place;
    this.#handle = handle;
  }

  async size(): Promise<number> {
    this.#mustBeOpen();
    return (await guard(this.path, this.#handle.stat())).size;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    this.#mustBeOpen();
    let done = 0;
    while (done < into.length) {
      const rest = into.length - done;
      const step = await guard(this.path, this.#handle.read(into, done, rest, offset + done));
      if (step.bytesRead === 0) break;
      done += step.bytesRead;
    }
    return done;
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    this.#mustBeOpen();
    await writeAll(this.path, this.#handle, offset, bytes);
  }

  async writeDurably(offset: number, bytes: Uint8Array): Promise<void> {
    this.#mustBeOpen();
    if (DURABLY === undefined) {
      await this.write(offset, bytes);
      return this.sync();
    }
    this.#durable ??= this.#openDurable(DURABLY);
    await writeAll(this.path, await this.#durable, offset, bytes);
  }

  async #openDurable(flags: number): Promise<FileHandle> {
    try {
      return await guard(this.path, open(this.#place, flags));
    } catch (error) {
      // The next attempt may succeed.
      this.#durable = undefined;
      throw error;
    }
  }

  async sync(): Promise<void> {
    this.#mustBeOpen();
    await guard(this.path, this.#handle.datasync());
  }

  async truncate(size: number): Promise<void> {
    this.#mustBeOpen();
    await guard(this.path, this.#handle.truncate(size));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const durable = await this.#durable?.catch(() => undefined);
    const handles = durable === undefined ? [this.#handle] : [this.#handle, durable];
    const closing = handles.map((handle) => handle.close());
    for (const result of await Promise.allSettled(closing)) {
      if (result.status === 'rejected') throw asDiskError(this.path, result.reason);
    }
  }

  #mustBeOpen(): void {
    if (this.#closed) throw new DiskError('closed', `${this.path} is closed`);
  }
}

async function writeAll(
  path: string,
  handle: FileHandle,
  offset: number,
  bytes: Uint8Array,
): Promise<void> {
  let done = 0;
  // The system may take a part: the rest then meets the error, if there is one.
  while (done < bytes.length) {
    const rest = bytes.length - done;
    const step = await guard(path, handle.write(bytes, done, rest, offset + done));
    done += step.bytesWritten;
  }
}

async function guard<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw asDiskError(path, error);
  }
}

function asDiskError(path: string, error: unknown): DiskError {
  if (error instanceof DiskError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return new DiskError(classify(code), `${path === '' ? 'the data directory' : path}: ${code}`);
}

function classify(code: string): DiskErrorCode {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'notFound';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'noSpace';
    case 'EBADF':
      return 'closed';
    default:
      return 'io';
  }
}
