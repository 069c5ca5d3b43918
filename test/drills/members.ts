// Three members, or one, as real processes that are killed, stopped and started again on the same
// data and at the same addresses.

import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { must } from '../../src/base/assert.ts';
import type { SocketAddress } from '../../src/base/ids.ts';
import type { MemberId } from '../../src/engine/transport/index.ts';
import { LineProcess, type LineProcessOptions, type ProcessEnd } from './line-process.ts';

const PROGRAM = fileURLToPath(new URL('../../bench/engine/member.ts', import.meta.url));
const PORTS = { first: 20_000, count: 10_000 };

export class Members {
  readonly addresses: ReadonlyMap<MemberId, SocketAddress>;
  readonly #directories: readonly string[];
  readonly #flags: readonly string[];
  readonly #processes = new Map<MemberId, LineProcess>();

  private constructor(
    addresses: ReadonlyMap<MemberId, SocketAddress>,
    directories: readonly string[],
    flags: readonly string[],
  ) {
    this.addresses = addresses;
    this.#directories = directories;
    this.#flags = flags;
  }

  /** One member for each directory, numbered from 1. None is started yet. */
  static async at(directories: readonly string[], ...flags: readonly string[]): Promise<Members> {
    const ports = await freePorts(directories.length);
    const addresses = new Map<MemberId, SocketAddress>();
    for (const [i, port] of ports.entries()) {
      addresses.set(i + 1, `127.0.0.1:${port}` as SocketAddress);
    }
    return new Members(addresses, directories, flags);
  }

  get ids(): readonly MemberId[] {
    return [...this.addresses.keys()];
  }

  directory(member: MemberId): string {
    return must(this.#directories[member - 1], 'each member has a directory');
  }

  /** Resolves once it listens; what it says when it ends instead. */
  async start(member: MemberId, options: LineProcessOptions = {}): Promise<string | undefined> {
    const peers = this.ids.map((id) => `${id}=${this.#address(id)}`).join(',');
    const directory = this.directory(member);
    const own = ['--member', String(member), '--listen', this.#address(member)];
    const flags = [...own, '--peers', peers, '--data', directory, ...this.#flags];
    const process = new LineProcess(PROGRAM, flags, options);
    this.#processes.set(member, process);
    const line = await process.line(() => true);
    return line === undefined ? `member ${member} ended: ${process.stderr.trim()}` : undefined;
  }

  /** What those say that end instead. */
  async startAll(
    members: readonly MemberId[] = this.ids,
    options: LineProcessOptions = {},
  ): Promise<string[]> {
    const said = await Promise.all(members.map((member) => this.start(member, options)));
    return said.filter((problem) => problem !== undefined);
  }

  /** The last that it wrote to stderr. */
  stderr(member: MemberId): string {
    return this.#processes.get(member)?.stderr.trim() ?? '';
  }

  pid(member: MemberId): number {
    return must(this.#processes.get(member), 'it was started').pid;
  }

  isRunning(member: MemberId): boolean {
    return this.#processes.get(member)?.hasEnded === false;
  }

  signal(member: MemberId, signal: NodeJS.Signals): void {
    this.#processes.get(member)?.signal(signal);
  }

  async kill(member: MemberId): Promise<void> {
    await this.#processes.get(member)?.kill();
  }

  async killAll(): Promise<void> {
    await Promise.all(this.ids.map((member) => this.kill(member)));
  }

  /** Resolves when it has ended by itself or otherwise. */
  ended(member: MemberId): Promise<ProcessEnd> {
    return must(this.#processes.get(member), 'it was started').ended;
  }

  #address(member: MemberId): SocketAddress {
    return must(this.addresses.get(member), 'a member has an address');
  }
}

/**
 * Ports below those that the system gives to outgoing connections. From among those it could give a
 * killed member's port away, even to one who dials that very port and so reaches himself.
 */
export async function freePorts(count: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count);
    if (!found.includes(port) && (await isFree(port))) found.push(port);
  }
  return found;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
