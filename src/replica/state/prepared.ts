// A shard's state at one moment, held for those who send it.

import { assert } from '../../base/assert.ts';
import type { Random } from '../../base/capabilities.ts';
import type { Snapshot } from '../../core/raft/index.ts';
import type { StoreSnapshot } from '../../engine/store/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import { generationPrefix, type Meta } from './layout.ts';
import type { PreparedSnapshot } from './types.ts';

export const SNAPSHOT_NAME_BYTES = 16;

export function prepared(
  shard: ShardId,
  meta: Meta,
  view: StoreSnapshot,
  random: Random,
): PreparedSnapshot {
  const snapshot: Snapshot = { ...meta.snapshot, data: newName(random) };
  let holders = 1;
  return {
    shard,
    snapshot,
    view,
    prefix: generationPrefix(shard, meta.generation),
    retain: () => {
      assert(holders > 0, '[D14] what was let go of cannot be held again');
      holders += 1;
    },
    close: () => {
      assert(holders > 0, '[D14] a snapshot is let go of once by each holder');
      holders -= 1;
      if (holders === 0) view.close();
    },
  };
}

/** Nobody else, and nobody before a restart, gives the same name. */
function newName(random: Random): Uint8Array {
  const words = new Uint32Array(SNAPSHOT_NAME_BYTES / 4);
  for (let at = 0; at < words.length; at++) words[at] = random.u32();
  return new Uint8Array(words.buffer);
}
