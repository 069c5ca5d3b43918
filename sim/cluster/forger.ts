// A stranger that tells members of gossip what others never said. Nothing in a datagram proves who
// wrote it; whatever is believed must be put right by its supposed owner.

import type { SocketAddress } from '../../src/base/ids.ts';
import type { Prng } from '../../src/base/prng.ts';
import type { NodeView } from '../../src/core/gossip/index.ts';
import {
  encodeWire,
  type WireMessage,
  type WireOperation,
} from '../../test/support/gossip-wire.ts';
import type { Cluster } from './cluster.ts';

/** Nobody has this address. */
const STRANGER = '10.200.0.1:9' as SocketAddress;
const HOUR_MS = 3_600_000;
const YEAR_MS = 366 * 24 * HOUR_MS;
/** Of versions, beyond the clock of the one that is lied to. The last is not believed. */
const AHEAD_MS = [0, 1_000, HOUR_MS, 24 * HOUR_MS, YEAR_MS, 9 * YEAR_MS, 11 * YEAR_MS];
/** 2020-01-01, UTC. */
const EPOCH_MS = 1_577_836_800_000;
/** Versions per millisecond. */
const PER_MS = 256;
const KEYS = ['k0', 'k1', 'k2', 'k3', 'b0', 'invented', 'parley.leaving', 'parley.outbid'];
const SET = 0;
const DELETED = 1;

/** Tells one member one thing of another one, live or dead, or of itself. */
export function forge(cluster: Cluster, random: Prng): boolean {
  const process = pick(cluster.gossipProcesses(), random);
  const member = cluster.running().find(({ id }) => `m${id}` === process?.name);
  if (process === undefined || member === undefined) return false;
  const { clusterId, nodes } = process.gossip.view();
  const owner = pick(nodes, random);
  if (owner === undefined) return false;
  const nowMs = member.machine.capabilities.clock.wallMs();
  const { message, text } = drawLie(owner, clusterId, nowMs, random);
  cluster.note(process.name, 'fault', `is told of ${owner.id.nodeId}: ${text}`);
  cluster.counters.liesTold += 1;
  if (owner.state !== 'live') cluster.counters.liesOfTheDead += 1;
  const { datagrams } = cluster.world.network;
  datagrams.deliverForged(encodeWire(message), STRANGER, process.gossip.self.address);
  return true;
}

function pick<Item>(items: readonly Item[], random: Prng): Item | undefined {
  return items.length === 0 ? undefined : items[random.below(items.length)];
}

interface Lie {
  readonly message: WireMessage;
  readonly text: string;
}

function drawLie(owner: NodeView, clusterId: string, nowMs: number, random: Prng): Lie {
  const { id, heartbeat, lastGcVersion, maxVersion } = owner;
  const aheadMs = AHEAD_MS[random.below(AHEAD_MS.length)] ?? 0;
  const isNear = random.below(3) === 0;
  const version = isNear
    ? BigInt(maxVersion + 1 + random.below(3))
    : BigInt(Math.floor((nowMs + aheadMs - EPOCH_MS) * PER_MS));
  const key = KEYS[random.below(KEYS.length)] ?? 'k0';
  const kind = random.below(8);
  if (kind === 0) {
    const beats = BigInt(heartbeat) + 2n ** BigInt(1 + random.below(50));
    const counters = { heartbeat: beats, lastGc: BigInt(lastGcVersion), max: BigInt(maxVersion) };
    const digest = [{ id, ...counters }];
    const message: WireMessage = { version: 0, type: 'syn', clusterId, digest };
    return { message, text: `heartbeat ${beats}` };
  }
  // From 0, and with entries of its own: all that is known is replaced.
  const isReplaced = kind === 1;
  const begin: WireOperation = {
    op: 'node',
    id,
    lastGc: isReplaced ? version : BigInt(lastGcVersion),
    fromExcluded: isReplaced ? 0n : BigInt(maxVersion),
  };
  if (kind === 2) {
    const delta: WireOperation[] = [begin, { op: 'setMax', max: version }];
    return { message: { version: 0, type: 'ack', delta }, text: `max ${version}` };
  }
  const status = kind < 6 ? DELETED : SET;
  const value = status === SET ? forgedValue(random) : '';
  const entry: WireOperation = { op: 'keyValue', key, value, version, status };
  const text = `${key}=${value}@${version}${status === SET ? '' : ' deleted'}`;
  return { message: { version: 0, type: 'ack', delta: [begin, entry] }, text };
}

/** A number means something to some keys. */
function forgedValue(random: Prng): string {
  return random.below(2) === 0 ? 'forged' : String(1 + random.below(1_000_000));
}
