// What makes a log unlike any other.

import type { Random } from '../../base/capabilities.ts';

export interface LogIdentity {
  readonly incarnation: bigint;
  readonly salt: number;
}

/** Draws that of a new log. */
export function newIdentity(random: Random): LogIdentity {
  const incarnation = (BigInt(random.u32()) << 32n) | BigInt(random.u32());
  return { incarnation, salt: random.u32() };
}
