// The log's side of all replicas: what their cores want durable in one turn goes to the log in one
// call, and what they promised for it goes out when it is.

import { assert, must } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import type { Entry, HardState, Message } from '../../core/raft/index.ts';
import type { ShardChange, ShardId, Wal, WalFailure } from '../../engine/wal/index.ts';

/** Asks for work of the log and hears that it is done. */
export interface LogWriterClient {
  readonly shard: ShardId;
  /** `work` is durable: its responses are due. */
  stored(work: Message): void;
}

interface Append {
  readonly clients: readonly LogWriterClient[];
  readonly works: readonly Message[];
  readonly startedMs: number;
  readonly bytes: number;
}

/** The part of a shard's hard state that was written, and the part that is held back. */
export class HardStateMemory {
  #term: number;
  #vote: number;
  #held: HardState | undefined;

  constructor({ term, vote }: HardState) {
    this.#term = term;
    this.#vote = vote;
  }

  /**
   * The hard state to write with `work`. [H13] A commit index alone is no reason to write: it need
   * not survive, and waits for the next work that must.
   */
  toWrite(work: Message): HardState | undefined {
    const { commit, term, vote } = work;
    if (term !== 0) this.#held = { term, vote, commit };
    const held = this.#held;
    if (held === undefined) return undefined;
    const isNews = held.term !== this.#term || held.vote !== this.#vote;
    if (!isNews && work.entries.length === 0 && work.snapshot === undefined) return undefined;
    this.#held = undefined;
    this.#term = held.term;
    this.#vote = held.vote;
    return held;
  }
}

export class LogWriter {
  readonly #wal: Wal;
  readonly #onFailure: (failure: WalFailure) => void;
  readonly #onDurable: () => void;
  readonly #onStored: () => void;
  #changes: ShardChange[] = [];
  #clients: LogWriterClient[] = [];
  #works: Message[] = [];
  /** Of entries, since the last flush. */
  #bytes = 0;
  #waitingBytes = 0;
  /** Appends that are not answered, oldest first. */
  readonly #inFlight: Append[] = [];

  /** `onDurable` is called before the promises of an append are kept, `onStored` after. */
  constructor(
    wal: Wal,
    onDurable: () => void,
    onStored: () => void,
    onFailure: (failure: WalFailure) => void,
  ) {
    this.#wal = wal;
    this.#onDurable = onDurable;
    this.#onStored = onStored;
    this.#onFailure = onFailure;
  }

  /** Takes the work of a Ready; it leaves with the next `flush`. */
  add(client: LogWriterClient, work: Message, memory: HardStateMemory): void {
    const { entries, snapshot } = work;
    const hardState = memory.toWrite(work);
    if (snapshot !== undefined || hardState !== undefined || entries.length > 0) {
      // The snapshot comes first: the hard state counts on it and the entries follow it.
      const { shard } = client;
      if (snapshot === undefined && hardState === undefined) this.#changes.push({ shard, entries });
      else {
        this.#changes.push({
          shard,
          ...(snapshot === undefined ? {} : { install: snapshot }),
          ...(hardState === undefined ? {} : { hardState }),
          ...(entries.length === 0 ? {} : { entries }),
        });
      }
    } else if (work.responses.length === 0) {
      return;
    }
    this.#bytes += payloadBytes(entries);
    this.#clients.push(client);
    this.#works.push(work);
  }

  /** All that was added since the last flush becomes durable together. */
  flush(nowMs: number): void {
    if (this.#clients.length === 0) return;
    const [changes, clients, works] = [this.#changes, this.#clients, this.#works];
    this.#changes = [];
    this.#clients = [];
    this.#works = [];
    assert(clients.length === works.length, '[H12] work belongs to a shard');
    assert(changes.length <= works.length, '[H12] a change is made for somebody');
    const bytes = this.#bytes;
    this.#bytes = 0;
    this.#waitingBytes += bytes;
    this.#inFlight.push({ clients, works, startedMs: nowMs, bytes });
    this.#wal.append(changes, this.#onDone);
  }

  /** [H22] So much waits for the disk that more would only fill the memory. */
  get isBehind(): boolean {
    return this.#waitingBytes > LIMITS.replica.logWaitingBytesMax;
  }

  /** How long the oldest append has been waiting; 0 when none is. */
  waitedMs(nowMs: number): number {
    const oldest = this.#inFlight[0];
    return oldest === undefined ? 0 : nowMs - oldest.startedMs;
  }

  /** [W18] Answers come in the order of the appends. */
  readonly #onDone = (outcome: 'durable' | WalFailure): void => {
    const done = must(this.#inFlight.shift(), '[H12] every append is answered once');
    if (outcome !== 'durable') {
      this.#onFailure(outcome);
      return;
    }
    this.#waitingBytes -= done.bytes;
    assert(this.#waitingBytes >= 0, '[H22] what is written was waiting');
    this.#onDurable();
    const { clients, works } = done;
    assert(clients.length === works.length, '[H12] work belongs to a shard');
    for (let i = 0; i < clients.length; i++) {
      (clients[i] as LogWriterClient).stored(works[i] as Message);
    }
    this.#onStored();
  };
}

function payloadBytes(entries: readonly Entry[]): number {
  let bytes = 0;
  for (let i = 0; i < entries.length; i++) bytes += (entries[i] as Entry).payload.length;
  return bytes;
}
