// What befalls members: some of it is counted, some of it must never happen. Their log is for
// people and decides nothing here.

import { unreachable } from '../../src/base/assert.ts';
import type { MemberEvent } from '../../src/cluster/index.ts';
import type { MemberId } from '../../src/engine/transport/index.ts';
import { describeStop } from '../../src/replica/host/index.ts';
import type { ClusterCounters } from './counters.ts';
import type { Violate } from './reference.ts';

export function judgeEvent(
  member: MemberId,
  event: MemberEvent,
  counters: ClusterCounters,
  violate: Violate,
): void {
  switch (event.kind) {
    case 'snapshotReceived':
      counters.snapshotsReceived += 1;
      return;
    case 'snapshotFailed':
      counters.snapshotsBroken += 1;
      return;
    case 'holesFound':
      counters.logsWithHoles += 1;
      return;
    case 'holesFilled':
      counters.holesMended += 1;
      return;
    case 'diskSlow':
      counters.disksSilent += 1;
      return;
    case 'diskNearlyFull':
      counters.disksLow += 1;
      return;
    case 'peerRefused':
      if (event.reason === 'incarnation') counters.wipedRefused += 1;
      return;
    case 'shardStopped':
      violate(`m${member}: shard ${event.shard} stopped: ${describeStopped(event)}`);
      return;
    case 'peerFault':
      // A shard that is new, or on its way out.
      if (event.fault === 'unknownShard') return;
      violate(`m${member}: m${event.from} ${event.fault}: ${event.detail}`);
      return;
    default:
      unreachable(event);
  }
}

function describeStopped({
  reason,
  stack,
}: Extract<MemberEvent, { kind: 'shardStopped' }>): string {
  const why = describeStop(reason);
  return stack === undefined ? why : `${why} ${stack}`;
}
