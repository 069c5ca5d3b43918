// `parley`: runs one member until a signal ends it.

import { networkInterfaces } from 'node:os';
import type { Log, LogLevel } from '../base/capabilities.ts';
import { openHttpEdge } from '../edge/http/index.ts';
import { realCapabilities } from '../engine/capabilities.ts';
import { type Member, type MemberSettings, openMember } from '../member/index.ts';
import { drawBanner } from './banner.ts';

export interface ServeOptions {
  readonly settings: MemberSettings;
  readonly logLevel: LogLevel;
  readonly version: string;
}

/** Rejects when the member cannot start. Resolves when it has left its cluster. */
export async function serve({ settings, logLevel, version }: ServeOptions): Promise<void> {
  const stopping = new StopSignals();
  const capabilities = realCapabilities({ level: logLevel });
  const { clock, log, random } = capabilities;
  const opening = await openMember(
    {
      capabilities,
      proposedHost: hostOfThisMachine(),
      openHttp: (home) => openHttpEdge({ ...home, clock, log, random, version }),
    },
    settings,
  );
  if (opening.kind === 'refused') throw opening.error;
  const { member } = opening;
  if (process.stderr.isTTY) process.stderr.write(drawBanner(member, settings, version));
  warnIfExposed(log, member);

  const signal = await stopping.first;
  log.info('stopping', { signal });
  await member.close(signal);
}

function warnIfExposed(log: Log, { address }: Member): void {
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
