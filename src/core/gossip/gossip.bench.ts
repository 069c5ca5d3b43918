// Time per digest entry, and of a whole cluster in one process.
//
//   node src/core/gossip/gossip.bench.ts [--nodes 1000] [--rounds 20] [--version 0]

import { readFlags } from '../../../scripts/flags.ts';
import { zstdBlocks } from '../../../test/support/zstd-blocks.ts';
import { must } from '../../base/assert.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import { Prng } from '../../base/prng.ts';
import { Gossip, parseGossipConfig } from './index.ts';

const { values } = readFlags('npm run bench lists what each takes', {
  options: {
    nodes: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '20' },
    version: { type: 'string', default: '0' },
  },
});
const nodeCount = Number(values.nodes);
const roundCount = Number(values.rounds);

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Datagrams are used again once they have been received. */
const spare: ArrayBuffer[] = [];

function allocate(bytes: number): Uint8Array {
  return new Uint8Array(spare.pop() ?? new ArrayBuffer(LIMITS.gossip.datagramBytesMax), 0, bytes);
}

function release(bytes: Uint8Array): void {
  spare.push(bytes.buffer as ArrayBuffer);
}

function createNode(index: number): Gossip {
  const outcome = parseGossipConfig({
    self: {
      nodeId: `node-${10_000 + index}`,
      generation: 1_700_000_000_000_000_000n + BigInt(index),
      address: `10.0.${index >> 8}.${index & 255}:7000` as SocketAddress,
    },
    clusterId: 'bench',
    gossipIntervalMs: 1_000,
    keyGraceMs: 60_000,
    initialIntervalMs: 1_000,
    protocolVersion: values.version === '1' ? 1 : 0,
  });
  if (outcome.kind === 'refused') throw new Error(`${outcome.field} ${outcome.why}`);
  const ports = { random: Prng.from(index), blocks: zstdBlocks, allocate };
  return new Gossip(outcome.config, ports, 0, [['service', `dht=${index}`]]);
}

function exchange(from: Gossip, to: Gossip, syn: Uint8Array, nowMs: number): void {
  let [sender, receiver] = [from, to];
  let bytes: Uint8Array | undefined = syn;
  while (bytes !== undefined) {
    const outcome = receiver.receive(bytes, sender.config.self.address, nowMs);
    if (outcome.kind === 'refused') throw new Error(outcome.reason);
    if (bytes !== syn) release(bytes);
    bytes = outcome.reply;
    [sender, receiver] = [receiver, sender];
  }
}

const nodes = Array.from({ length: nodeCount }, (_, index) => createNode(index));
const first = must(nodes[0], 'at least one node');
const second = must(nodes[1], 'at least two nodes');
const byAddress = new Map(nodes.map((node) => [node.config.self.address, node]));

let nowMs = 0;
for (let round = 0; round < roundCount; round++) {
  nowMs += 1_000;
  const before = process.cpuUsage();
  for (const node of nodes) {
    const syns = node.round(nowMs, [first.config.self.address]);
    for (const { to, bytes } of syns) {
      exchange(node, must(byAddress.get(to), 'a known address'), bytes, nowMs);
    }
    const [shared] = syns;
    if (shared !== undefined) release(shared.bytes);
  }
  const { user, system } = process.cpuUsage(before);
  const tookMs = (user + system) / 1_000;
  const live = nodes.reduce((sum, node) => sum + node.liveNodes().length, 0);
  say(`round ${round} ${tookMs.toFixed(0)} ms of CPU, ${live / nodeCount} live on average`);
}
const { rss } = process.memoryUsage();
say(`${(rss / 2 ** 20).toFixed(0)} MiB for ${nodeCount} nodes`);

/** Nanoseconds per digest entry of `work`, the best of several runs. */
function measure(label: string, entries: number, work: () => void): void {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 20; run++) {
    const started = performance.now();
    for (let i = 0; i < 50; i++) work();
    best = Math.min(best, ((performance.now() - started) * 1e6) / (50 * entries));
  }
  say(`${label}: ${best.toFixed(1)} ns per entry`);
}

const known = first.nodes().length;
const address = second.config.self.address;
measure('encode a SYN', known, () => release(first.gossipTo(address, nowMs).bytes));
const stale = second.gossipTo(address, nowMs).bytes;
measure('receive a SYN with nothing new, answer it', 2 * known, () => {
  const outcome = first.receive(stale, address, nowMs);
  if (outcome.kind === 'handled' && outcome.reply !== undefined) release(outcome.reply);
});
const badDigest = stale.slice(0, -2);
measure('parse a digest alone', known, () => first.receive(badDigest, address, nowMs));
