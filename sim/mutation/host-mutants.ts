// All mutants of what surrounds the core.

import { GOSSIP_MUTANTS } from './gossip-mutants.ts';
import type { HostMutant } from './mutant.ts';
import { PEER_MUTANTS } from './peer-mutants.ts';
import { REPLICA_MUTANTS } from './replica-mutants.ts';
import { STATE_MUTANTS } from './state-mutants.ts';
import { WAL_MUTANTS } from './wal-mutants.ts';

export const HOST_MUTANTS: readonly HostMutant[] = [
  ...WAL_MUTANTS,
  ...STATE_MUTANTS,
  ...REPLICA_MUTANTS,
  ...PEER_MUTANTS,
  ...GOSSIP_MUTANTS,
];
