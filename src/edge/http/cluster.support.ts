// What tests of the edge stand on: a cluster of one real gossip core without a socket, which notes
// what it is asked to change, and a log that notes its lines.

import type { Log } from '../../base/capabilities.ts';
import { ParleyError } from '../../base/errors.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { Prng } from '../../base/prng.ts';
import type { ClusterPort } from '../../cluster/index.ts';
import { Gossip, parseGossipConfig, type WriteOutcome } from '../../core/gossip/index.ts';
import { SystemClock } from '../../engine/clock/index.ts';
import { zstdBlocks } from '../../engine/codec/index.ts';
import type { HttpParts } from './app.ts';

export interface RecordingCluster extends ClusterPort {
  readonly calls: string[];
  readonly gossip: Gossip;
}

export function recordingCluster(): RecordingCluster {
  const self = { nodeId: 'n1', generation: 1n, address: '127.0.0.1:10001' as SocketAddress };
  const outcome = parseGossipConfig({
    self,
    clusterId: 'testing',
    gossipIntervalMs: 500,
    keyGraceMs: 60_000,
  });
  if (outcome.kind === 'refused') throw new Error(`${outcome.field} ${outcome.why}`);
  const gossip = new Gossip(outcome.config, { random: Prng.from(1), blocks: zstdBlocks }, 0);
  const calls: string[] = [];
  return {
    calls,
    gossip,
    view: () => ({
      clusterId: 'testing',
      nodes: gossip.nodes(),
      seedAddresses: [],
      live: gossip.liveNodes(),
      dead: gossip.deadNodes(),
    }),
    winnersPage: (prefix, after, count) => gossip.winnersPage(prefix, after, count),
    set: (key, value) => {
      calls.push(`set ${key}=${value}`);
      refuseReserved(key);
      settle(gossip.set(key, value, 0));
    },
    delete: (key) => {
      calls.push(`delete ${key}`);
      refuseReserved(key);
      settle(gossip.delete(key, 0));
    },
  };
}

function settle(outcome: WriteOutcome): void {
  if (outcome.kind === 'refused') throw new ParleyError('E_BAD_PARAMETER', outcome.reason);
}

function refuseReserved(key: string): void {
  const names = ['service', 'ready', 'node_states', 'seed_addrs'];
  if (key.startsWith('parley.') || names.includes(key)) {
    throw new ParleyError('E_RESERVED', 'the key is reserved.');
  }
}

/** Notes `<level> <event>` of each line. */
export function notingLog(lines: string[]): Log {
  const log: Log = {
    debug: (event) => void lines.push(`debug ${event}`),
    info: (event) => void lines.push(`info ${event}`),
    warn: (event) => void lines.push(`warn ${event}`),
    error: (event) => void lines.push(`error ${event}`),
    writes: () => true,
    with: () => log,
  };
  return log;
}

export function httpParts(more: Partial<HttpParts> = {}): HttpParts {
  return {
    cluster: recordingCluster(),
    log: notingLog([]),
    clock: new SystemClock(),
    random: Prng.from(1),
    version: '1.2.3',
    address: '127.0.0.1:10001',
    ...more,
  };
}
