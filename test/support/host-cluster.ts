// Members with replicas in a simulated world: the real log, store, connections and host, told by a
// test what happens to them.

import { type Machine, World } from '../../sim/index.ts';
import { assert, must } from '../../src/base/assert.ts';
import type { LogLevel } from '../../src/base/capabilities.ts';
import type { ParleyError } from '../../src/base/errors.ts';
import type {
  MemberEvent,
  MemberReplicas,
  MemberReplicasParts,
  ReplicaSettings,
} from '../../src/cluster/index.ts';
import {
  answered,
  type MachineCommand,
  type MachineQuestion,
  type MachineState,
  type MachineView,
  PLAIN_EDITIONS,
  type QueryAnswer,
  type ShardMachine,
} from '../../src/core/machine.ts';
import { openMemoryStore } from '../../src/engine/store/index.ts';
import { type Member, openMember } from '../../src/member/index.ts';
import type { HostSettings } from '../../src/replica/host/index.ts';
import { decodeResult, encodeCommand } from '../../src/replica/state/index.ts';
import type { ReadAnswer, ReadLevel, ShardStatus, WriteOutcome } from '../../src/replica/types.ts';

const PORT = 7_000;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const text = (bytes: Uint8Array): string => decoder.decode(bytes);
export const bytes = (of: string): Uint8Array => encoder.encode(of);

/** `key=value` sets, and answers what was there; a question is a key. `boom` breaks it. */
export class PairMachine implements ShardMachine {
  readonly kind = 'pairs';
  readonly editions = PLAIN_EDITIONS;

  apply({ body }: MachineCommand, state: MachineState): Uint8Array {
    const [key = '', value = ''] = text(body).split('=');
    assert(value !== 'boom', 'a machine with a bug');
    const before = state.get(bytes(key));
    state.put(bytes(key), bytes(value));
    return before ?? bytes('');
  }

  query({ body }: MachineQuestion, view: MachineView): QueryAnswer {
    return answered(view.get(body) ?? bytes(''));
  }
}

export interface ClusterOptions {
  readonly seed: number;
  readonly members?: number;
  readonly shards?: number;
  readonly host?: Partial<HostSettings>;
  /** Of one member, beside `host`. */
  readonly hostOf?: (member: number) => Partial<HostSettings>;
  readonly wal?: NonNullable<ReplicaSettings['wal']>;
  readonly logLevel?: LogLevel;
  /** Members that do not found the shards: they wait to be added. */
  readonly newcomers?: number;
  readonly features?: (member: number) => number;
  /** How long the store keeps what it has in memory. */
  readonly storeFlushMs?: number;
  readonly storeWaitingBytesMax?: number;
  /** What a member that starts now would run; members of different releases run different ones. */
  readonly machineOf?: (member: number) => ShardMachine;
  /** The same of what surrounds machines; undefined: those of this release. */
  readonly rulesOf?: (member: number) => MemberReplicasParts['rules'];
}

/** Segments small enough that tests fill several; the simulated disk zeroes them byte by byte. */
const WAL = { segmentBytes: 64 * 1024, batchBytesMax: 32 * 1024, reserveBytes: 256 * 1024 };

/** Fits the smallest segments that tests ask for. */
const COMMAND_BYTES_MAX = 8 * 1024;

export class HostCluster {
  readonly world: World;
  readonly options: ClusterOptions;
  /** The replicas of members that run, by member. */
  readonly planes = new Map<number, MemberReplicas>();
  readonly #members = new Map<number, Member>();
  readonly fatal: string[] = [];
  /** [H96] What befell the members, in order. */
  readonly events: { readonly member: number; readonly event: MemberEvent }[] = [];
  readonly size: number;
  readonly founders: readonly number[];

  constructor(options: ClusterOptions) {
    this.options = options;
    this.world = new World({ seed: options.seed, logLevel: options.logLevel ?? 'error' });
    this.size = (options.members ?? 3) + (options.newcomers ?? 0);
    this.founders = Array.from({ length: options.members ?? 3 }, (_, i) => i + 1);
    for (let id = 1; id <= this.size; id++) this.machine(id);
  }

  static async start(options: ClusterOptions): Promise<HostCluster> {
    const cluster = new HostCluster(options);
    for (let id = 1; id <= cluster.size; id++) await cluster.boot(id);
    return cluster;
  }

  machine(id: number): Machine {
    return this.world.machine(`n${id}`);
  }

  plane(id: number): MemberReplicas {
    return must(this.planes.get(id), `member ${id} runs`);
  }

  get shards(): readonly number[] {
    return Array.from({ length: this.options.shards ?? 1 }, (_, i) => i + 1);
  }

  /** Opens member `id` on its machine, whose process runs. */
  async boot(id: number): Promise<void> {
    const opening = await this.world.settle(this.open(id));
    if (opening.kind === 'refused') throw opening.error;
    this.planes.set(id, opening.plane);
  }

  async open(
    id: number,
  ): Promise<
    | { readonly kind: 'opened'; readonly plane: MemberReplicas }
    | { readonly kind: 'refused'; readonly error: ParleyError }
  > {
    const { capabilities } = this.machine(id);
    const { features, host, storeFlushMs, storeWaitingBytesMax, wal } = this.options;
    const { clock, disk } = capabilities;
    const store = {
      clock,
      disk,
      flushDelayMs: storeFlushMs ?? 100,
      ...(storeWaitingBytesMax === undefined ? {} : { waitingBytesMax: storeWaitingBytesMax }),
    };
    const everyone = Array.from({ length: this.size }, (_, i) => i + 1);
    const opening = await openMember(
      {
        capabilities,
        proposedHost: '10.0.0.1',
        replicas: {
          openStore: (directory, events) => openMemoryStore({ ...store, directory }, events),
          rules: this.options.rulesOf?.(id),
          machineOf: () => this.options.machineOf?.(id) ?? new PairMachine(),
          events: { tell: (event) => void this.events.push({ member: id, event }) },
          onFatal: (reason) => this.fatal.push(`${id}: ${reason}`),
        },
      },
      {
        cluster: { name: 'test', uuid: '00000000-0000-4000-8000-000000000001' },
        listen: this.machine(id).address(PORT),
        directory: 'data',
        replicas: {
          member: id,
          peers: everyone
            .filter((other) => other !== id)
            .map((member) => ({ member, address: this.machine(member).address(PORT) })),
          shards: this.shards.map((shard) => ({ shard, founders: this.founders })),
          wal: { ...WAL, ...wal },
          ...(features === undefined ? {} : { features: features(id) }),
          host: { commandBytesMax: COMMAND_BYTES_MAX, ...host, ...this.options.hostOf?.(id) },
        },
      },
    );
    if (opening.kind === 'refused') return opening;
    this.#members.set(id, opening.member);
    return { kind: 'opened', plane: opening.member.replicas };
  }

  /** [H96] How often `member` told of `kind`. */
  heard(member: number, kind: MemberEvent['kind']): number {
    return this.events.filter((told) => told.member === member && told.event.kind === kind).length;
  }

  kill(id: number): void {
    this.planes.delete(id);
    this.machine(id).kill();
  }

  losePower(id: number): void {
    this.planes.delete(id);
    this.machine(id).losePower();
  }

  async restart(id: number): Promise<void> {
    this.machine(id).restart();
    await this.boot(id);
  }

  // --- what is seen -----------------------------------------------------------------------------

  status(id: number, shard = 1): ShardStatus | undefined {
    return this.planes.get(id)?.host.status(shard);
  }

  /** The one member that leads in the newest term, 0 for none. */
  leader(shard = 1): number {
    let [leader, term] = [0, 0];
    for (const id of this.planes.keys()) {
      const status = this.status(id, shard);
      if (status?.role === 'leader' && status.term > term) [leader, term] = [id, status.term];
    }
    return leader;
  }

  async elect(shard = 1, withinMs = 3_000): Promise<number> {
    const isElected = await this.world.runUntil(() => this.leader(shard) !== 0, withinMs);
    assert(isElected, `shard ${shard} has a leader`);
    await this.world.runFor(5);
    return this.leader(shard);
  }

  /** Runs until every member that runs has applied as much as the others. */
  converge(withinMs = 5_000): Promise<boolean> {
    return this.world.runUntil(() => this.shards.every((shard) => this.#isEqual(shard)), withinMs);
  }

  #isEqual(shard: number): boolean {
    const seen = [...this.planes.keys()].map((id) => this.status(id, shard));
    const [first] = seen;
    return seen.every(
      (status) =>
        status !== undefined &&
        status.applied.index === first?.applied.index &&
        status.applied.index === status.lastIndex,
    );
  }

  // --- what is asked ----------------------------------------------------------------------------

  write(id: number, pair: string, shard = 1): Promise<WriteOutcome> {
    const payload = encodeCommand({ kind: 'plain', body: bytes(pair) });
    return new Promise((resolve) => this.plane(id).host.propose(shard, payload, resolve));
  }

  /** As a line: `applied 5 "before"`, `refused notLeader 2`, `unknown stopped`. */
  async put(id: number, pair: string, shard = 1): Promise<string> {
    return describeWrite(await this.world.settle(this.write(id, pair, shard)));
  }

  read(id: number, level: ReadLevel, key: string, shard = 1): Promise<ReadAnswer> {
    return new Promise((resolve) => this.plane(id).host.read(shard, level, bytes(key), resolve));
  }

  /** As a line: `strong "value"`, `refused noLeader`. */
  async get(id: number, level: ReadLevel, key: string, shard = 1): Promise<string> {
    return describeRead(await this.world.settle(this.read(id, level, key, shard)));
  }

  async close(): Promise<void> {
    for (const id of this.planes.keys()) {
      await this.world.settle(must(this.#members.get(id), `member ${id} runs`).close());
    }
  }
}

export function describeWrite(outcome: WriteOutcome): string {
  if (outcome.kind === 'unknown') return `unknown ${outcome.reason}`;
  if (outcome.kind === 'refused') return `refused ${outcome.reason} ${outcome.leader}`;
  const result = decodeResult(outcome.result);
  const said = result?.kind === 'done' ? `"${text(result.body)}"` : (result?.kind ?? 'nothing');
  return `applied ${outcome.index} ${said}`;
}

export function describeRead(answer: ReadAnswer): string {
  if (answer.kind === 'refused') return `refused ${answer.reason}`;
  return `${answer.level} "${text(answer.result)}"`;
}
