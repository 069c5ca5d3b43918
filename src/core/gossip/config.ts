// Settings and their borders. `parseGossipConfig` is the gateway: behind it nothing checks again.

import { isUnspecified, parseAddress } from '../../base/address.ts';
import { textByteLength } from '../../base/bytes.ts';
import { LIMITS } from '../../base/limits.ts';
import type { GossipConfig } from './types.ts';

const HOUR_MS = 3_600_000;

const GOSSIP_DEFAULTS = {
  deadNodeGraceMs: 24 * HOUR_MS,
  phiThreshold: 8,
  samplingWindowSize: 1_000,
  maxIntervalMs: 10_000,
  initialIntervalMs: 5_000,
  protocolVersion: 0,
  fanOut: 3,
} as const;

/** What must be said; the rest has defaults. */
export type GossipSettings = Partial<GossipConfig> &
  Pick<GossipConfig, 'self' | 'clusterId' | 'gossipIntervalMs' | 'keyGraceMs'>;

export type ConfigOutcome =
  | { readonly kind: 'config'; readonly config: GossipConfig }
  | { readonly kind: 'refused'; readonly field: string; readonly why: string };

type NumericField =
  | 'gossipIntervalMs'
  | 'keyGraceMs'
  | 'deadNodeGraceMs'
  | 'phiThreshold'
  | 'samplingWindowSize'
  | 'maxIntervalMs'
  | 'initialIntervalMs'
  | 'fanOut';

/**
 * Least and greatest of each number, whole numbers or not. The detector keeps sums of intervals in
 * 32 bits (detector.ts), which `samplingWindowSize` and `maxIntervalMs` must not overflow.
 */
const RANGES: Record<NumericField, readonly [least: number, most: number, whole: boolean]> = {
  gossipIntervalMs: [1, HOUR_MS, false],
  keyGraceMs: [1, 365 * 24 * HOUR_MS, false],
  deadNodeGraceMs: [1, 365 * 24 * HOUR_MS, false],
  phiThreshold: [0.001, 1_000_000, false],
  samplingWindowSize: [1, 10_000, true],
  maxIntervalMs: [1, 600_000, false],
  initialIntervalMs: [1, 600_000, false],
  fanOut: [1, 64, true],
};

/** The settings with defaults filled in, or the first field that is not acceptable. */
export function parseGossipConfig(settings: GossipSettings): ConfigOutcome {
  const config: GossipConfig = { ...GOSSIP_DEFAULTS, ...settings };
  return findTextProblem(config) ?? findNumberProblem(config) ?? { kind: 'config', config };
}

function refused(field: string, why: string): ConfigOutcome {
  return { kind: 'refused', field, why };
}

function findTextProblem(config: GossipConfig): ConfigOutcome | undefined {
  const { nodeId, generation, address } = config.self;
  if (!nodeId.isWellFormed()) return refused('self.nodeId', 'is not well-formed text');
  const idMax = LIMITS.gossip.nodeIdBytesMax;
  if (nodeId === '') return refused('self.nodeId', 'is empty');
  if (textByteLength(nodeId) > idMax) return refused('self.nodeId', `exceeds ${idMax} bytes`);
  if (generation < 0n || generation >= 1n << 64n) {
    return refused('self.generation', 'is not between 0 and 2^64 - 1');
  }
  const parsed = parseAddress(address);
  if (parsed === undefined) return refused('self.address', 'is not an address like 127.0.0.1:1');
  if (isUnspecified(address) || parsed.port === 0) {
    return refused('self.address', 'can be bound but not reached: name one that peers can use');
  }
  if (!config.clusterId.isWellFormed()) return refused('clusterId', 'is not well-formed text');
  const clusterMax = LIMITS.gossip.clusterIdBytesMax;
  if (textByteLength(config.clusterId) > clusterMax) {
    return refused('clusterId', `exceeds ${clusterMax} bytes`);
  }
  return undefined;
}

function findNumberProblem(config: GossipConfig): ConfigOutcome | undefined {
  for (const [field, [least, most, whole]] of Object.entries(RANGES)) {
    const value = config[field as NumericField];
    if (!(value >= least && value <= most)) {
      return refused(field, `is not between ${least} and ${most}`);
    }
    if (whole && !Number.isInteger(value)) return refused(field, 'is not a whole number');
  }
  if (config.protocolVersion !== 0 && config.protocolVersion !== 1) {
    return refused('protocolVersion', 'is neither 0 nor 1');
  }
  return undefined;
}
