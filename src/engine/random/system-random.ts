import { getRandomValues } from 'node:crypto';
import type { Random } from '../../base/capabilities.ts';
import { Prng } from '../../base/prng.ts';

/**
 * A generator seeded with the system's entropy. Good for jitter, choices and names; secrets are
 * drawn from node:crypto where they are needed.
 */
export function randomFromSystem(): Random {
  const [a = 0, b = 0, c = 0] = getRandomValues(new Uint32Array(3));
  return Prng.fromWords([a, b, c]);
}
