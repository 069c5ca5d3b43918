// Which parts of a state that is being sent are in the present state already.

import { assert } from '../../base/assert.ts';
import { equalBytes } from '../../base/bytes.ts';
import type { Clock } from '../../base/capabilities.ts';
import { LIMITS } from '../../base/limits.ts';
import type { IncomingRequest } from '../../engine/transport/index.ts';
import { NO_PROGRESS, type ReplicaState } from '../state/index.ts';
import { readRange } from './state-chunks.ts';
import type { Comparison } from './wire.ts';

/** [N12] One range a turn: reading and summing up a chunk takes a millisecond. */
export function answerComparison(
  request: IncomingRequest,
  { after, ranges }: Comparison,
  data: ReplicaState,
  clock: Pick<Clock, 'afterTurn'>,
): void {
  assert(ranges.length <= LIMITS.snapshots.comparedChunksMax, '[N14] no more than a sender asks');
  const equal = new Uint8Array(ranges.length);
  let low = after;
  let at = 0;
  const compareNext = (): void => {
    const range = ranges[at];
    if (request.isAbandoned) return;
    if (range === undefined) {
      request.respond(equal);
      return;
    }
    const { view, prefix } = data.present();
    const progress = { ...NO_PROGRESS, lastKey: low };
    const found = readRange(view, prefix, progress, range.lastKey, range.bytes);
    if (found !== undefined && equalBytes(found.chunk.digest, range.digest)) equal[at] = 1;
    low = range.lastKey;
    at += 1;
    clock.afterTurn(compareNext);
  };
  compareNext();
}
