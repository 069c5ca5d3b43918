// Calls to a disk that somebody waits for: the next one of a kind, in some directory, fails, or
// ends the process that makes it. Left to chance it would take many seeds to die between a rename
// and the sync that makes it durable, or between two syncs of one turn.

import { parentOf } from './directory-tree.ts';

/** What is asked of names and sizes, not of bytes. */
export type NameCall =
  | 'open'
  | 'list'
  | 'makeDirectory'
  | 'rename'
  | 'remove'
  | 'syncDirectory'
  | 'size'
  | 'truncate'
  | 'close';

export type DiskCall = NameCall | 'read' | 'write' | 'sync';

/** Strikes once, and is gone. */
export interface DiskTrap {
  readonly call: DiskCall;
  /** Where: the call names this directory or something directly in it. */
  readonly directory: string;
  /** Calls of the kind that are let pass. */
  readonly spared: number;
  /** Fails the call, or does something just before it, like ending the process. */
  readonly strike: 'fail' | (() => void);
}

const NONE: readonly DiskTrap[] = [];

export class DiskTraps {
  #waiting: { readonly trap: DiskTrap; left: number }[] = [];

  add(trap: DiskTrap): void {
    this.#waiting.push({ trap, left: trap.spared });
  }

  clear(): void {
    this.#waiting = [];
  }

  /** What a call springs; mostly nothing. */
  spring(call: DiskCall, path: string): readonly DiskTrap[] {
    if (this.#waiting.length === 0) return NONE;
    const sprung: DiskTrap[] = [];
    for (const waiting of this.#waiting) {
      const { trap } = waiting;
      if (trap.call !== call) continue;
      if (path !== trap.directory && parentOf(path) !== trap.directory) continue;
      waiting.left -= 1;
      if (waiting.left < 0) sprung.push(trap);
    }
    if (sprung.length > 0) this.#waiting = this.#waiting.filter(({ left }) => left >= 0);
    return sprung;
  }
}
