// All mutants of the Raft core. Each must be caught by the simulation, or by the tests of the core.

import { GROUP_MUTANTS } from './group-mutants.ts';
import { LOG_MUTANTS } from './log-mutants.ts';
import type { Mutant } from './mutant.ts';
import { VOTE_MUTANTS } from './vote-mutants.ts';

export const CORE_MUTANTS: readonly Mutant[] = [...VOTE_MUTANTS, ...LOG_MUTANTS, ...GROUP_MUTANTS];
