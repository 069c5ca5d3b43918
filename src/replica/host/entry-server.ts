// Answers peers that lost entries of their logs: with the entries, or [H62] with a state.

import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/capabilities.ts';
import { LIMITS } from '../../base/limits.ts';
import { draftMessage } from '../../core/raft/index.ts';
import type { IncomingRequest, MemberId } from '../../engine/transport/index.ts';
import type { Wal } from '../../engine/wal/index.ts';
import type { Snapshots } from '../snapshots/index.ts';
import type { Registry } from './registry.ts';
import type { Repair } from './repair.ts';
import { decodeEntryRequest, type EntryRequest, encodeEntries } from './repair-codec.ts';
import { gatherEntries } from './requested-entries.ts';
import type { Supervisor } from './supervisor.ts';

interface Question {
  readonly request: IncomingRequest;
  readonly wanted: EntryRequest;
}

export interface EntryServerParts {
  readonly member: MemberId;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly wal: Wal;
}

export class EntryServer {
  readonly #parts: EntryServerParts;
  readonly #registry: Registry;
  readonly #snapshots: Pick<Snapshots, 'latest' | 'send'>;
  readonly #repair: Pick<Repair, 'noteRead'>;
  readonly #supervisor: Supervisor;
  /** Members to which a state is on its way, by shard. */
  readonly #sending = new Set<string>();
  /** Of peers; the first one is being answered. */
  readonly #questions: Question[] = [];

  constructor(
    parts: EntryServerParts,
    registry: Registry,
    snapshots: Pick<Snapshots, 'latest' | 'send'>,
    repair: Pick<Repair, 'noteRead'>,
    supervisor: Supervisor,
  ) {
    this.#parts = parts;
    this.#registry = registry;
    this.#snapshots = snapshots;
    this.#repair = repair;
    this.#supervisor = supervisor;
  }

  /** A peer asks for entries that it lost. */
  onRequest(request: IncomingRequest): void {
    const wanted = decodeEntryRequest(request.body);
    if (wanted === undefined || this.#registry.get(wanted.shard) === undefined) {
      request.respond(encodeEntries([]));
      return;
    }
    if (this.#questions.length >= LIMITS.replica.repairQuestionsMax) {
      request.refuse('full');
      return;
    }
    this.#questions.push({ request, wanted });
    assert(
      this.#questions.length <= LIMITS.replica.repairQuestionsMax,
      '[H20] questions are bounded',
    );
    if (this.#questions.length === 1) this.#supervisor.watch('repair', this.#answerAll());
  }

  /** [H20] One after the other: thirty bytes ask for a megabyte. */
  async #answerAll(): Promise<void> {
    for (;;) {
      const [question] = this.#questions;
      if (question === undefined || this.#supervisor.isClosed) return;
      const { deadlineMs, isAbandoned } = question.request;
      const isAwaited = !isAbandoned && deadlineMs > this.#parts.clock.monotonicMs();
      if (isAwaited) await this.#answer(question);
      this.#questions.shift();
    }
  }

  async #answer({ request, wanted }: Question): Promise<void> {
    assert(this.#questions[0]?.wanted === wanted, '[H20] questions are answered one by one');
    const { ids, shard, wantsState } = wanted;
    const { repairBytesMax } = LIMITS.replica;
    const entries = await gatherEntries(this.#parts.wal, shard, ids, repairBytesMax);
    if (this.#supervisor.isClosed) return;
    const replica = this.#registry.running(shard);
    if (replica !== undefined) this.#repair.noteRead(replica);
    if (!request.isAbandoned) request.respond(encodeEntries(entries));
    if (entries.length === 0 && wantsState) this.#maybeSendState(request.from, wanted);
  }

  /** [H62] The leader sends its state in place of entries that it has applied and let go of. */
  #maybeSendState(to: MemberId, { ids, shard }: EntryRequest): void {
    const { member } = this.#parts;
    const snapshots = this.#snapshots;
    const replica = this.#registry.running(shard);
    if (replica === undefined || !replica.isLeader) return;
    const applied = replica.data.applied().index;
    const covered = ids.map(({ index }) => index).filter((index) => index <= applied);
    const key = `${to} ${shard}`;
    if (covered.length === 0 || this.#sending.has(key)) return;
    const snapshot = snapshots.latest(shard, Math.max(replica.log.configIndex, ...covered));
    // Being made: the peer asks again.
    if (snapshot === 'pending') return;
    const message = draftMessage('snapshot', member, to, replica.core.basicStatus().term);
    message.snapshot = snapshot;
    this.#sending.add(key);
    snapshots.send(to, shard, message, () => this.#sending.delete(key));
  }
}
