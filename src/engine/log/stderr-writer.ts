// Writes whole lines to a file descriptor before it returns: the last lines before an exit are the
// ones that matter.

import { writeSync } from 'node:fs';

/** A reader that takes nothing for this long loses the line: a log must not stop the program. */
const PATIENCE_MS = 100;
const PAUSE_MS = 1;

const nap = new Int32Array(new SharedArrayBuffer(4));

export function stderrWriter(fd: number): (line: string) => void {
  return (line) => {
    const bytes = Buffer.from(line);
    let at = 0;
    let waitedMs = 0;
    while (at < bytes.length && waitedMs < PATIENCE_MS) {
      try {
        at += writeSync(fd, bytes, at);
      } catch (error) {
        // The reader has gone, or the disk is full. That is no reason to stop serving.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
        Atomics.wait(nap, 0, 0, PAUSE_MS);
        waitedMs += PAUSE_MS;
      }
    }
  };
}
