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

export class ChangeWriter {
  readonly #committer: Committer;
  readonly #vote = new Uint8Array(8);
  readonly #voteView: DataView = viewOf(this.#vote);

  constructor(committer: Committer) {
    this.#committer = committer;
  }

  write(log: ShardLog, change: ShardChange): void {
    if (change.install !== undefined) this.#install(log, change.install);
    if (change.save !== undefined) this.#save(log, change.save);
    if (change.hardState !== undefined) {
      const { term } = log.initialState().hardState;
      assert(change.hardState.term >= term, '[W16] the term never falls');
      log.setHardState(change.hardState, this.#hardState(log, change.hardState).segment);
    }
    if (change.entries !== undefined) this.#append(log, change.entries);
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
    return recordBytes(0) + recordBytes(8) + recordBytes(encodeSnapshot(log.snapshot()).length);
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

  #append(log: ShardLog, entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    assert(first.index <= log.lastIndex() + 1, 'a log has no holes');
    // Entries that a snapshot covers already are not needed: skip them.
    const skip = Math.max(0, log.firstIndex() - first.index);
    if (skip >= entries.length && log.index.count > 0) {
      this.#add(RECORD.truncate, log, 0, log.base.index);
      log.truncateTo(log.base.index);
    }
    for (let at = skip; at < entries.length; at++) {
      const entry = entries[at] as Entry;
      const { term, index, payload } = entry;
      assert(index === first.index + at, '[W8] entries follow each other');
      const kind = ENTRY_KINDS.indexOf(entry.kind);
      const batch = this.#committer.add(RECORD.entry, kind, log.shard, term, index, payload);
      log.putEntry(index, term, batch.segment, batch.recordOffset, payload.length);
      log.cache.append(entry);
    }
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
