// Runs a seed through its phases and judges what came of it.
//
//   safety     everything that the scenario allows goes wrong, while clients work
//   liveness   all is well again: the shards must elect, agree and serve, within fixed times
//   darkness   the power fails everywhere; what was acknowledged must still be there

import { casRegisterModel, checkHistory } from '../../src/core/checker/index.ts';
import { kvMachine } from '../../src/service/kv/index.ts';
import type { SeedReport } from '../range.ts';
import { Clients } from './clients.ts';
import { Cluster, type Listener } from './cluster.ts';
import { disagreement, electionMs, holdsAllTallies, leaderless } from './convergence.ts';
import type { Counters } from './counters.ts';
import { GossipClients, type MustBecome } from './gossip-clients.ts';
import { openMember } from './member.ts';
import { Operators } from './operators.ts';
import type { ReplicaState } from './oracle.ts';
import type { OpenProgram } from './program.ts';
import { drawScenario, type Overrides } from './scenario.ts';
import { heal, plan } from './strikes.ts';

/** `span` is in simulated milliseconds. */
export interface RunResult extends SeedReport<Counters> {
  readonly hash: string;
}

export interface Narrator {
  readonly listener: Listener;
  readonly follow: (world: Cluster['world']) => void;
}

export interface RunOptions {
  readonly overrides?: Overrides;
  readonly narrator?: Narrator;
  /** In place of the real member. */
  readonly open?: OpenProgram;
}

const LOOK_MS = 20;
const ELECTION_TIMEOUTS = 10;
const CONVERGE_MS = 60_000;
const ANSWER_MS = 20_000;
/** Leaders look once a second whether all are able. */
const RAISE_MS = 5_000;
const CHECK_BYTES_MAX = 256 * 1024 * 1024;
/** A run that never comes to an end does something in circles. */
const EVENTS_MAX = 6_000_000;
const EVENTS_PER_MS_MAX = 200;

export async function runSeed(seed: number, options: RunOptions = {}): Promise<RunResult> {
  const scenario = drawScenario(seed, options.overrides);
  const { narrator, open = openMember } = options;
  const cluster = new Cluster(scenario, open, kvMachine, narrator?.listener);
  narrator?.follow(cluster.world);
  const onStray = (reason: unknown): void => cluster.violate(describe(reason));
  process.on('unhandledRejection', onStray);
  let operations = 0;
  try {
    operations = await new Run(cluster).run();
  } catch (error) {
    cluster.violate(describe(error));
  } finally {
    process.off('unhandledRejection', onStray);
  }
  const { counters, failure, world } = cluster;
  return {
    seed,
    events: world.events,
    operations,
    span: world.nowMs,
    counters: { ...world.faults, ...counters, eventsDelayed: world.eventsDelayed },
    failure,
    hash: world.traceHash,
  };
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const place = error.stack?.split('\n').slice(1, 5).join(' < ') ?? '';
  return `${error.name}: ${error.message} ${place.replaceAll(/\s+/g, ' ')}`;
}

class Run {
  readonly #cluster: Cluster;
  readonly #clients: Clients;
  readonly #operators: Operators;
  readonly #gossipClients: GossipClients;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#clients = new Clients(cluster);
    this.#operators = new Operators(cluster);
    this.#gossipClients = new GossipClients(cluster);
  }

  /** The number of operations judged. */
  async run(): Promise<number> {
    const cluster = this.#cluster;
    this.#look();
    for (const member of cluster.members.values()) cluster.start(member);
    plan(cluster);
    this.#clients.start();
    this.#gossipClients.start();
    this.#tell('safety');
    await this.#untilFailed(cluster.scenario.safetyMs);
    this.#tell('liveness');
    await this.#liveness();
    this.#tell('darkness');
    await this.#darkness();
    return cluster.failure === undefined ? this.#judge() : 0;
  }

  #tell(phase: string): void {
    this.#cluster.note('--', 'phase', phase);
  }

  /** Again and again holds against each other what the members say of themselves. */
  #look(): void {
    const { gossipOracle, nowMs, oracle, shards, world } = this.#cluster;
    const members = this.#cluster.running().filter((member) => !member.isWiped);
    for (const shard of shards) {
      const replicas: ReplicaState[] = [];
      for (const { id, life, program } of members) {
        const status = program?.host.status(shard);
        if (status === undefined) continue;
        oracle.observe(id, life, status);
        const { index } = status.applied;
        replicas.push({ member: id, applied: index, digest: () => program?.digest(shard) });
      }
      oracle.compareStates(shard, replicas, nowMs);
    }
    gossipOracle.observe(this.#cluster.gossipProcesses());
    const eventsMax = EVENTS_MAX + EVENTS_PER_MS_MAX * this.#cluster.scenario.safetyMs;
    if (world.events > eventsMax) this.#cluster.violate('the run never comes to an end');
    world.after(LOOK_MS, () => this.#look());
  }

  async #untilFailed(forMs: number): Promise<void> {
    await this.#cluster.world.runUntil(() => this.#cluster.failure !== undefined, forMs);
  }

  /** Runs until `complaint` has nothing to say; if it has for too long, that is the failure. */
  readonly #mustBecome: MustBecome = async (
    withinMs: number,
    complaint: () => string | undefined,
  ): Promise<void> => {
    const cluster = this.#cluster;
    const deadlineMs = cluster.nowMs + withinMs;
    while (cluster.failure === undefined) {
      const text = complaint();
      if (text === undefined) return;
      if (cluster.nowMs >= deadlineMs) cluster.violate(`after healing, ${text}`);
      else await this.#untilFailed(LOOK_MS);
    }
  };

  async #liveness(): Promise<void> {
    const cluster = this.#cluster;
    heal(cluster);
    const withinMs = ELECTION_TIMEOUTS * electionMs(cluster.scenario);
    await this.#mustBecome(withinMs, () => leaderless(cluster, this.#operators.wanted));
    this.#clients.stop();
    await this.#mustBecome(CONVERGE_MS, () => {
      if (!this.#operators.isDone) return 'the config is not what operators want';
      if (!this.#clients.isQuiet) return 'a client waits for ever';
      return disagreement(cluster, this.#operators.wanted);
    });
    await this.#mustAnswer();
    await this.#gossipClients.probe(this.#mustBecome);
  }

  /** A write and a read of every shard in use, and of one that nobody used. */
  async #mustAnswer(): Promise<void> {
    const { scenario, shards } = this.#cluster;
    for (const shard of shards.slice(0, scenario.shards + 1)) {
      let isAnswered = false;
      void this.#clients.ask(shard).then(() => {
        isAnswered = true;
      });
      await this.#mustBecome(ANSWER_MS, () =>
        isAnswered ? undefined : `shard ${shard} does not answer`,
      );
    }
  }

  /** What was promised must be on the disks, and nowhere else. */
  async #darkness(): Promise<void> {
    const cluster = this.#cluster;
    for (const member of cluster.running()) cluster.crash(member, 'blackout');
    await this.#mustBecome(CONVERGE_MS, () => {
      if (!this.#operators.isDone) return 'the config is not what operators want';
      return disagreement(cluster, this.#operators.wanted);
    });
    await this.#mustAnswer();
    await this.#gossipClients.settle(this.#mustBecome);
    await this.#mustBeRaised();
    const complaint = holdsAllTallies(cluster, this.#clients);
    if (complaint !== undefined) cluster.violate(complaint);
  }

  /** Once nobody is old any more, shards go on by the rules of the later release. */
  async #mustBeRaised(): Promise<void> {
    const cluster = this.#cluster;
    const { beginsOld, shards } = cluster.scenario;
    if (!beginsOld) return;
    for (const shard of cluster.shards.slice(0, shards)) {
      const members = [...this.#operators.wanted(shard)].map((id) => cluster.member(id));
      if (cluster.raised.has(shard) || members.some(({ isOld }) => isOld)) continue;
      await this.#untilFailed(RAISE_MS);
      await this.#mustAnswer();
      const isMissing = cluster.failure === undefined && !cluster.raised.has(shard);
      if (isMissing) cluster.violate(`shard ${shard} is not raised, and nobody is old`);
    }
  }

  #judge(): number {
    const operations = this.#clients.operations();
    const verdict = checkHistory(casRegisterModel, operations, { bytesMax: CHECK_BYTES_MAX });
    if (verdict.kind === 'notLinearizable') {
      this.#cluster.violate(`the history of ${verdict.part.key} is not linearizable`);
    } else if (verdict.kind === 'unknown') {
      this.#cluster.violate(`the history of ${verdict.keys.join()} is too hard to judge`);
    }
    return operations.length;
  }
}
