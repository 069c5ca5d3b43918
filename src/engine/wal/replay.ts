// Applies records to the logs of shards, in the order in which they were written.
//
// A segment that is gone leaves its mark: what a shard said there is unknown until a purge, a
// snapshot or a restart says from where on its log is whole. So entries may begin anywhere here,
// and only at the end each log is asked whether it has a gap [W8].

import type { EntryKind, HardState } from '../../core/raft/index.ts';
import { ENTRY_KINDS, RECORD, RECORD_HEADER_BYTES, readU64, recordBytes } from './format.ts';
import type { BatchView } from './scan.ts';
import type { ShardLog } from './shard-log.ts';
import { decodeSnapshot } from './snapshot-codec.ts';
import type { ShardId } from './types.ts';

export class Replay {
  readonly #shardOf: (shard: ShardId) => ShardLog;
  readonly #forget: (shard: ShardId) => void;
  readonly #hasPayload: (at: number) => boolean;
  entries = 0;
  /** A record whose checksums hold but whose content is none: written by a bug, or by no Parley. */
  malformedAt: number | undefined;

  constructor(
    shardOf: (shard: ShardId) => ShardLog,
    forget: (shard: ShardId) => void,
    hasPayload: (at: number) => boolean,
  ) {
    this.#shardOf = shardOf;
    this.#forget = forget;
    this.#hasPayload = hasPayload;
  }

  /** `isDamaged`: some payloads of entries in it do not hold. */
  apply(batch: BatchView, segment: number, isDamaged: boolean): void {
    const { view, end } = batch;
    let log: ShardLog | undefined;
    for (let at = batch.from; at < end; ) {
      const length = view.getUint32(at + 8, true);
      const type = view.getUint8(at + 12);
      const shard = view.getUint32(at + 16, true);
      if (log?.shard !== shard) log = this.#shardOf(shard);
      if (type === RECORD.entry) {
        const [term, index] = [readU64(view, at + 20), readU64(view, at + 28)];
        log.putEntry(index, term, segment, at, length);
        if (isDamaged && !this.#hasPayload(at)) log.holes.set(index, term);
        if (view.getUint8(at + 13) >= ENTRY_KINDS.length) this.malformedAt ??= at;
        this.entries += 1;
      } else if (type === RECORD.forget) {
        this.#forget(shard);
        log = undefined;
      } else if (!this.#applyRare(type, log, view, at, segment, isDamaged)) {
        this.malformedAt ??= at;
      }
      at += recordBytes(length);
    }
  }

  #applyRare(
    type: number,
    log: ShardLog,
    view: DataView,
    at: number,
    segment: number,
    isDamaged: boolean,
  ): boolean {
    const id = { term: readU64(view, at + 20), index: readU64(view, at + 28) };
    switch (type) {
      case RECORD.hardState: {
        if (view.getUint32(at + 8, true) !== 8) return false;
        const vote = readU64(view, at + RECORD_HEADER_BYTES);
        const state: HardState = { term: id.term, vote, commit: id.index };
        log.setHardState(state, segment);
        return true;
      }
      case RECORD.snapshotSaved:
      case RECORD.snapshotInstalled: {
        const start = view.byteOffset + at + RECORD_HEADER_BYTES;
        const payload = new Uint8Array(view.buffer, start, view.getUint32(at + 8, true));
        const snapshot = decodeSnapshot(id.index, id.term, payload);
        if (snapshot === undefined) return false;
        if (type === RECORD.snapshotSaved) log.saveSnapshot(snapshot, segment);
        else log.installSnapshot(snapshot, segment);
        return true;
      }
      case RECORD.purge:
        log.purgeTo(id, segment);
        return true;
      case RECORD.truncate:
        log.truncateTo(id.index);
        return true;
      case RECORD.restart:
        log.restart();
        return true;
      case RECORD.refill:
        if (!isDamaged || this.#hasPayload(at)) log.refill(id, segment, at);
        return true;
      default:
        return false;
    }
  }
}

/** [W8] A log whose entries do not begin where its base ends has lost some. */
export function hasGap(log: ShardLog): boolean {
  return log.index.count > 0 && log.index.first !== log.firstIndex();
}

export function entryKindAt(view: DataView, at: number): EntryKind {
  return ENTRY_KINDS[view.getUint8(at + 13)] as EntryKind;
}
