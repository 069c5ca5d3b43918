// A whole member, composed as in production: the replicas on the simulated disk and network, and
// beside it gossip where the seed has gossip.

import type { Capabilities } from '../../src/base/capabilities.ts';
import { ParleyError } from '../../src/base/errors.ts';
import { CLASSIC, MemberGossip } from '../../src/cluster/index.ts';
import { MemberReplicas, type MemberReplicasParts } from '../../src/cluster/member-replicas.ts';
import type { ReplicaSettings } from '../../src/cluster/replica-settings.ts';
import { zstdBlocks } from '../../src/engine/codec/index.ts';
import { openMemoryStore } from '../../src/engine/store/index.ts';
import { CLUSTER_ID, type Opened, type ProgramSettings } from './program.ts';

/** Entries between two cuts of the log: few, so that cuts are frequent. */
const PURGE_ENTRIES = 20;
const SEGMENTS_MAX = 4;
/** The largest that the clients send, and some room. The smallest segment takes it. */
const COMMAND_BYTES_MAX = 3_500;
const ROOM_CHECK_MS = 200;
const SCRUB = { scrubEveryMs: 2_000, scrubPauseMs: 20 };

export async function openMember(
  capabilities: Capabilities,
  settings: ProgramSettings,
): Promise<Opened> {
  const opening = await MemberReplicas.open(
    partsOf(capabilities, settings),
    replicaSettings(settings),
  );
  if (opening.kind === 'refused') return { kind: 'refused', reason: opening.error.line };
  const { replicas } = opening;
  if (settings.gossips) await openGossip(capabilities, settings);
  return {
    kind: 'opened',
    program: {
      host: replicas.host,
      digest: (shard) => replicas.digest(shard),
      setPeer: (peer) => replicas.addPeer(peer),
      dropPeer: (member) => replicas.removePeer(member),
      close: () => replicas.close(),
    },
  };
}

function partsOf(capabilities: Capabilities, settings: ProgramSettings): MemberReplicasParts {
  const { clock, disk } = capabilities;
  const flushDelayMs = settings.sizes.storeFlushMs;
  return {
    capabilities,
    machineOf: settings.machineOf,
    onFatal: settings.onFatal,
    openStore: (directory, events) =>
      openMemoryStore({ clock, disk, directory, flushDelayMs }, events),
  };
}

function replicaSettings(settings: ProgramSettings): ReplicaSettings {
  const { isOld, listen, member, peers, shards, sizes, timing } = settings;
  return {
    clusterId: CLUSTER_ID,
    member,
    listen,
    peers: peers.filter((peer) => peer.member !== member),
    shards,
    directory: '',
    ...(isOld ? { features: 0 } : {}),
    wal: {
      segmentBytes: sizes.segmentBytes,
      batchBytesMax: sizes.batchBytesMax,
      cacheBytesMax: sizes.cacheBytesMax,
      reserveBytes: 2 * sizes.segmentBytes,
      roomCheckMs: ROOM_CHECK_MS,
    },
    snapshots: { chunkBytesMax: sizes.chunkBytesMax },
    host: {
      ...timing,
      commandBytesMax: COMMAND_BYTES_MAX,
      trailingEntries: sizes.trailingEntries,
      purgeEntries: PURGE_ENTRIES,
      purgeBytes: sizes.segmentBytes,
      segmentsMax: SEGMENTS_MAX,
      ...(settings.scrubs ? SCRUB : {}),
    },
  };
}

async function openGossip(capabilities: Capabilities, settings: ProgramSettings): Promise<void> {
  const { listen, member, seeds } = settings;
  const parts = { capabilities, blocks: zstdBlocks, proposedHost: '10.0.0.1' };
  try {
    const gossip = await MemberGossip.open(parts, {
      ...CLASSIC,
      listen,
      nodeId: `m${member}`,
      advertised: undefined,
      seeds: seeds.map((address) => ({ kind: 'address', address })),
    });
    gossip.start();
  } catch (error) {
    // The port is free again when the process before is gone, and seeds are addresses.
    if (!(error instanceof ParleyError)) throw error;
    capabilities.log.warn('no gossip', { why: error.line });
  }
}
