// Runs testdata/*.txt, the transcripts that teach the protocol. The commands:
//
//   add-node NAME [generation=N] [version=0|1] [cluster=ID] [key-grace=MS] [dead-grace=MS]
//            [initial=(k:v, ...)]                       start or restart a node
//   stop NAME                                           it is gone without a word
//   wall NAME MS-SINCE-2020                             tells the time; it goes on from there
//   set|set-ttl NAME KEY VALUE, delete|delete-ttl NAME KEY
//   gossip FROM TO                                      FROM queues a SYN to TO
//   round NAME [lost] [seeds=(A, B)]                    one round of one node
//   deliver [N] [drop=N]                                hand over datagrams, replies included
//   exchange FROM TO [quiet]                            gossip and deliver
//   rounds N [every=MS] [seeds=(A)]                     rounds of all, everything arrives, silent
//   advance MS                                          time passes
//   inject TO                                           a datagram in hex, as input
//   strangers NAME COUNT                                NAME hears of so many nodes at once
//   fill NAME COUNT BYTES                               so many keys with values of so many bytes
//   forge TO OF gc=N from=N [max=N] [entries=(k:v:version, ...)]   an ACK that nobody sent
//   forge-digest TO OF heartbeat=N gc=N max=N           the same as a SYN
//   state NAME..., live NAME, winners NAME, metrics NAME FIELD..., phi NAME OF
//   leave NAME [REASON], subscribe NAME PREFIX, watch NAME

import {
  type ClusterSettings,
  type Datagram,
  GossipCluster,
} from '../../../test/support/gossip-cluster.ts';
import { decodeWire, encodeWire, type WireOperation } from '../../../test/support/gossip-wire.ts';
import { transcriptTests } from '../../../test/support/transcript.ts';
import { must } from '../../base/assert.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { Prng } from '../../base/prng.ts';
import type { Argument, Command } from '../../base/transcript.ts';
import type { NodeEntry, NodeView, ReceiveOutcome, WriteOutcome } from './index.ts';

const STATUS_MARKS = { set: '', deleted: '!deleted', deleteAfterTtl: '!ttl' } as const;
const WIRE_MARKS = ['', '!deleted', '!ttl'];

class Repl {
  readonly cluster = new GossipCluster();
  #lines: string[] = [];
  /** Lines up to the last delivery. */
  #settled = 0;

  constructor() {
    this.cluster.onDelivered = (datagram, outcome) => this.#noteDelivery(datagram, outcome);
  }

  run(command: Command): string {
    this.#lines = [];
    this.#settled = 0;
    const words = command.args.filter(({ values }) => values.length === 0).map(({ key }) => key);
    const options = new Map(
      command.args
        .filter(({ values }) => values.length > 0)
        .map(({ key, values }) => [key, values]),
    );
    this.#dispatch(command, words, options);
    return this.#lines.join('\n');
  }

  #dispatch(command: Command, words: string[], options: Map<string, readonly string[]>): void {
    const [name = '', second = '', third = ''] = words;
    const seeds = options.get('seeds') ?? [];
    const { cluster } = this;
    const commands: Record<string, () => void> = {
      'add-node': () => this.#addNode(name, command.args),
      stop: () => cluster.nodes.delete(name),
      wall: () => {
        cluster.node(name).noteWallTime(Date.UTC(2020) + Number(second), cluster.nowMs);
      },
      set: () => this.#write(cluster.node(name).set(second, third, cluster.nowMs)),
      'set-ttl': () => this.#write(cluster.node(name).setWithTtl(second, third, cluster.nowMs)),
      delete: () => this.#write(cluster.node(name).delete(second, cluster.nowMs)),
      'delete-ttl': () => this.#write(cluster.node(name).deleteAfterTtl(second, cluster.nowMs)),
      gossip: () => {
        const syn = cluster.node(name).gossipTo(cluster.addressOf(second), cluster.nowMs);
        cluster.send(name, [syn]);
      },
      round: () => {
        cluster.round(name, seeds);
        for (const { from, to } of cluster.queue) this.#say(`${from}->${to} syn`);
        if (second === 'lost') cluster.queue.length = 0;
      },
      deliver: () => this.#deliver(Number(name || Number.POSITIVE_INFINITY), options.get('drop')),
      exchange: () => {
        cluster.exchange(name, second);
        if (third === 'quiet') this.#lines = [];
      },
      rounds: () => {
        const [every = '1000'] = options.get('every') ?? [];
        for (let i = 0; i < Number(name); i++) cluster.roundOfAll(Number(every), seeds);
        this.#lines = [];
      },
      advance: () => {
        cluster.nowMs += Number(name);
      },
      inject: () => {
        this.#inject(name, Buffer.from(command.input.replace(/\s/g, ''), 'hex'));
      },
      forge: () => {
        const one = (key: string): bigint => BigInt(options.get(key)?.[0] ?? 0);
        const id = cluster.node(second).config.self;
        const delta: WireOperation[] = [
          { op: 'node', id, lastGc: one('gc'), fromExcluded: one('from') },
        ];
        for (const entry of options.get('entries') ?? []) {
          const [key = '', value = '', version = ''] = entry.split(':');
          const status = value === '' ? 1 : 0;
          delta.push({ op: 'keyValue', key, value, version: BigInt(version), status });
        }
        if (options.has('max')) delta.push({ op: 'setMax', max: one('max') });
        this.#inject(name, encodeWire({ version: 0, type: 'ack', delta }));
      },
      'forge-digest': () => {
        const one = (key: string): bigint => BigInt(options.get(key)?.[0] ?? 0);
        const id = cluster.node(second).config.self;
        const counters = { heartbeat: one('heartbeat'), lastGc: one('gc'), max: one('max') };
        const digest = [{ id, ...counters }];
        this.#inject(name, encodeWire({ version: 0, type: 'syn', digest, clusterId: 'testing' }));
      },
      strangers: () => this.#inventStrangers(name, Number(second)),
      fill: () => {
        for (let i = 1; i <= Number(second); i++) {
          cluster
            .node(name)
            .set(`k${String(i).padStart(4, '0')}`, noise(Number(third)), cluster.nowMs);
        }
      },
      state: () => words.forEach((of) => this.#describeNodes(of)),
      live: () => this.#describeLife(name),
      winners: () => this.#describeWinners(name),
      metrics: () => this.#describeMetrics(name, words.slice(1)),
      phi: () => this.#describePhi(name, second),
      leave: () => {
        cluster.send(name, cluster.node(name).leave(second, cluster.nowMs));
        for (const datagram of cluster.queue) this.#say(describeDatagram(cluster, datagram));
      },
      subscribe: () => {
        cluster.node(name).subscribe(second, ({ key, value, owner }) => {
          this.#say(`  ${name} hears ${cluster.nameOf(owner)}: ${key}=${value}`);
        });
      },
      watch: () => {
        cluster.node(name).watchLive(({ nodes }) => {
          this.#say(`  ${name} sees live: ${nodes.map(({ id }) => cluster.nameOf(id)).join(' ')}`);
        });
      },
    };
    must(commands[command.name], `line ${command.line}: no command ${command.name}`)();
  }

  #inject(name: string, bytes: Uint8Array): void {
    const { cluster } = this;
    const outcome = cluster.node(name).receive(bytes, cluster.addressOf('x'), cluster.nowMs);
    this.#say(outcome.kind === 'refused' ? `refused ${outcome.reason}` : `took ${outcome.type}`);
  }

  #say(line: string): void {
    this.#lines.push(line);
  }

  #write(outcome: WriteOutcome): void {
    const version = 'version' in outcome ? ` version=${outcome.version}` : '';
    this.#say(outcome.kind === 'refused' ? `refused ${outcome.reason}` : outcome.kind + version);
  }

  #addNode(name: string, args: readonly Argument[]): void {
    const one = (key: string): string | undefined => args.find((arg) => arg.key === key)?.values[0];
    const initial = args.find((arg) => arg.key === 'initial')?.values ?? [];
    const settings: ClusterSettings = {
      generation: BigInt(one('generation') ?? 1),
      clusterId: one('cluster') ?? 'testing',
      protocolVersion: one('version') === '1' ? 1 : 0,
      keyGraceMs: Number(one('key-grace') ?? 10_000),
      deadNodeGraceMs: Number(one('dead-grace') ?? 20_000),
      initial: initial.map((pair) => pair.split(':') as [string, string]),
    };
    this.cluster.start(name, settings);
  }

  #deliver(limit: number, drop: readonly string[] | undefined): void {
    let dropped = Number(drop?.[0] ?? 0);
    for (let count = 0; count < limit && this.cluster.queue.length > 0; count++) {
      const datagram = must(this.cluster.queue.shift(), 'a queued datagram');
      if (dropped > 0) {
        dropped -= 1;
        this.#say(`${describeDatagram(this.cluster, datagram)} LOST`);
        this.#settled = this.#lines.length;
      } else if (this.cluster.nodes.has(datagram.to)) this.cluster.deliver(datagram);
      else this.#say(`${datagram.from}->${datagram.to} nobody there`);
    }
  }

  #noteDelivery(datagram: Datagram, outcome: ReceiveOutcome): void {
    // Callbacks spoke while the datagram was handled: what caused them stands before them.
    const heard = this.#lines.splice(this.#settled);
    if (outcome.kind === 'refused') this.#say(`${datagram.to} refuses: ${outcome.reason}`);
    else this.#say(describeDatagram(this.cluster, datagram));
    this.#lines.push(...heard);
    this.#settled = this.#lines.length;
  }

  #inventStrangers(name: string, count: number): void {
    for (let first = 0; first < count; first += 500) {
      const digest = Array.from({ length: Math.min(500, count - first) }, (_, i) => ({
        id: {
          nodeId: `s${String(first + i).padStart(4, '0')}`,
          generation: 1n,
          address: `10.1.${(first + i) >> 8}.${(first + i) & 255}:7000` as SocketAddress,
        },
        heartbeat: 1n,
        lastGc: 0n,
        max: 1n,
      }));
      const bytes = encodeWire({ version: 0, type: 'syn', digest, clusterId: 'testing' });
      this.cluster.node(name).receive(bytes, this.cluster.addressOf('x'), this.cluster.nowMs);
    }
  }

  #describeNodes(name: string): void {
    for (const view of this.cluster.node(name).nodes()) {
      const { heartbeat, lastGcVersion, maxVersion } = view;
      const entries = view.entries().map((entry) => ` ${describeEntry(entry)}`);
      const who = `${name} has ${this.cluster.nameOf(view.id)}`;
      this.#say(`${who} hb=${heartbeat} gc=${lastGcVersion} max=${maxVersion}${entries.join('')}`);
    }
  }

  #describeLife(name: string): void {
    const node = this.cluster.node(name);
    const list = (nodes: readonly NodeView[]): string =>
      abridge(
        nodes.map(({ id }) => this.cluster.nameOf(id)),
        ' ',
      ) || '-';
    const by = (state: string): string => list(node.nodes().filter((view) => view.state === state));
    this.#say(`live ${by('live')} | dead ${by('dead')} | scheduled ${by('scheduled')}`);
  }

  #describeWinners(name: string): void {
    const winners = [...this.cluster.node(name).winners()].toSorted(([a], [b]) => (a < b ? -1 : 1));
    for (const [key, { value, owner, version }] of winners) {
      this.#say(`${key}=${value} of ${this.cluster.nameOf(owner)} version=${version}`);
    }
  }

  #describeMetrics(name: string, fields: readonly string[]): void {
    const metrics = this.cluster.node(name).metrics();
    const texts = fields.map((field) => {
      const value = field
        .split('.')
        .reduce<unknown>((at, part) => Reflect.get(Object(at), part), metrics);
      return `${field}=${String(value)}`;
    });
    this.#say(texts.join(' '));
  }

  #describePhi(name: string, of: string): void {
    const node = this.cluster.node(name);
    const view = must(
      node.nodes().find(({ id }) => this.cluster.nameOf(id) === of),
      'a known node',
    );
    const phi = node.phi(view.id, this.cluster.nowMs)?.toFixed(2) ?? 'undefined';
    const timeout = node.detectionTimeoutMs(view.id)?.toFixed(0) ?? 'undefined';
    this.#say(`phi=${phi} timeout=${timeout}`);
  }
}

function describeEntry({ key, value, version, status }: NodeEntry): string {
  return `${key}=${value}@${version}${STATUS_MARKS[status]}`;
}

/** `a->b synAck digest=(a hb=3 gc=0 max=1) delta=(a gc=0 from=0 k=v@1)`. */
function describeDatagram(cluster: GossipCluster, { from, to, bytes }: Datagram): string {
  const { version, type, digest, delta, clusterId } = decodeWire(bytes);
  const parts = [`${from}->${to} ${type}`];
  if (version !== 0) parts.push(`v${version}`);
  if (bytes.length > 10_000) parts.push(`${bytes.length} bytes`);
  if (clusterId !== undefined && clusterId !== 'testing') parts.push(`cluster=${clusterId}`);
  if (digest !== undefined) {
    const entries = digest.map(
      ({ id, heartbeat, lastGc, max }) =>
        `${cluster.nameOf(id)} hb=${heartbeat} gc=${lastGc} max=${max}`,
    );
    parts.push(`digest=(${abridge(entries, ', ')})`);
  }
  if (delta !== undefined) {
    const texts = delta.map((operation) => describeOperation(cluster, operation));
    parts.push(`delta=(${abridge(texts, ' ')})`);
  }
  return parts.join(' ');
}

/** Long lists are told by their ends. */
function abridge(texts: readonly string[], separator: string): string {
  if (texts.length <= 12) return texts.map((text) => shorten(text)).join(separator);
  const ends = [...texts.slice(0, 2), `...${texts.length - 3} more...`, ...texts.slice(-1)];
  return ends.map((text) => shorten(text)).join(separator);
}

function shorten(text: string): string {
  return text.replaceAll(/[!-~]{60,}/g, (long) => `${long.slice(0, 8)}...`);
}

/** Text that hardly compresses. */
function noise(length: number): string {
  return String.fromCharCode(...Array.from({ length }, () => 33 + random.below(94)));
}

const random = Prng.from(1, 'noise');

function describeOperation(cluster: GossipCluster, operation: WireOperation): string {
  if (operation.op === 'setMax') return `max=${operation.max}`;
  if (operation.op === 'node') {
    const { id, lastGc, fromExcluded } = operation;
    return `[${cluster.nameOf(id)} gc=${lastGc} from=${fromExcluded}]`;
  }
  const { key, value, version, status } = operation;
  return `${key}=${value}@${version}${must(WIRE_MARKS[status], 'a known status')}`;
}

transcriptTests(new URL('testdata/', import.meta.url), () => {
  const repl = new Repl();
  return (command) => repl.run(command);
});
