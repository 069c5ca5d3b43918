// A sum over a part of the store, to compare replicas by.

import { sha256 } from '../../engine/codec/index.ts';
import type { StoreView } from '../../engine/store/index.ts';
import { endOfPrefix } from './layout.ts';

/** Of all pairs whose keys begin with `prefix`, the prefix itself left out. */
export function digestOf(view: StoreView, prefix: Uint8Array): string {
  const hash = sha256();
  const lengths = new Uint32Array(2);
  for (const { key, value } of view.range(prefix, endOfPrefix(prefix))) {
    lengths[0] = key.length;
    lengths[1] = value.length;
    hash.update(lengths).update(key.subarray(prefix.length)).update(value);
  }
  return hash.digest('hex').slice(0, 32);
}
