// A real chitchat node: one of the programs beside this file, asked in lines of JSON.

import { createInterface } from 'node:readline';
import { must } from '../../src/base/assert.ts';
import { Child } from '../child.ts';
import { type Entries, type Peer, type PeerSettings } from './peer.ts';
import { type ClusterView, idText, parseView } from './view.ts';

const ANSWER_MS = 5_000;

/** Written by the crate when a datagram does not decode, and by Rust when a task panics. */
const FORBIDDEN = ['invalid-chitchat-payload', 'panicked', 'failed to apply'];

/** An answer that has not come yet. */
interface Awaited {
  readonly resolve: (line: string) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class RustPeer implements Peer {
  readonly id: string;
  readonly nodeId: string;
  readonly address: string;
  readonly #child: Child;
  readonly #awaited = new Map<number, Awaited>();
  #requests = 0;
  #ended = false;

  private constructor(program: string, settings: PeerSettings) {
    this.nodeId = settings.nodeId;
    this.address = settings.address;
    this.id = idText(settings.nodeId, settings.generation, settings.address);
    this.#child = new Child(settings.nodeId, program, flags(settings));
  }

  static async start(program: string, settings: PeerSettings): Promise<RustPeer> {
    const peer = new RustPeer(program, settings);
    // Request 0 is the greeting, which comes unasked.
    const ready = peer.#answer(0);
    createInterface({ input: peer.#child.stdout }).on('line', (line) => peer.#handleLine(line));
    void peer.#child.closed.then(() => {
      for (const id of peer.#awaited.keys()) peer.#giveUp(id);
    });
    await ready;
    return peer;
  }

  async view(): Promise<ClusterView> {
    const line = await this.#ask({ command: 'state' });
    return parseView(line.slice(line.indexOf('"value":') + '"value":'.length, -1));
  }

  async set(entries: Entries): Promise<void> {
    await this.#ask({ command: 'set', entries });
  }

  async setWithTtl(entries: Entries): Promise<void> {
    await this.#ask({ command: 'set_with_ttl', entries });
  }

  async delete(keys: readonly string[]): Promise<void> {
    await this.#ask({ command: 'delete', keys });
  }

  async deleteAfterTtl(keys: readonly string[]): Promise<void> {
    await this.#ask({ command: 'delete_after_ttl', keys });
  }

  /** How often its catch-up callback ran. */
  async catchups(): Promise<number> {
    const line = await this.#ask({ command: 'catchups' });
    return (JSON.parse(line) as { value: number }).value;
  }

  async gossipTo(address: string): Promise<void> {
    await this.#ask({ command: 'gossip', to: address });
  }

  freeze(): void {
    this.#child.signal('SIGSTOP');
  }

  thaw(): void {
    this.#child.signal('SIGCONT');
  }

  async kill(): Promise<void> {
    this.#ended = true;
    await this.#child.end('SIGKILL');
  }

  faults(): readonly string[] {
    const lines = this.#child.errors.split('\n');
    const faults = lines.filter((line) => FORBIDDEN.some((word) => line.includes(word)));
    if (!this.#ended && this.#child.ending !== undefined) {
      faults.push(`it ended by itself: ${this.#child.ending}\n${this.#child.lastWords()}`);
    }
    return faults.map((fault) => `${this.nodeId}: ${fault}`);
  }

  warnings(): string {
    return this.#child.errors;
  }

  #ask(request: Record<string, unknown>): Promise<string> {
    this.#requests += 1;
    const id = this.#requests;
    this.#child.stdin.write(`${JSON.stringify({ id, ...request })}\n`);
    return this.#answer(id);
  }

  #answer(id: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#giveUp(id), ANSWER_MS);
      this.#awaited.set(id, { resolve, reject, timer });
    });
  }

  #giveUp(id: number): void {
    const state = this.#child.ending ?? 'still running';
    const words = `${this.nodeId} (${state}) did not answer\n${this.#child.lastWords()}`;
    this.#take(id).reject(new Error(words));
  }

  #handleLine(line: string): void {
    // Answers can be megabytes of state, so only the id is looked for here.
    const id = /^\{"id":(\d+),/.exec(line)?.[1];
    if (id === undefined && !line.startsWith('{"ready":')) {
      throw new Error(`${this.nodeId} did not understand: ${line}`);
    }
    this.#take(Number(id ?? 0)).resolve(line);
  }

  #take(id: number): Awaited {
    const awaited = must(this.#awaited.get(id), 'an answer belongs to a request');
    this.#awaited.delete(id);
    clearTimeout(awaited.timer);
    return awaited;
  }
}

function flags(settings: PeerSettings): string[] {
  const values = {
    listen: settings.address,
    'node-id': settings.nodeId,
    generation: settings.generation,
    'cluster-id': settings.clusterId,
    'interval-ms': settings.intervalMs,
    'initial-interval-ms': settings.initialIntervalMs,
    'key-grace-ms': settings.keyGraceMs,
    'dead-grace-ms': settings.deadGraceMs,
    'protocol-version': settings.protocolVersion,
  };
  const seeds = settings.seeds.flatMap((seed) => ['--seed', seed.address]);
  const rest = Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return [...rest, ...seeds];
}
