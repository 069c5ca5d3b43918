// What a member must be told, and what follows from it. Parsing of flags is the command line's
// business; the rules that hold for every way of starting a member are here.

import { isUnspecified, parseAddress } from '../base/address.ts';
import { must } from '../base/assert.ts';
import { ParleyError } from '../base/errors.ts';
import type { SocketAddress } from '../base/ids.ts';
import type { Seed } from './seeds.ts';

export interface GossipSettings {
  readonly clusterId: string;
  /** Undefined: a generated name. */
  readonly nodeId: string | undefined;
  /** Gossip (UDP) and everything else (TCP) listen here. Port 0 takes any free port. */
  readonly listen: SocketAddress;
  /** Where peers reach this member. Undefined: the address it listens on. */
  readonly advertised: SocketAddress | undefined;
  readonly seeds: readonly Seed[];
  readonly intervalMs: number;
  readonly protocolVersion: 0 | 1;
  /** How long a dead member is remembered. */
  readonly deadGraceMs: number;
  /** How long a deleted key is remembered, so that the deletion reaches everyone. */
  readonly keyGraceMs: number;
  readonly detector: DetectorSettings;
}

interface DetectorSettings {
  readonly phiThreshold: number;
  readonly samplingWindow: number;
  readonly maxIntervalMs: number;
  readonly initialIntervalMs: number;
}

/** What the classic program uses, so that both kinds of member see the same cluster. */
export const CLASSIC = {
  clusterId: 'testing',
  listen: '127.0.0.1:10000',
  intervalMs: 500,
  protocolVersion: 0,
  deadGraceMs: 10_000,
  keyGraceMs: 60_000,
  detector: {
    phiThreshold: 8,
    samplingWindow: 1_000,
    maxIntervalMs: 10_000,
    initialIntervalMs: 5_000,
  },
} as const;

/**
 * The address that peers are told, given the one that was bound. Refuses one that cannot be
 * reached: a member that advertises 0.0.0.0 joins well and is then declared dead by everyone,
 * because nobody's answer arrives. `proposal` is an address of this machine, for the message.
 */
export function advertisedAddress(
  settings: GossipSettings,
  bound: SocketAddress,
  proposal: string,
): SocketAddress | ParleyError {
  const chosen = settings.advertised ?? bound;
  const { port } = must(parseAddress(chosen), 'an address was parsed before it came here');
  if (isUnspecified(chosen)) {
    const what =
      settings.advertised === undefined
        ? `listening on ${bound} needs an address to give to peers, and ${bound} means "every ` +
          'address of this machine"'
        : `peers cannot reach ${chosen}: it means "every address of this machine"`;
    const boundPort = must(parseAddress(bound), 'the socket has an address').port;
    return new ParleyError('E_CONFIG', `${what}.`, {
      advice: `Try --public_addr ${proposal}:${port === 0 ? boundPort : port}`,
      subject: 'public_addr',
    });
  }
  if (port === 0) {
    return new ParleyError('E_CONFIG', `peers cannot reach ${chosen}: port 0 is no port.`, {
      advice: 'Give the port that peers should send to with --public_addr.',
      subject: 'public_addr',
    });
  }
  return chosen;
}
