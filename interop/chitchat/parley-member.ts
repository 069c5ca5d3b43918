// A Parley member as users run it: its own process, asked over HTTP.

import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { fileURLToPath } from 'node:url';
import { Child } from '../child.ts';
import { type Entries, type Peer, type PeerSettings } from './peer.ts';
import { until } from './until.ts';
import { type ClusterView, parseView } from './view.ts';

const PROGRAM = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const START_MS = 8_000;
const ANSWER_MS = 5_000;
const WRITES_AT_ONCE = 16;

export class ParleyMember implements Peer {
  readonly nodeId: string;
  readonly address: string;
  readonly #child: Child;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: WRITES_AT_ONCE });
  #id = '';
  #ended = false;

  private constructor(settings: PeerSettings) {
    this.nodeId = settings.nodeId;
    this.address = settings.address;
    this.#child = new Child(settings.nodeId, process.execPath, [PROGRAM, ...flags(settings)]);
    // What it prints for people is of no use here, but the pipe must be emptied.
    this.#child.stdout.resume();
  }

  static async start(settings: PeerSettings): Promise<ParleyMember> {
    const member = new ParleyMember(settings);
    await until(`${settings.nodeId} to answer over HTTP`, START_MS, () => member.#notYetUp());
    return member;
  }

  /** It chooses its generation itself, so the id is known only once it answers. */
  get id(): string {
    return this.#id;
  }

  async view(): Promise<ClusterView> {
    return parseView(await this.#get('/'));
  }

  async set(entries: Entries): Promise<void> {
    for (let at = 0; at < entries.length; at += WRITES_AT_ONCE) {
      const batch = entries.slice(at, at + WRITES_AT_ONCE);
      await Promise.all(batch.map(([key, value]) => this.#write('/set_kv', { key, value })));
    }
  }

  async delete(keys: readonly string[]): Promise<void> {
    for (const key of keys) await this.#write('/mark_for_deletion', { key });
  }

  freeze(): void {
    this.#child.signal('SIGSTOP');
  }

  thaw(): void {
    this.#child.signal('SIGCONT');
  }

  async kill(): Promise<void> {
    this.#ended = true;
    this.#agent.destroy();
    await this.#child.end('SIGKILL');
  }

  /** Stops it the polite way: it tells its peers. */
  async leave(): Promise<void> {
    this.#ended = true;
    this.#agent.destroy();
    await this.#child.end('SIGTERM');
    if (this.#child.ending !== 'exit code 0') {
      throw new Error(`${this.nodeId} left with ${this.#child.ending}\n${this.#child.lastWords()}`);
    }
  }

  faults(): readonly string[] {
    const faults = this.#child.errors.split('\n').filter(tellsOfAnError);
    if (!this.#ended && this.#child.ending !== undefined) {
      faults.push(`it ended by itself: ${this.#child.ending}\n${this.#child.lastWords()}`);
    }
    return faults.map((fault) => `${this.nodeId}: ${fault}`);
  }

  async #notYetUp(): Promise<string | undefined> {
    if (this.#child.ending !== undefined) {
      throw new Error(`it ended: ${this.#child.ending}\n${this.#child.lastWords()}`);
    }
    try {
      const { live } = await this.view();
      this.#id = live[0] ?? '';
      return this.#id === '' ? 'it does not count itself among the living' : undefined;
    } catch (error) {
      return String(error);
    }
  }

  async #write(path: string, parameters: Record<string, string>): Promise<void> {
    const query = Object.entries(parameters)
      .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
      .join('&');
    const answer = JSON.parse(await this.#get(`${path}?${query}`)) as { status?: unknown };
    if (answer.status !== true) throw new Error(`${path} answered ${JSON.stringify(answer)}`);
  }

  async #get(path: string): Promise<string> {
    const url = `http://${this.address}${path}`;
    const request = get(url, { agent: this.#agent, timeout: ANSWER_MS });
    request.once('timeout', () => {
      request.destroy(new Error(`${this.nodeId} did not answer GET ${path}`));
    });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const body = (await response.setEncoding('utf8').toArray()).join('');
    if (response.statusCode !== 200) {
      throw new Error(`${this.nodeId} answered GET ${path} with ${response.statusCode}: ${body}`);
    }
    return body;
  }
}

/** Log lines are JSON; anything else on stderr is a crash. */
function tellsOfAnError(line: string): boolean {
  if (line.trim() === '') return false;
  try {
    return (JSON.parse(line) as { level: string }).level === 'error';
  } catch {
    return true;
  }
}

function flags(settings: PeerSettings): string[] {
  const values = {
    listen_addr: settings.address,
    node_id: settings.nodeId,
    cluster_id: settings.clusterId,
    interval_ms: settings.intervalMs,
    initial_interval_ms: settings.initialIntervalMs,
    key_grace_ms: settings.keyGraceMs,
    dead_grace_ms: settings.deadGraceMs,
    protocol_version: settings.protocolVersion,
  };
  const seeds = settings.seeds.flatMap((seed) => ['--seed', seed.address]);
  const rest = Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return [...rest, ...seeds];
}
