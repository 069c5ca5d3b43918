// SHA-256 from node:crypto, which the first sum loads: 2 MB that an idle member goes without.

import type * as NodeCrypto from 'node:crypto';
import type { Hash } from 'node:crypto';
import { createRequire } from 'node:module';

let crypto: typeof NodeCrypto | undefined;

export function sha256(): Hash {
  crypto ??= createRequire(import.meta.url)('node:crypto') as typeof NodeCrypto;
  return crypto.createHash('sha256');
}
