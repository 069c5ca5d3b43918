// `parley`: runs one member until a signal ends it.

import { networkInterfaces } from 'node:os';
import type { Capabilities, LogLevel } from '../base/capabilities.ts';
import { type GossipSettings, MemberGossip } from '../cluster/index.ts';
import { openHttpEdge } from '../edge/http/index.ts';
import { realCapabilities } from '../engine/capabilities.ts';
import { zstdBlocks } from '../engine/codec/index.ts';
import { drawBanner } from './banner.ts';

/** Running requests get this long to finish when the member stops. */
const HTTP_GRACE_MS = 500;

export interface ServeOptions {
  readonly settings: GossipSettings;
  readonly logLevel: LogLevel;
  readonly version: string;
}

/** Rejects when the member cannot start. Resolves when it has left its cluster. */
export async function serve({ settings, logLevel, version }: ServeOptions): Promise<void> {
  const stopping = new StopSignals();
  const capabilities = realCapabilities({ level: logLevel });
  const { clock, log, random } = capabilities;
  const gossip = await MemberGossip.open(
    { capabilities, blocks: zstdBlocks, proposedHost: hostOfThisMachine() },
    settings,
  );
  // Both ports are ours before the first datagram goes out: nobody hears of a member that fails.
  const cluster = gossip.members;
  const http = await openHttpEdge(gossip.address, { cluster, clock, log, random, version });
  gossip.start();
  if (process.stderr.isTTY) process.stderr.write(drawBanner(gossip, settings, version));
  warnIfExposed(capabilities, gossip);

  const signal = await stopping.first;
  log.info('stopping', { signal });
  await Promise.all([gossip.stop(signal), http.close(HTTP_GRACE_MS)]);
}

function warnIfExposed({ log }: Capabilities, { address }: MemberGossip): void {
  if (address.startsWith('127.') || address.startsWith('[::1]:')) return;
  log.warn('anyone who reaches this address can read and change the cluster', { address });
}

/** SIGTERM and SIGINT: the first asks to leave in order, the second ends the process at once. */
class StopSignals {
  readonly first: Promise<string>;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.first = promise;
    let asked = false;
    for (const [signal, number] of [
      ['SIGINT', 2],
      ['SIGTERM', 15],
    ] as const) {
      process.on(signal, () => {
        if (asked) process.exit(128 + number);
        asked = true;
        resolve(signal);
      });
    }
  }
}

/** An address by which other machines may know this one; only ever used in advice. */
function hostOfThisMachine(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { family, internal, address } of addresses ?? []) {
      if (family === 'IPv4' && !internal) return address;
    }
  }
  return '127.0.0.1';
}
