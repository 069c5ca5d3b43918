// One client of one shard that writes one command at a time, in a session: so it is sent again when
// its leader is lost.

import type { SocketAddress } from '../../src/base/ids.ts';
import { SystemClock } from '../../src/engine/clock/index.ts';
import { randomFromSystem } from '../../src/engine/random/index.ts';
import { type MemberId, systemNet } from '../../src/engine/transport/index.ts';
import { ClientConnections, ShardClient, ShardSession } from '../../src/replica/requests/index.ts';
import { CLUSTER_ID } from './cluster.ts';
import { KEY_BYTES } from './puts.ts';

const TIMEOUT_MS = 20_000;

export class LoneWriter {
  readonly #connections: ClientConnections;
  readonly #client: ShardClient;
  readonly #session: ShardSession;

  constructor(members: ReadonlyMap<MemberId, SocketAddress>, shard: number) {
    const clock = new SystemClock();
    const net = systemNet;
    this.#connections = new ClientConnections({ clock, net, clusterId: CLUSTER_ID, members });
    const random = randomFromSystem();
    this.#client = new ShardClient({ clock, random, callees: this.#connections, shard });
    this.#session = new ShardSession(this.#client);
  }

  /** What became of a write, and after how long. */
  write(): Promise<string> {
    const beginMs = performance.now();
    return new Promise((resolve) => {
      this.#session.submit(new Uint8Array(KEY_BYTES * 2), TIMEOUT_MS, ({ kind }) => {
        resolve(`${kind} after ${(performance.now() - beginMs).toFixed(0)} ms`);
      });
    });
  }

  close(): void {
    this.#client.close();
    this.#connections.close();
  }
}
