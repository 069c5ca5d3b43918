// The parts that a host is made of. The composition root hands them in.

import type { Clock, Events, Log, Random } from '../../base/capabilities.ts';
import type { Store } from '../../engine/store/index.ts';
import type { MemberId, Peers } from '../../engine/transport/index.ts';
import type { Wal } from '../../engine/wal/index.ts';
import type { FeedHub } from '../feed/index.ts';
import type { SnapshotLimits } from '../snapshots/index.ts';
import type { StateStore } from '../state/index.ts';
import type { HostEvent } from './events.ts';

export interface HostParts {
  readonly member: MemberId;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly events: Events<HostEvent> | undefined;
  readonly wal: Wal;
  readonly store: Pick<Store, 'flush' | 'isBehind'>;
  readonly states: StateStore;
  /** The hub that `states` tells events. */
  readonly feed: FeedHub;
  readonly peers: Pick<
    Peers,
    'cancel' | 'featuresOf' | 'flush' | 'isUp' | 'lastHeardMs' | 'openStream' | 'request' | 'send'
  >;
  /** Of snapshots on their way; what is not named is as in LIMITS. */
  readonly limits?: Partial<SnapshotLimits>;
  /** The member must stop. Called once, never within a call of the host. */
  readonly onFatal: (reason: string) => void;
}
