// To whom a leader hands over.

import { assert } from '../../base/assert.ts';
import type { PeerStatus } from '../../core/raft/index.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import type { Replica } from './replica.ts';

/** The voter that has the most of those who may lead. */
export function findSuccessor(
  { core }: Replica,
  mayLead: (peer: MemberId) => boolean = () => true,
): MemberId | undefined {
  const { config, id, peers } = core.status();
  let best: PeerStatus | undefined;
  for (const peer of peers) {
    if (peer.id === id || !config.voters.includes(peer.id) || !peer.isRecentlyActive) continue;
    if (mayLead(peer.id) && (best === undefined || peer.match > best.match)) best = peer;
  }
  assert(best?.id !== id, 'nobody hands over to itself');
  return best?.id;
}
