// Reads entries for cores that lack them in memory.

import { assert } from '../../base/assert.ts';
import type { LogFetch } from '../../core/raft/index.ts';
import type { Wal } from '../../engine/wal/index.ts';
import type { Repair } from './repair.ts';
import type { Replica } from './replica.ts';
import type { Supervisor } from './supervisor.ts';
import type { Turn } from './turn.ts';

export class LogReads {
  readonly #wal: Pick<Wal, 'fetch'>;
  readonly #turn: Pick<Turn, 'nowMs' | 'schedule'>;
  readonly #repair: Pick<Repair, 'begin' | 'noteRead'>;
  readonly #supervisor: Supervisor;

  constructor(
    wal: Pick<Wal, 'fetch'>,
    turn: Pick<Turn, 'nowMs' | 'schedule'>,
    repair: Pick<Repair, 'begin' | 'noteRead'>,
    supervisor: Supervisor,
  ) {
    this.#wal = wal;
    this.#turn = turn;
    this.#repair = repair;
    this.#supervisor = supervisor;
  }

  fetch(replica: Replica, fetch: LogFetch): void {
    assert(fetch.low < fetch.high, '[H60] a core asks for entries');
    const fetched = this.#wal.fetch(replica.shard, fetch).then((outcome) => {
      if (this.#supervisor.isClosed || !replica.isRunning) return;
      if (outcome.kind === 'damaged') this.#repair.begin(replica, fetch);
      else if (outcome.kind === 'failed') {
        this.#supervisor.fail(`the log cannot be read: ${outcome.reason}`);
      } else {
        // In this very turn: later, other fetches may have pushed the entries out of memory.
        replica.workWith(fetch, this.#turn.nowMs);
        // Sound entries were handed out; there may be a lost one behind them.
        this.#repair.noteRead(replica);
        this.#turn.schedule();
      }
    });
    this.#supervisor.watch('reading the log', fetched);
  }
}
