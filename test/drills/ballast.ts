// Another program that takes the room on a disk.

import { spawnSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { assert } from '../../src/base/assert.ts';

/** A file that leaves so much on its disk. */
export function fillUp(file: string, leftBytes: number): void {
  const bytes = freeBytes(dirname(file)) - leftBytes;
  const { status, stderr } = spawnSync('fallocate', ['-l', String(bytes), file]);
  assert(status === 0, `room can be taken: ${stderr.toString()}`);
}

export function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}
