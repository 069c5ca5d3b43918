import type { Capabilities } from '../../src/base/capabilities.ts';
import { openMemoryStore } from '../../src/engine/store/index.ts';
import { type Admission, type Hello, openPeers } from '../../src/engine/transport/index.ts';
import { Wal } from '../../src/engine/wal/index.ts';
import { FRAME_KIND, REQUEST_KIND, STREAM_KIND } from '../../src/replica/codec/index.ts';
import { FEATURE_QUIET, Host } from '../../src/replica/host/index.ts';
import { RequestServer } from '../../src/replica/requests/index.ts';
import { openShardStates, PeerMemory } from '../../src/replica/state/index.ts';
import { CLUSTER_ID, type Opened, type ProgramSettings } from './program.ts';

export async function openMember(io: Capabilities, s: ProgramSettings): Promise<Opened> {
  let isFatal = false;
  const fatal = (reason: string): void => {
    if (isFatal) return;
    isFatal = true;
    io.clock.afterTurn(() => s.onFatal(reason));
  };
  let onWalFailure: (why: string) => void = fatal;
  const opened = await Wal.open(io, {
    directory: 'wal',
    segmentBytes: s.sizes.segmentBytes,
    batchBytesMax: s.sizes.batchBytesMax,
    cacheBytesMax: s.sizes.cacheBytesMax,
    reserveBytes: s.sizes.segmentBytes * 2,
    roomCheckMs: 200,
    markDelayMs: 50,
    onDamage: 'markHoles',
    onFailure: ({ reason }) => onWalFailure(reason),
  });
  if (opened.kind === 'refused') return { kind: 'refused', reason: opened.message };
  const { wal } = opened;
  const storeOpened = await openMemoryStore(
    { clock: io.clock, disk: io.disk, directory: 'store', flushDelayMs: s.sizes.storeFlushMs },
    { onDurable: () => {}, onFailure: fatal },
  );
  if (storeOpened.kind === 'refused') return { kind: 'refused', reason: storeOpened.message };
  const { store } = storeOpened;
  const statesOpened = openShardStates({ store, clock: io.clock, random: io.random });
  if (statesOpened.kind === 'refused') return { kind: 'refused', reason: statesOpened.message };
  const { states } = statesOpened;
  const memory = new PeerMemory(store);
  let host: Host;
  let server: RequestServer;
  const known = new Set(s.peers.map((p) => p.member));
  const peers = openPeers(
    io,
    {
      hello: {
        clusterId: CLUSTER_ID,
        member: s.member,
        incarnation: wal.incarnation,
        features: s.isOld ? 0 : FEATURE_QUIET,
      },
    },
    {
      async admit(hello: Hello): Promise<Admission> {
        if (hello.member === 0) return { kind: 'admitted' };
        if (!known.has(hello.member))
          return { kind: 'refused', reason: 'unknownMember', message: 'unknown' };
        const met = await memory.meet(hello.member, hello.incarnation);
        if (met === 'known') return { kind: 'admitted' };
        return { kind: 'refused', reason: 'incarnation', message: met };
      },
      onUp: (m) => host.onPeerUp(m),
      onDown: (m) => host.onPeerDown(m),
      onFrame: (from, kind, body) => host.onFrame(from, kind, body),
      onRequest: (request) => {
        if (request.kind === REQUEST_KIND.propose) server.propose(request);
        else if (request.kind === REQUEST_KIND.read) server.read(request);
        else host.onRequest(request);
      },
      onStream: (from, kind, header) =>
        kind === STREAM_KIND.snapshot ? host.onStream(from, header) : undefined,
    },
  );
  void FRAME_KIND;
  host = new Host(
    {
      member: s.member,
      clock: io.clock,
      random: io.random,
      log: io.log,
      wal,
      store,
      states,
      peers,
      onFatal: fatal,
    },
    {
      ...s.timing,
      trailingEntries: s.sizes.trailingEntries,
      purgeEntries: 20,
      purgeBytes: s.sizes.segmentBytes,
      quiet: !s.isOld,
      segmentsMax: 4,
    },
  );
  server = new RequestServer({ member: s.member, clock: io.clock, host, peers });
  for (const { member, address } of s.peers)
    if (member !== s.member) peers.setPeer(member, address);
  await io.net.listenStreams(s.listen, (stream) => peers.accept(stream));
  for (const { shard, founders } of s.shards)
    host.openShard({ shard, founders, machine: s.machineOf(shard) });
  onWalFailure = fatal;
  return {
    kind: 'opened',
    program: {
      host,
      digest: (shard) => states.state(shard)?.digest(),
      setPeer: ({ member, address }) => {
        known.add(member);
        peers.setPeer(member, address);
      },
      dropPeer: (member) => {
        known.delete(member);
        peers.dropPeer(member);
      },
    },
  };
}
