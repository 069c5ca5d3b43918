// A whole member, opened as in production, on the simulated disk and network: the front door, the
// replicas, and gossip where the seed has it. HTTP needs sockets of a real machine.

import type { Capabilities } from '../../src/base/capabilities.ts';
import { CLASSIC } from '../../src/cluster/index.ts';
import { openMemoryStore } from '../../src/engine/store/index.ts';
import {
  type MemberParts,
  type MemberSettings,
  openMember as openRealMember,
} from '../../src/member/index.ts';
import { shardRules } from '../../src/replica/state/index.ts';
import { CLUSTER_ID, type Opened, type ProgramSettings } from './program.ts';
import type { GossipScenario, Sessions } from './scenario.ts';

/** Entries between two cuts of the log: few, so that cuts are frequent. */
const PURGE_ENTRIES = 20;
const SEGMENTS_MAX = 4;
const ROOM_CHECK_MS = 200;
const SCRUB = { scrubEveryMs: 2_000, scrubPauseMs: 20 };

export async function openMember(
  capabilities: Capabilities,
  settings: ProgramSettings,
): Promise<Opened> {
  const opening = await openRealMember(partsOf(capabilities, settings), memberSettings(settings));
  if (opening.kind === 'refused') return { kind: 'refused', reason: opening.error.line };
  const { member } = opening;
  const { host } = member.replicas;
  return {
    kind: 'opened',
    program: {
      host,
      gossip: settings.gossip === undefined ? undefined : member.gossip.members,
      digest: (shard) => member.replicas.digest(shard),
      setPeer: (peer) => member.addPeer(peer),
      dropPeer: (peer) => member.removePeer(peer),
      close: () => member.close(),
    },
  };
}

function partsOf(capabilities: Capabilities, settings: ProgramSettings): MemberParts {
  const { clock, disk } = capabilities;
  const flushDelayMs = settings.sizes.storeFlushMs;
  return {
    capabilities,
    proposedHost: '10.0.0.1',
    replicas: {
      machineOf: settings.machineOf,
      onFatal: settings.onFatal,
      events: settings.events,
      sessions: settings.sessions,
      ...(settings.isOld ? { rules: oldRules(settings.sessions) } : {}),
      openStore: (directory, events) =>
        openMemoryStore({ clock, disk, directory, flushDelayMs }, events),
    },
  };
}

/** The version before this one knew the first edition alone: no entries of several commands. */
function oldRules(sessions: Sessions): ReturnType<typeof shardRules> {
  const { editions, kind } = shardRules(sessions);
  return { kind, editions: editions.slice(0, 1) };
}

function memberSettings(settings: ProgramSettings): MemberSettings {
  const { gossip, listen, member, seeds } = settings;
  return {
    cluster: { name: 'simulated', uuid: CLUSTER_ID },
    listen,
    directory: '',
    replicas: replicaSettings(settings),
    ...(gossip === undefined ? {} : { gossip: gossipSettings(member, seeds, gossip) }),
  };
}

function gossipSettings(
  member: number,
  seeds: ProgramSettings['seeds'],
  { deadGraceMs, intervalMs, keyGraceMs }: GossipScenario,
): NonNullable<MemberSettings['gossip']> {
  return {
    ...CLASSIC,
    intervalMs,
    deadGraceMs,
    keyGraceMs,
    detector: {
      ...CLASSIC.detector,
      initialIntervalMs: 10 * intervalMs,
      maxIntervalMs: 20 * intervalMs,
    },
    nodeId: `m${member}`,
    advertised: undefined,
    seeds: seeds.map((address) => ({ kind: 'address', address })),
  };
}

function replicaSettings(settings: ProgramSettings): NonNullable<MemberSettings['replicas']> {
  const { isOld, member, peers, shards, sizes, timing } = settings;
  return {
    member,
    peers: peers
      .filter((peer) => peer.member !== member)
      .map((peer) => ({ ...peer, nodeId: `m${peer.member}` })),
    shards,
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
      commandBytesMax: sizes.commandBytesMax,
      trailingEntries: sizes.trailingEntries,
      purgeEntries: PURGE_ENTRIES,
      purgeBytes: sizes.segmentBytes,
      segmentsMax: SEGMENTS_MAX,
      ...(settings.scrubs ? SCRUB : {}),
    },
  };
}
