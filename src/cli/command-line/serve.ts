// `parley`: runs one member until a signal ends it.

import { networkInterfaces } from 'node:os';
import type { Clock, Log, LogLevel } from '../../base/capabilities.ts';
import { openHttpEdge } from '../../edge/http/index.ts';
import { realCapabilities } from '../../engine/capabilities.ts';
import {
  type Member,
  type MemberParts,
  type MemberSettings,
  openMember,
} from '../../member/index.ts';
import { drawBanner } from './banner.ts';
import { releaseYoungGeneration } from './young-generation.ts';

const DATA_DIRECTORY = 'data';

export interface ServeOptions {
  readonly settings: MemberSettings;
  /** Root of the member's files. A member without replicas keeps none. */
  readonly dataDirectory?: string;
  readonly logLevel: LogLevel;
  readonly version: string;
}

/** Rejects when the member cannot start. Resolves when it has left its cluster. */
export async function serve(options: ServeOptions): Promise<void> {
  const { settings, logLevel, version, dataDirectory = DATA_DIRECTORY } = options;
  const stopping = new StopSignals();
  const capabilities = realCapabilities({ level: logLevel, dataDirectory });
  const { clock, log, random } = capabilities;
  const opening = await openMember(
    {
      capabilities,
      proposedHost: hostOfThisMachine(),
      openHttp: (home) => openHttpEdge({ ...home, clock, log, random, version }),
      ...(settings.replicas === undefined ? {} : await replicasOn(dataDirectory, clock, log)),
    },
    settings,
  );
  if (opening.kind === 'refused') throw opening.error;
  const { member } = opening;
  if (settings.replicas !== undefined) releaseYoungGeneration();
  if (process.stderr.isTTY) process.stderr.write(drawBanner(member, settings, version));
  warnIfExposed(log, member);

  const signal = await stopping.first;
  log.info('stopping', { signal });
  await member.close(signal);
}

async function replicasOn(
  dataDirectory: string,
  clock: Clock,
  log: Log,
): Promise<Pick<MemberParts, 'replicas'>> {
  const { replicaParts } = await import('./replica-parts.ts');
  const onFatal = (reason: string): void => {
    log.error('this member stops: what is on its disk is sound, this run is not', { reason });
    process.exit(1);
  };
  return { replicas: replicaParts(dataDirectory, clock, onFatal) };
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
