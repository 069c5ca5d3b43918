// From the core to the machine: what is committed is applied in order, config changes among it, and
// who proposed it gets the result.

import { assert } from '../../base/assert.ts';
import type { Log } from '../../base/capabilities.ts';
import {
  decodeConfChange,
  type Entry,
  type Message,
  type RaftCore,
} from '../../core/raft/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import type { ReplicaState, ResultSink } from '../state/index.ts';
import type { Proposals } from './proposals.ts';
import type { ReplicaLog } from './replica-log.ts';
import type { StoreBurden } from './store-burden.ts';

/** A config change has no other. */
const NO_RESULT = new Uint8Array(0);

export interface ApplyingParts {
  readonly shard: ShardId;
  readonly core: RaftCore;
  readonly data: ReplicaState;
  readonly log: ReplicaLog;
  readonly proposals: Proposals;
  readonly burden: Pick<StoreBurden, 'holdsBack'>;
  readonly journal: Log;
  /** The state moved on. */
  readonly onApplied: () => void;
}

export class Applying implements ResultSink {
  readonly #parts: ApplyingParts;
  /** Work that the core handed out. */
  readonly #queue: Message[] = [];

  constructor(parts: ApplyingParts) {
    this.#parts = parts;
  }

  add(work: Message): void {
    this.#queue.push(work);
  }

  /**
   * [H21] A store that is behind is given no more of what burdens it: the core hands out no more
   * either.
   */
  get canApply(): boolean {
    return this.#queue.length > 0 && !this.#parts.burden.holdsBack(this.#parts.data);
  }

  applyQueued(): void {
    while (this.canApply) this.#apply(this.#queue.shift() as Message);
  }

  #apply(work: Message): void {
    const { entries } = work;
    const { core, data, onApplied } = this.#parts;
    let from = entries.findIndex(({ index }) => index > data.applied().index);
    // A snapshot that was installed meanwhile covers all of it.
    if (from < 0) from = entries.length;
    while (from < entries.length) {
      let to = from;
      while (to < entries.length && (entries[to] as Entry).kind === 'normal') to += 1;
      if (to > from) this.#applyNormal(entries, from, to);
      if (to < entries.length) this.#applyChange(entries[to] as Entry);
      from = to + 1;
    }
    const last = entries.at(-1)?.index ?? 0;
    assert(data.applied().index >= last, '[H14] all that the core handed out is applied');
    onApplied();
    for (const response of work.responses) core.step(response);
  }

  #applyNormal(entries: readonly Entry[], from: number, to: number): void {
    const { data, proposals } = this.#parts;
    const run = from === 0 && to === entries.length ? entries : entries.slice(from, to);
    if (proposals.isEmpty) {
      data.apply(run, undefined);
      return;
    }
    data.apply(run, this);
    proposals.settleTo((entries[to - 1] as Entry).index);
  }

  onResult({ index, term }: Entry, position: number, result: Uint8Array): void {
    this.#parts.proposals.settle(index, term, position, result);
  }

  /** [H14] In order: entries behind a config change are applied, and counted, under the new one. */
  #applyChange(entry: Entry): void {
    const { core, data, journal, log, proposals, shard } = this.#parts;
    const { index, kind, term } = entry;
    const change = decodeConfChange(kind, entry.payload);
    assert(change !== undefined, '[R13] what is let into the log can be read');
    const outcome = core.applyConfChange(change);
    data.setConfState(outcome.confState, { index, term });
    assert(data.applied().index === index, '[H14] a config is in force before what follows');
    log.configIndex = index;
    proposals.settle(index, term, 0, outcome.kind === 'applied' ? NO_RESULT : undefined);
    journal.info('config changed', {
      shard,
      index,
      kind: outcome.kind,
      voters: outcome.confState.voters.join(' '),
      learners: outcome.confState.learners.join(' '),
    });
  }
}
