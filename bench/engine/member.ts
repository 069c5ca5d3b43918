// One member with its front door and its replicas, as a process of its own: for benches and drills.
//
//   node bench/engine/member.ts --member 1 --listen 127.0.0.1:20001 --data DIRECTORY
//     --peers 1=127.0.0.1:20001,2=127.0.0.1:20002,3=127.0.0.1:20003
//     [--shards N] [--store lmdb|memory] [--log debug|info|warn|error] [--small]
//
// SIGUSR2 has it print a line of JSON about its shards, see `ShardsReport`; SIGHUP has it hand over
// what it leads and another member is to lead, so that leaders are spread evenly.
//
// Prints one line once it listens. SIGTERM ends it in order; what it cannot survive ends it with
// its reason on stderr and exit code 1. Shards 1 to N are founded by all peers. With --small the
// log changes segments, is cut and gives way to snapshots after a second of load, not after
// minutes.

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { must } from '../../src/base/assert.ts';
import type { LogLevel } from '../../src/base/capabilities.ts';
import type { SocketAddress } from '../../src/base/ids.ts';
import type { MemberReplicasParts } from '../../src/cluster/index.ts';
import { realCapabilities } from '../../src/engine/capabilities.ts';
import { openLmdbStore, openMemoryStore } from '../../src/engine/store/index.ts';
import { openMember } from '../../src/member/index.ts';
import { CLUSTER_ID, parsePeers } from './cluster.ts';
import { puts } from './puts.ts';
import { reportShards, sendLeadersHome } from './shards-report.ts';

const { values: flags } = parseArgs({
  options: {
    member: { type: 'string' },
    listen: { type: 'string' },
    data: { type: 'string' },
    peers: { type: 'string' },
    shards: { type: 'string', default: '1' },
    store: { type: 'string', default: 'lmdb' },
    log: { type: 'string', default: 'error' },
    small: { type: 'boolean', default: false },
  },
});

const SMALL = {
  wal: { segmentBytes: 1024 * 1024, batchBytesMax: 128 * 1024, reserveBytes: 8 * 1024 * 1024 },
  host: { trailingEntries: 500, purgeEntries: 250, segmentsMax: 3, commandBytesMax: 512 * 1024 },
  store: { flushDelayMs: 50 },
};

const sizes: Partial<typeof SMALL> = flags.small ? SMALL : {};
const member = Number(need('member'));
const data = need('data');
const peers = [...parsePeers(need('peers'))].map(([id, address]) => ({ member: id, address }));
const capabilities = realCapabilities({ level: flags.log as LogLevel, dataDirectory: data });
const { clock, disk } = capabilities;

const openStore: MemberReplicasParts['openStore'] = (directory, events) =>
  flags.store === 'memory'
    ? openMemoryStore({ clock, disk, directory }, events)
    : Promise.resolve(
        openLmdbStore({ clock, path: join(data, directory), ...sizes.store }, events),
      );

const opening = await openMember(
  {
    capabilities,
    proposedHost: '127.0.0.1',
    replicas: { openStore, machineOf: () => puts, onFatal: die },
  },
  {
    cluster: { name: 'bench', uuid: CLUSTER_ID },
    listen: need('listen') as SocketAddress,
    directory: '',
    replicas: {
      member,
      peers: peers.filter((peer) => peer.member !== member),
      shards: Array.from({ length: Number(flags.shards) }, (_, i) => ({
        shard: i + 1,
        founders: peers.map((peer) => peer.member),
      })),
      wal: sizes.wal ?? {},
      host: sizes.host ?? {},
    },
  },
);
if (opening.kind === 'refused') die(opening.error.line);
else {
  const { member: opened } = opening;
  process.on('SIGTERM', () => {
    void opened.close().then(() => process.exit(0));
  });
  const { host } = opened.replicas;
  const shards = Number(flags.shards);
  process.on('SIGUSR2', () => console.log(JSON.stringify(reportShards(host, shards))));
  process.on('SIGHUP', () => sendLeadersHome(host, member, peers.length, shards));
  console.log(`member ${member} listens on ${opened.address}`);
}

function need(name: 'member' | 'listen' | 'data' | 'peers'): string {
  return must(flags[name], `--${name} is missing`);
}

function die(reason: string): void {
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}
