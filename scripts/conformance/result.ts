// What a run of a file found.

import type { Command } from '../../src/base/transcript.ts';
import type { Differences } from './compare.ts';

export type FileKind = 'interaction' | 'quorum' | 'confchange';

export interface BlockResult {
  readonly command: Command;
  /** Log lines of the other implementation, not compared by design. */
  readonly logLines: number;
  readonly differences: Differences;
  /** Why the block could not be compared at all; it then fails on every level. */
  readonly problem: string | undefined;
  /** What was compared, log text left out. */
  readonly expected: readonly string[];
  readonly actual: readonly string[];
}

export interface FileResult {
  readonly path: string;
  readonly kind: FileKind | undefined;
  readonly blocks: readonly BlockResult[];
  /** Why the file could not be run, with no blocks then. */
  readonly problem: string | undefined;
}

export function failsAt(block: BlockResult, level: 1 | 2 | 3): boolean {
  return block.problem !== undefined || block.differences[level] !== undefined;
}

/** On levels 1 and 2, which must hold everywhere. */
export function isBroken(file: FileResult): boolean {
  if (file.problem !== undefined || file.blocks.length === 0) return true;
  return file.blocks.some((block) => failsAt(block, 1) || failsAt(block, 2));
}
