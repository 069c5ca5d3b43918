// The files of the log: their names, the one being prepared ahead, and handles to read from.

import { assert, must } from '../../base/assert.ts';
import { type Disk, DiskError, type DiskFile } from '../../base/capabilities.ts';

const NAME = /^([0-9]{10})\.wal$/;
const PREPARING = 'next.tmp';
const ZEROS = new Uint8Array(1024 * 1024);

export class SegmentFiles {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #segmentBytes: number;
  readonly #open = new Map<number, Promise<DiskFile>>();
  /** Numbers in ascending order, without the ones prepared ahead. */
  #numbers: number[] = [];
  #prepared: { readonly number: number; readonly file: DiskFile } | undefined;
  /** Being removed: nobody needs it, and it may be half gone. */
  #leaving: number | undefined;

  constructor(disk: Disk, directory: string, segmentBytes: number) {
    this.#disk = disk;
    this.#directory = directory;
    this.#segmentBytes = segmentBytes;
  }

  get numbers(): readonly number[] {
    return this.#numbers;
  }

  /** Whether there is anything in the segment that somebody may miss. */
  isKept(number: number): boolean {
    return number !== this.#leaving && this.#numbers.includes(number);
  }

  path(number: number): string {
    return `${this.#directory}/${String(number).padStart(10, '0')}.wal`;
  }

  /**
   * Makes the directory and answers the segments in it; what was being prepared is removed.
   *
   * [W7] Names count as little as bytes until they are synced: A renames a prepared segment into
   * place and is killed before it syncs the directory. A, restarted, finds it, fills it and
   * promises B what is in it; then the power fails, and the segment is called `next.tmp` again.
   */
  async list(): Promise<readonly number[]> {
    await this.#disk.makeDirectory(this.#directory);
    const parts = this.#directory.split('/');
    for (let depth = parts.length; depth >= 0; depth--) {
      await this.#disk.syncDirectory(parts.slice(0, depth).join('/'));
    }
    const names = await this.#disk.list(this.#directory);
    if (names.includes(PREPARING)) await this.#disk.remove(`${this.#directory}/${PREPARING}`);
    return names.flatMap((name) => {
      const digits = NAME.exec(name)?.[1];
      return digits === undefined ? [] : [Number(digits)];
    });
  }

  /** The segments that recovery found in use. */
  adopt(numbers: readonly number[]): void {
    this.#numbers = [...numbers];
  }

  file(number: number): Promise<DiskFile> {
    const known = this.#open.get(number);
    if (known !== undefined) return known;
    const opening = this.#disk.open(this.path(number), 'readWrite');
    this.#open.set(number, opening);
    // A failed opening is not remembered: the next one may succeed.
    opening.catch(() => this.#open.delete(number));
    return opening;
  }

  /**
   * Most of the newest segment is zeros. What is zero already is not written to, so that the system
   * takes no memory for it: a member that starts would hold 16 MiB until the next collection.
   */
  async readAll(number: number): Promise<Uint8Array> {
    const file = await this.file(number);
    const size = await file.size();
    const bytes = new Uint8Array(size);
    const piece = new Uint8Array(Math.min(size, ZEROS.length));
    let end = 0;
    while (end < size) {
      const count = await file.read(end, piece);
      const read = piece.subarray(0, count);
      if (Buffer.compare(read, ZEROS.subarray(0, count)) !== 0) bytes.set(read, end);
      end += count;
      if (count < piece.length) break;
    }
    return bytes.subarray(0, end);
  }

  /**
   * [W11] Makes `number` a file of zeros whose name and size are durable. Its blocks are taken, so
   * that a write there changes nothing but data and cannot meet a full disk.
   */
  async prepare(number: number): Promise<void> {
    if (this.#prepared !== undefined) return;
    const preparing = `${this.#directory}/${PREPARING}`;
    const file = await this.#disk.open(preparing, 'create');
    try {
      // What an attempt left behind counts as zeros too: it never held anything else.
      for (let at = 0; at < this.#segmentBytes; at += ZEROS.length) {
        await file.write(at, ZEROS.subarray(0, Math.min(ZEROS.length, this.#segmentBytes - at)));
        // Piece by piece: a commit that is synced meanwhile waits for one of them, not for all.
        await file.sync();
      }
      await file.close();
    } catch (error) {
      // Half a segment would only take the room that is missing. What cannot be cleared away is
      // written over by the next attempt, and must not hide why this one failed.
      await file.close().catch(() => {});
      await this.#disk.remove(preparing).catch(() => {});
      throw error;
    }
    await this.#disk.rename(preparing, this.path(number));
    await this.#disk.syncDirectory(this.#directory);
    this.#prepared = { number, file: await this.file(number) };
  }

  /** A file that an earlier process prepared. */
  async adoptPrepared(number: number): Promise<void> {
    this.#prepared = { number, file: await this.file(number) };
  }

  get isPrepared(): boolean {
    return this.#prepared !== undefined;
  }

  /** Takes the prepared segment into use. */
  takePrepared(number: number): DiskFile {
    const { file, number: is } = must(this.#prepared, 'a segment is prepared before it is used');
    assert(is === number, '[W3] segments are used in the order of their numbers');
    this.#prepared = undefined;
    this.#numbers.push(number);
    return file;
  }

  /**
   * [W12] Removes the oldest segment. One at a time and each made durable, so that a crash never
   * leaves an older segment without a newer one. One whose removal fails stays the oldest: were it
   * passed over, the next call would remove the one after it and leave a gap.
   */
  async removeOldest(): Promise<void> {
    const number = must(this.#numbers[0], 'there is a segment to remove');
    this.#leaving = number;
    await this.#drop(number);
    this.#numbers.shift();
    this.#leaving = undefined;
  }

  /** Removes a file that recovery found to be of no use. */
  async removeUnused(number: number): Promise<void> {
    await this.#drop(number);
  }

  /** Lets go of every file, and answers what went wrong: one that fails keeps no other one open. */
  async closeAll(): Promise<readonly string[]> {
    const opening = [...this.#open.values()];
    this.#open.clear();
    const troubles: string[] = [];
    for (const result of await Promise.allSettled(opening)) {
      if (result.status === 'rejected') continue;
      try {
        await result.value.close();
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        troubles.push(error.message);
      }
    }
    return troubles;
  }

  async #drop(number: number): Promise<void> {
    const opening = this.#open.get(number);
    this.#open.delete(number);
    if (opening !== undefined) await (await opening).close();
    try {
      await this.#disk.remove(this.path(number));
    } catch (error) {
      // Gone already: an earlier attempt failed behind this point.
      if (!(error instanceof DiskError && error.code === 'notFound')) throw error;
    }
    await this.#disk.syncDirectory(this.#directory);
  }
}
