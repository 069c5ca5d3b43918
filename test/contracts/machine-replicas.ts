// Replicas of one shard, each over a store of its own, without a cluster around them.

import { must } from '../../src/base/assert.ts';
import { NEVER_MS, type ShardMachine } from '../../src/core/machine.ts';
import type { Entry } from '../../src/core/raft/index.ts';
import type { FeedHub } from '../../src/replica/feed/index.ts';
import { encodeCommand, encodeShardCommand, stampCommand } from '../../src/replica/state/index.ts';
import { copyState, entryOf, openState, votersOf } from '../../src/replica/state/state.support.ts';
import type { ReplicaState } from '../../src/replica/state/types.ts';
import { CrashDisk } from '../support/wal-crash-disk.ts';

/** A command, and how much time passes before it. */
export interface Step {
  readonly body: Uint8Array;
  readonly passesMs: number;
}

const SHARD = 1;

export class OneReplica {
  readonly state: ReplicaState;
  readonly startedAt: number;
  readonly #hub: FeedHub;
  #timeMs: number;
  #step = 0;
  readonly #heard: { index: number; topic: string; event: string }[] = [];

  constructor(state: ReplicaState, hub: FeedHub, timeMs: number, step: number) {
    this.state = state;
    this.startedAt = state.applied().index;
    this.#hub = hub;
    this.#timeMs = timeMs;
    this.#step = step;
    hub.follow(SHARD, this.startedAt, (news) => {
      if (news.kind !== 'events') throw new Error(`a ${news.kind} in a short run`);
      for (const { index, topic, event } of news.events) {
        this.#heard.push({ index, topic: hexOf(topic), event: hexOf(event) });
      }
    });
  }

  /**
   * Each step is a command and a wake, so that indexes do not hang on what the machine wants. Each
   * batch ends behind a step that `ends` names.
   */
  apply(steps: readonly Step[], ends: readonly number[]): string[] {
    const told: string[] = [];
    let batch: Entry[] = [];
    const sink = {
      onResult: ({ index }: Entry, _position: number, result: Uint8Array) => {
        told.push(`${index} ${hexOf(result)}`);
      },
    };
    for (const { body, passesMs } of steps) {
      this.#timeMs += passesMs;
      this.#step += 1;
      const payload = encodeCommand({ kind: 'plain', body });
      stampCommand(payload, this.#timeMs);
      const wake = encodeShardCommand({ kind: 'wake' }, this.#timeMs);
      batch.push(entryOf(this.#step * 2, wake), entryOf(this.#step * 2 + 1, payload));
      if (!ends.includes(this.#step)) continue;
      this.state.apply(batch, sink);
      batch = [];
    }
    this.state.apply(batch, sink);
    return steps.map((_, i) => must(told[i * 2 + 1], 'every command has a result'));
  }

  heard(): readonly { index: number; topic: string; event: string }[] {
    while (this.#hub.hasNews) this.#hub.deliver();
    return this.#heard;
  }

  digest(): string {
    return this.state.digest();
  }

  wakeMs(): number {
    return this.state.wakeMs() === NEVER_MS ? -1 : this.state.wakeMs();
  }

  /** One that begins with this one's state. */
  async restored(into: ReplicaState, hub: FeedHub): Promise<OneReplica> {
    const prepared = await this.state.prepareSnapshot();
    copyState(prepared.view, prepared.prefix, into, prepared.snapshot);
    prepared.close();
    into.install(prepared.snapshot);
    return new OneReplica(into, hub, this.#timeMs, this.#step);
  }
}

export class Replicas {
  readonly #machine: ShardMachine;
  readonly #newHub: () => FeedHub;

  constructor(machine: ShardMachine, newHub: () => FeedHub) {
    this.#machine = machine;
    this.#newHub = newHub;
  }

  async open(): Promise<OneReplica> {
    const hub = this.#newHub();
    const { states } = await openState(new CrashDisk(), {}, 1, { feed: hub });
    const first = { index: 1, term: 1 };
    return new OneReplica(states.create(SHARD, this.#machine, first, votersOf(1)), hub, 0, 0);
  }

  async restore(source: OneReplica): Promise<OneReplica> {
    const hub = this.#newHub();
    const { states } = await openState(new CrashDisk(), {}, 1, { feed: hub });
    const nowhere = { index: 0, term: 0 };
    return source.restored(states.create(SHARD, this.#machine, nowhere, votersOf()), hub);
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
