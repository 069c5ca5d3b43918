// One replica alone, with a test in the place of its peers: messages go in and come out as words.

import assert from 'node:assert/strict';
import type { Entry, NodeId, Role } from '../types.ts';
import { plainConfig } from './network.support.ts';
import { foundLog, type Options, Replica } from './replica.support.ts';
import { parseConfig, parseEntries, parseMessage } from './wording.support.ts';

export interface Setup {
  readonly id?: NodeId;
  readonly voters?: readonly NodeId[];
  readonly learners?: readonly NodeId[];
  /** Instead of both: `voters(1 2) outgoing(3) ...`. */
  readonly config?: string;
  /** `[2/2,2/3:a]`: what the log holds behind the founding entry 1/1. */
  readonly log?: string;
  readonly term?: number;
  readonly vote?: NodeId;
  readonly commit?: number;
  readonly options?: Options;
}

/** Without quorum checks, pre-votes and commit indexes in votes, unless a test asks for them. */
const PLAIN: Options = { preVote: false, checkQuorum: false, commitInVotes: false };

export function solo(setup: Setup = {}): Replica {
  const { id = 1, learners = [], voters = [1, 2, 3] } = setup;
  const entries: Entry[] = parseEntries(setup.log ?? '[]');
  const config =
    setup.config === undefined ? plainConfig(voters, learners) : parseConfig(setup.config);
  const hardState = {
    term: setup.term ?? entries.at(-1)?.term ?? 1,
    vote: setup.vote ?? 0,
    commit: setup.commit ?? 1,
  };
  const log = foundLog({ config, entries, hardState });
  return new Replica(id, log, { ...PLAIN, ...setup.options });
}

/** Brings `replica` into `role` as its peers would. What it said on the way is forgotten. */
export function into(replica: Replica, role: Role): Replica {
  const { core, id } = replica;
  if (role === 'follower') return replica;
  core.campaign();
  replica.work();
  const { voters: incoming, votersOutgoing } = core.basicStatus().config;
  const voters = [...incoming, ...votersOutgoing].filter((voter) => voter !== id);
  const wins = (kind: string, term: number): void => {
    for (const voter of voters) {
      replica.step(parseMessage(`${voter}->${id} ${kind} term=${term}`));
      replica.work();
    }
  };
  if (core.basicStatus().role === 'preCandidate' && role !== 'preCandidate') {
    wins('preVoteResponse', core.basicStatus().term + 1);
  }
  if (role === 'leader') wins('voteResponse', core.basicStatus().term);
  assert.equal(core.basicStatus().role, role, `the replica is ${role} now`);
  return replica;
}

export function leader(setup: Setup = {}): Replica {
  return into(solo(setup), 'leader');
}

/** The outcome of a message given in words. */
export function outcomeOf(replica: Replica, text: string): string {
  return replica.step(parseMessage(text));
}

export function ticks(replica: Replica, count: number): string[] {
  for (let i = 0; i < count; i++) replica.core.tick();
  return replica.work();
}

/** `follower of 3, voted 2, led by 2`. */
export function standing({ core }: Replica): string {
  const { lead, role, term, vote } = core.basicStatus();
  return `${role} of ${term}, voted ${vote}, led by ${lead}`;
}

/** The log in words, without what is compacted. */
export function logOf(replica: Replica): string {
  const { log } = replica;
  const all = log.entries(log.firstIndex(), log.lastIndex() + 1, Number.POSITIVE_INFINITY);
  assert(typeof all !== 'string');
  return all.map(({ index, term }) => `${term}/${index}`).join(' ');
}
