// What decides the effect of commands, release by release.

import { limitOf, type MachineEdition } from '../../core/machine.ts';

/** [KV22] Frozen, each of them: what a later release does otherwise is a version behind these. */
export const KEYSPACE_EDITIONS: readonly MachineEdition[] = [
  {
    version: 1,
    limits: {
      keyBytesMax: 1_024,
      valueBytesMax: 128 * 1_024,
      /** Of a transaction, the longest of its lists; nested ones have what is left. */
      operationsMax: 128,
      leaseTtlMsMax: 9_000_000_000_000,
    },
  },
];

/** What version 1 does, for good: they decide effects as well, but refuse no command by itself. */
const VERSION_1 = {
  /** Keys that one command may change, or read in an order of its own. */
  keysPerCommandMax: 10_000,
  /** A longer value stands once, with its change, and not with its key as well. */
  inlineBytesMax: 512,
  /** How long a lease that ended is known as such. */
  leaseFenceMs: 10 * 60 * 1_000,
} as const;

export interface KeyspaceLimits {
  readonly keyBytesMax: number;
  readonly valueBytesMax: number;
  readonly operationsMax: number;
  readonly leaseTtlMsMax: number;
  readonly keysPerCommandMax: number;
  readonly inlineBytesMax: number;
  readonly leaseFenceMs: number;
}

const known = new WeakMap<MachineEdition, KeyspaceLimits>();

export function limitsOf(edition: MachineEdition): KeyspaceLimits {
  let limits = known.get(edition);
  if (limits === undefined) {
    limits = {
      ...VERSION_1,
      keyBytesMax: limitOf(edition, 'keyBytesMax'),
      valueBytesMax: limitOf(edition, 'valueBytesMax'),
      operationsMax: limitOf(edition, 'operationsMax'),
      leaseTtlMsMax: limitOf(edition, 'leaseTtlMsMax'),
    };
    known.set(edition, limits);
  }
  return limits;
}
