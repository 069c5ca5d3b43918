// The state of a shard that is held for peers whose log is too far behind.

import { equalBytes } from '../../base/bytes.ts';
import type { Clock, Log } from '../../base/capabilities.ts';
import type { Snapshot } from '../../core/raft/index.ts';
import type { PreparedSnapshot, ShardData } from '../state/index.ts';

export interface OfferHome {
  readonly clock: Clock;
  readonly log: Log;
  readonly keepMs: number;
}

export class SnapshotOffer {
  readonly #home: OfferHome;
  readonly #data: ShardData;
  #prepared: PreparedSnapshot | undefined;
  #isPreparing = false;
  #isClosed = false;

  constructor(home: OfferHome, data: ShardData) {
    this.#home = home;
    this.#data = data;
  }

  /** The state at hand if it reaches `minIndex`; else one is being made, for the next who asks. */
  latest(minIndex: number): Snapshot | 'pending' {
    const snapshot = this.#prepared?.snapshot;
    if (snapshot !== undefined && snapshot.index >= minIndex) return snapshot;
    if (!this.#isPreparing && !this.#isClosed) void this.#prepare();
    return 'pending';
  }

  /** The state that `snapshot` names, unless it was let go of. */
  find(snapshot: Snapshot): PreparedSnapshot | undefined {
    const found = this.#prepared;
    const isSame = found !== undefined && equalBytes(found.snapshot.data, snapshot.data);
    return isSame ? found : undefined;
  }

  async #prepare(): Promise<void> {
    this.#isPreparing = true;
    const prepared = await this.#data.prepareSnapshot();
    this.#isPreparing = false;
    this.#prepared?.close();
    this.#prepared = prepared;
    if (this.#isClosed) {
      this.#letGo(prepared);
      return;
    }
    const { shard, snapshot } = prepared;
    this.#home.log.info('snapshot prepared', { shard, index: snapshot.index });
    // A reader that lives long keeps the store from reusing its space. Who is sending holds it too.
    this.#home.clock.setTimer(this.#home.keepMs, () => this.#letGo(prepared));
  }

  #letGo(prepared: PreparedSnapshot): void {
    if (this.#prepared !== prepared) return;
    this.#prepared = undefined;
    prepared.close();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#prepared !== undefined) this.#letGo(this.#prepared);
  }
}
