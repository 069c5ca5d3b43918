// Turns what a shard wants into records of the batch that gathers, and into its log in memory, both
// in the same call: they never disagree.

import { assert } from '../../base/assert.ts';
import type { Entry, EntryId, HardState, Snapshot } from '../../core/raft/index.ts';
import type { Batch } from './batch.ts';
import type { Committer } from './committer.ts';
import { ENTRY_KINDS, RECORD, recordBytes, viewOf, writeU64 } from './format.ts';
import type { ShardLog } from './shard-log.ts';
import { encodeSnapshot } from './snapshot-codec.ts';
import type { ShardChange } from './types.ts';

const NO_BYTES = new Uint8Array(0);
const VOTE_BYTES = 8;

export class ChangeWriter {
  readonly #committer: Committer;
  readonly #vote = new Uint8Array(VOTE_BYTES);
  readonly #voteView: DataView = viewOf(this.#vote);

  constructor(committer: Committer) {
    this.#committer = committer;
  }

  /**
   * [W21] The head of a change, all but its entries, is in one batch: a crash leaves the whole head
   * or nothing of the change. Entries may follow in later batches.
   *
   *   1. F was deposed with 6, 7, 8 in its log, which are not committed.
   *   2. The new leader sends 6', 7', ... with prev 5 and commit 10. F wants its commit index and
   *      these entries durable, in one change.
   *   3. The batch ends behind the hard state, is synced, and the power fails.
   *   4. F starts with commit 10, takes 6, 7, 8 for committed, applies them, and acknowledges 8.
   *
   * With a cut to 5 in the same batch, F starts without a tail. That 6 to 10 are committed stays
   * true of what it will be sent. The cut spares entries that the change repeats, which F may have
   * acknowledged. Neither writing the entries first nor holding the commit index back would do: a
   * config change in the log means that the one before it is committed, and the hard state must
   * have said so by then [R44].
   */
  write(log: ShardLog, change: ShardChange): void {
    const { entries, hardState, install, save } = change;
    const bytes = headBytes(log, change);
    const head = bytes === 0 ? undefined : this.#committer.batchFor(bytes);
    if (install !== undefined) this.#install(log, install);
    if (save !== undefined) this.#save(log, save);
    if (hardState !== undefined) {
      const { term } = log.initialState().hardState;
      assert(hardState.term >= term, '[W16] the term never falls');
      log.setHardState(hardState, this.#hardState(log, hardState).segment);
    }
    if (entries !== undefined) this.#cut(log, entries);
    const isWhole = head === undefined || this.#committer.batchFor(0) === head;
    assert(isWhole, '[W21] the head of a change is in one batch');
    if (entries !== undefined) this.#append(log, entries);
  }

  /** Entries up to `to` are not needed any more. */
  purge(log: ShardLog, to: EntryId): void {
    const batch = this.#add(RECORD.purge, log, to.term, to.index);
    batch.frees = true;
    log.purgeTo(to, batch.segment);
  }

  forget(log: ShardLog): void {
    this.#add(RECORD.forget, log, 0, 0).frees = true;
  }

  /**
   * [W9] The bytes of a hole once more. False when that entry is none: a peer's copy replaces
   * nothing that is sound here.
   */
  refill(log: ShardLog, { term, index, kind, payload }: Entry): boolean {
    if (log.holes.get(index) !== term) return false;
    if (log.index.lengthOf(index) !== payload.length) return false;
    const entryKind = ENTRY_KINDS.indexOf(kind);
    const batch = this.#committer.add(RECORD.refill, entryKind, log.shard, term, index, payload);
    return log.refill({ term, index }, batch.segment, batch.recordOffset);
  }

  /** What `rewriteState` takes at most. */
  stateBytes(log: ShardLog): number {
    return (
      recordBytes(0) + recordBytes(VOTE_BYTES) + recordBytes(encodeSnapshot(log.snapshot()).length)
    );
  }

  /** [W10] Repeats all but the entries, so that no old segment is kept for it. */
  rewriteState(log: ShardLog): void {
    const { segment } = this.#committer.batchFor(this.stateBytes(log));
    const { base } = log;
    const snapshot = log.snapshot();
    if (log.has('base')) this.#add(RECORD.purge, log, base.term, base.index);
    if (log.has('snapshot')) this.#snapshot(RECORD.snapshotSaved, log, snapshot);
    if (log.has('hardState')) this.#hardState(log, log.initialState().hardState);
    log.stateMoved(segment);
  }

  /** Repeats the whole log in one batch: a crash leaves the old one or the new one. */
  rewriteAll(log: ShardLog, entries: readonly Entry[]): void {
    let bytes = this.stateBytes(log) + recordBytes(0);
    for (const { payload } of entries) bytes += recordBytes(payload.length);
    const opened = this.#committer.batchFor(bytes);
    opened.frees = true;
    this.#add(RECORD.restart, log, 0, 0);
    this.rewriteState(log);
    for (const { term, index, kind, payload } of entries) {
      const entryKind = ENTRY_KINDS.indexOf(kind);
      const batch = this.#committer.add(RECORD.entry, entryKind, log.shard, term, index, payload);
      assert(batch === opened, '[W17] a log is rewritten in one batch');
      log.index.relocate(index, batch.segment, batch.recordOffset);
    }
    log.rewritten();
  }

  #install(log: ShardLog, snapshot: Snapshot): void {
    if (snapshot.index <= log.snapshot().index) return;
    const batch = this.#snapshot(RECORD.snapshotInstalled, log, snapshot);
    batch.frees = true;
    log.installSnapshot(snapshot, batch.segment);
  }

  #save(log: ShardLog, snapshot: Snapshot): void {
    assert(snapshot.index <= log.lastIndex(), 'a snapshot covers entries that exist');
    if (snapshot.index <= log.snapshot().index) return;
    const batch = this.#snapshot(RECORD.snapshotSaved, log, snapshot);
    log.saveSnapshot(snapshot, batch.segment);
  }

  /** [W21] Takes away what `entries` will replace by others, before they are there. */
  #cut(log: ShardLog, entries: readonly Entry[]): void {
    const last = lastCommon(log, entries);
    if (last >= log.lastIndex()) return;
    this.#add(RECORD.truncate, log, 0, last);
    log.truncateTo(last);
  }

  #append(log: ShardLog, entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    assert(first.index <= log.lastIndex() + 1, 'a log has no holes');
    // Entries that a snapshot covers already are not needed: skip them.
    const skip = Math.max(0, log.firstIndex() - first.index);
    for (let at = skip; at < entries.length; at++) {
      const entry = entries[at] as Entry;
      const { term, index, payload } = entry;
      assert(index === first.index + at, '[W8] entries follow each other');
      const kind = ENTRY_KINDS.indexOf(entry.kind);
      const batch = this.#committer.add(RECORD.entry, kind, log.shard, term, index, payload);
      log.putEntry(index, term, batch.segment, batch.recordOffset, payload.length);
    }
    log.cache.append(entries, skip);
    assert(log.lastIndex() >= log.base.index, 'what is appended is in the log');
  }

  #hardState(log: ShardLog, { term, vote, commit }: HardState): Batch {
    writeU64(this.#voteView, 0, vote);
    return this.#committer.add(RECORD.hardState, 0, log.shard, term, commit, this.#vote);
  }

  #snapshot(type: number, log: ShardLog, snapshot: Snapshot): Batch {
    const { term, index } = snapshot;
    return this.#committer.add(type, 0, log.shard, term, index, encodeSnapshot(snapshot));
  }

  #add(type: number, log: ShardLog, term: number, index: number): Batch {
    return this.#committer.add(type, 0, log.shard, term, index, NO_BYTES);
  }
}

/** What the head of `change` takes at most; 0 when it is one record at most, which is a cut. */
function headBytes(log: ShardLog, { entries, hardState, install, save }: ShardChange): number {
  let bytes = hardState === undefined ? 0 : recordBytes(VOTE_BYTES);
  for (const snapshot of [install, save]) {
    if (snapshot === undefined || snapshot.index <= log.snapshot().index) continue;
    bytes += recordBytes(encodeSnapshot(snapshot).length);
  }
  const first = entries?.[0];
  const mayCut = first !== undefined && first.index <= log.lastIndex();
  return bytes > 0 && mayCut ? bytes + recordBytes(0) : bytes;
}

/**
 * The last entry that stays when `entries` are appended: the one before the first that differs, or
 * else the last one. Entries are equal when their terms are. Where a snapshot covers all of
 * `entries`, nothing stays.
 */
function lastCommon(log: ShardLog, entries: readonly Entry[]): number {
  const last = log.lastIndex();
  for (let at = 0; at < entries.length; at++) {
    const { index, term } = entries[at] as Entry;
    if (index > last) return last;
    if (index > log.base.index && log.term(index) !== term) return index - 1;
  }
  const isCovered = (entries.at(-1)?.index ?? last) <= log.base.index;
  return isCovered ? log.base.index : last;
}
