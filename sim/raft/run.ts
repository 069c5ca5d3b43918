// Runs a seed through both phases and judges what came of it.

import { checkHistory, registerModel } from '../../src/core/checker/index.ts';
import type { BasicStatus } from '../../src/core/raft/index.ts';
import type { SeedReport } from '../range.ts';
import type { Counters } from './counters.ts';
import { Violation } from './oracle.ts';
import type { Replica } from './replica.ts';
import { drawScenario, TICK } from './scenario.ts';
import { type Observer, World } from './world.ts';

/** Election timeouts within which a healed group must agree. */
const LIVENESS_ELECTIONS = 60;
const ANSWER_TICKS = 300;
const LOOK_TICKS = 5;

/** `span` is in ticks. */
export type RunResult = SeedReport<Counters>;

export function runSeed(seed: number, observer?: Observer): RunResult {
  const scenario = drawScenario(seed);
  const world = new World(scenario, observer);
  let failure: string | undefined;
  let operations = 0;
  try {
    while (world.timeline.now < scenario.durationTicks * TICK) world.step();
    heal(world);
    operations = judgeHistory(world);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    failure = describe(error);
  }
  const span = Math.floor(world.timeline.now / TICK);
  return { seed, events: world.events, operations, span, counters: world.counters, failure };
}

function describe(error: Error): string {
  if (error instanceof Violation) return error.message;
  const place = error.stack?.split('\n').slice(1, 4).join(' < ') ?? '';
  return `${error.name}: ${error.message} ${place.replaceAll(/\s+/g, ' ')}`;
}

// --- liveness -----------------------------------------------------------------------------------

function heal(world: World): void {
  world.heal();
  const { electionTicks } = world.scenario;
  const patience = LIVENESS_ELECTIONS * electionTicks * TICK;
  waitFor(world, patience, () => disagreement(world));
  retireOutsiders(world);
  waitFor(world, patience, () => (world.clients.isQuiet() ? undefined : 'a client waits for ever'));
  askEveryone(world);
  waitFor(world, patience, () => disagreement(world));
}

/**
 * Steps until `look` has nothing to say; if it still has after `patience` without any progress,
 * or after ten times as long, that is the failure. Progress counts, because the smallest limits let
 * one entry at a time through, and hundreds may wait.
 */
function waitFor(world: World, patience: number, look: () => string | undefined): void {
  const last = world.timeline.now + 10 * patience;
  let deadline = world.timeline.now + patience;
  let reached = progress(world);
  for (;;) {
    const complaint = look();
    if (complaint === undefined) return;
    const isLate = world.timeline.now > Math.min(deadline, last);
    if (isLate) world.violate(`after healing, ${complaint}`);
    if (progress(world) > reached) {
      reached = progress(world);
      deadline = world.timeline.now + patience;
    }
    const until = world.timeline.now + LOOK_TICKS * TICK;
    while (world.timeline.now < until) world.step();
    reviveMembers(world);
  }
}

/** Grows with every entry that a replica gets, and with every one that it applies. */
function progress({ replicas }: World): number {
  let sum = 0;
  for (const replica of replicas) {
    if (!replica.isUp) continue;
    const { applied, lastIndex } = replica.status();
    sum += applied + lastIndex;
  }
  return sum;
}

/** Switched off as outsiders, and let in by a change that was under way. */
function reviveMembers({ replicas }: World): void {
  for (const replica of replicas) {
    if (replica.isUp) continue;
    const { id } = replica;
    const isMember = replicas.some((other) => other.isUp && membersOf(other.status()).has(id));
    if (isMember) replica.start();
  }
}

/** What still keeps the group from being one. */
function disagreement(world: World): string | undefined {
  const leader = world.leader();
  if (leader === undefined) return 'nobody leads';
  const status = leader.status();
  const { commit, config, lastIndex, term } = status;
  if (config.autoLeave) return 'the joint config is never left';
  if (commit !== lastIndex) return `entry ${lastIndex} is never committed`;
  if (world.oracle.committedTerm(commit) !== term) return 'the leader commits nothing of its own';
  for (const id of membersOf(status)) {
    const complaint = difference(world.replica(id), leader, status);
    if (complaint !== undefined) return complaint;
  }
  return undefined;
}

function difference(replica: Replica, leader: Replica, expected: BasicStatus): string | undefined {
  const { applied, commit, config, lastIndex, lead, term } = replica.status();
  const { id } = replica;
  if (!replica.isUp) return `replica ${id} is down`;
  if (lead !== leader.id) return `replica ${id} does not know who leads`;
  if (term !== expected.term) return `replica ${id} stays in term ${term}`;
  if (lastIndex !== expected.lastIndex) return `replica ${id} does not get the log`;
  if (commit !== expected.commit) return `replica ${id} does not learn of the commit`;
  if (applied !== commit) return `replica ${id} does not apply what is committed`;
  if (JSON.stringify(config) !== JSON.stringify(expected.config)) {
    return `replica ${id} has another config`;
  }
  if (replica.machine.hash !== leader.machine.hash) return `the machine of ${id} differs`;
  if (replica.disk.log.lastIndex() !== lastIndex) return `the disk of ${id} lacks entries`;
  if (!replica.core.hasReady()) return undefined;
  return `replica ${id} always has something to do`;
}

function membersOf({ config }: BasicStatus): Set<number> {
  const { voters, votersOutgoing, learners } = config;
  return new Set([...voters, ...votersOutgoing, ...learners]);
}

/** Whoever all members know not to belong is switched off, as an operator would. */
function retireOutsiders(world: World): void {
  const leader = world.leader();
  if (leader === undefined) return;
  const members = membersOf(leader.status());
  for (const replica of world.replicas) if (!members.has(replica.id)) replica.crash();
}

/** A write and a read at every member: each is taken, unless refusing is due, and answered. */
function askEveryone(world: World): void {
  const leader = world.leader();
  if (leader === undefined) return;
  const { clients, counters, scenario } = world;
  const answersBefore = counters.writesAnswered;
  for (const id of membersOf(leader.status())) {
    const replica = world.replica(id);
    const mayRefuse = (): boolean => !scenario.forwardProposals && world.leader() !== replica;
    askUntilAnswered(world, `a write at ${id}`, () => clients.write(0, replica) || mayRefuse());
    askUntilAnswered(world, `a read at ${id}`, () => clients.read(0, replica));
  }
  if (counters.writesAnswered === answersBefore) world.violate('the run proves nothing: no writes');
}

function askUntilAnswered(world: World, what: string, ask: () => boolean): void {
  const { counters } = world;
  const disappointments = (): number => counters.writesUnknown + counters.readsDropped;
  let asked: number | undefined;
  const look = (): string | undefined => {
    if (!world.clients.isQuiet()) return `${what} is not answered`;
    // Given up or dropped, since leadership changed meanwhile: asked again.
    if (asked === disappointments()) return undefined;
    const before = disappointments();
    asked = ask() ? before : undefined;
    return `${what} is refused`;
  };
  waitFor(world, ANSWER_TICKS * TICK, look);
}

// --- history ------------------------------------------------------------------------------------

const CHECK_BYTES_MAX = 256 * 1024 * 1024;

function judgeHistory(world: World): number {
  const operations = world.clients.operations();
  const verdict = checkHistory(registerModel, operations, { bytesMax: CHECK_BYTES_MAX });
  if (verdict.kind === 'notLinearizable') {
    world.violate(`the history of register ${verdict.part.key} is not linearizable`);
  }
  if (verdict.kind === 'unknown') world.violate('the history is too hard to judge');
  return operations.length;
}
