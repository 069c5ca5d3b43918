import type { Random } from '../../base/capabilities.ts';
import { Prng } from '../../base/prng.ts';

/**
 * A generator seeded with the system's entropy. Good for jitter, choices and names; secrets are
 * drawn from node:crypto where they are needed. To load that for three words takes 2 MB for good,
 * and V8 has asked the system already: Node lets it seed its own generator from there.
 */
export function randomFromSystem(): Random {
  const word = (): number => Math.floor(Math.random() * 2 ** 32);
  return Prng.fromWords([word(), word(), word()]);
}
