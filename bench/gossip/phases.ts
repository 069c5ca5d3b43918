// What happens to a crowd, and what it costs until everyone knows.

import { assert, must } from '../../src/base/assert.ts';
import { shuffle } from '../../src/base/prng.ts';
import { type Crowd, INTERVAL_MS, type Peer } from './crowd.ts';

/** Waiting any longer means that gossip does not work. */
const ROUNDS_MAX = 400;
/** How finely convergence is timed. */
const STEP_MS = INTERVAL_MS / 10;

export interface Phase {
  readonly name: string;
  /** Rounds of each trial until the last member knew. */
  readonly rounds: readonly number[];
  readonly bytesPerMemberRound: number;
  readonly cpuMicrosPerMemberRound: number;
}

interface Limits {
  /** When each trial began, if not all at once. */
  readonly begunMs?: readonly number[];
  readonly roundsMax?: number;
}

/** Runs the crowd until every trial is done; asks `isDone` again and again for the open ones. */
async function runTrials(
  crowd: Crowd,
  name: string,
  trialCount: number,
  isDone: (trial: number) => boolean,
  { begunMs = [], roundsMax = ROUNDS_MAX }: Limits = {},
): Promise<Phase> {
  const { world } = crowd;
  const { traffic } = world.network.datagrams;
  const before = { ms: world.nowMs, bytes: traffic.sentBytes, cpu: process.cpuUsage() };
  const taken: number[] = [];
  const open = new Set(Array.from({ length: trialCount }, (_, trial) => trial));
  while (open.size > 0) {
    await world.runFor(STEP_MS);
    for (const trial of open) {
      if (!isDone(trial)) continue;
      open.delete(trial);
      taken.push((world.nowMs - (begunMs[trial] ?? before.ms)) / INTERVAL_MS);
    }
    const rounds = (world.nowMs - before.ms) / INTERVAL_MS;
    assert(rounds <= roundsMax, `${name}: the crowd never agrees`);
  }
  const cpu = process.cpuUsage(before.cpu);
  const memberRounds = (crowd.peers.length * (world.nowMs - before.ms)) / INTERVAL_MS;
  return {
    name,
    rounds: taken.toSorted((a, b) => a - b),
    bytesPerMemberRound: (traffic.sentBytes - before.bytes) / memberRounds,
    cpuMicrosPerMemberRound: (cpu.user + cpu.system) / memberRounds,
  };
}

/** All members start within one round and find each other through one seed. */
export async function measureFormation(crowd: Crowd, members: number): Promise<Phase> {
  await crowd.join(members);
  const { peers } = crowd;
  return runTrials(crowd, 'formation', 1, () =>
    peers.every(({ gossip }) => gossip.metrics().arrivals >= members - 1),
  );
}

/** Nothing happens: what it costs to stay in touch. */
export async function measureQuiet(crowd: Crowd, rounds: number): Promise<Phase> {
  const endMs = crowd.world.nowMs + rounds * INTERVAL_MS;
  return runTrials(crowd, 'quiet', 1, () => crowd.world.nowMs >= endMs, { roundsMax: rounds + 1 });
}

/** New keys, each on a member of its own, set at different moments of one round. */
export async function measureKeys(crowd: Crowd, trials: number): Promise<Phase> {
  const { world, peers } = crowd;
  const random = world.random('keys');
  const begunMs: number[] = [];
  for (let trial = 0; trial < trials; trial++) {
    const delayMs = random.unit() * INTERVAL_MS;
    const owner = must(peers[random.below(peers.length)], 'a crowd has members');
    begunMs.push(world.nowMs + delayMs);
    world.after(delayMs, () => owner.setKey(String(trial)));
  }
  const knows = (trial: number): boolean => crowd.reachOf(String(trial)) >= peers.length;
  return runTrials(crowd, 'key', trials, knows, { begunMs });
}

/** Newcomers are done when everyone has them as live and they have everyone. */
export async function measureJoins(crowd: Crowd, trials: number): Promise<Phase> {
  const newcomers = await crowd.join(trials);
  const { peers } = crowd;
  return runTrials(crowd, 'join', trials, (trial) => {
    const newcomer = must(newcomers[trial], 'one newcomer per trial');
    return peers.every((peer) => sees(peer, newcomer, 'live') && sees(newcomer, peer, 'live'));
  });
}

/** Members stop without a word; done when every survivor has them as dead. */
export async function measureDeaths(crowd: Crowd, trials: number): Promise<Phase> {
  // The first member is the seed of the others and stays.
  const candidates = crowd.peers.slice(1);
  shuffle(candidates, crowd.world.random('deaths'));
  const victims = candidates.slice(0, trials);
  for (const { member } of victims) member.losePower();
  const { peers } = crowd;
  return runTrials(crowd, 'death', trials, (trial) => {
    const victim = must(victims[trial], 'one victim per trial');
    return peers.every((peer) => sees(peer, victim, 'dead'));
  });
}

function sees(peer: Peer, other: Peer, state: 'live' | 'dead'): boolean {
  return peer === other || peer.gossip.node(other.id)?.state === state;
}
