// Makes the segment after the one in use ready before it is needed, beside the commits.

import type { RoomWait } from './room-wait.ts';
import type { SegmentFiles } from './segment-files.ts';

export class NextSegment {
  readonly #files: SegmentFiles;
  readonly #segmentBytes: number;
  readonly #wait: RoomWait;
  #preparing: Promise<void> | undefined;

  constructor(files: SegmentFiles, segmentBytes: number, wait: RoomWait) {
    this.#files = files;
    this.#segmentBytes = segmentBytes;
    this.#wait = wait;
  }

  /** Begins while a quarter of the segment in use, up to `end`, is used. */
  maybePrepare(number: number, end: number, onError: (error: unknown) => void): void {
    if (end * 4 < this.#segmentBytes || this.#files.isPrepared) return;
    this.prepared(number).catch(onError);
  }

  /** Resolves once segment `number` is ready. Rejects when it will not be. */
  prepared(number: number): Promise<void> {
    this.#preparing ??= this.#prepare(number).finally(() => {
      this.#preparing = undefined;
    });
    return this.#preparing;
  }

  /** Resolves when nothing is on its way. */
  async idle(): Promise<void> {
    // Whoever wanted it has heard why it failed.
    await this.#preparing?.catch(() => {});
  }

  async #prepare(number: number): Promise<void> {
    while (!this.#files.isPrepared) {
      try {
        await this.#files.prepare(number);
        this.#wait.noteWritten('segment');
      } catch (error) {
        await this.#wait.afterRefusal('segment', error);
      }
    }
  }
}
