// One etcd of this machine, in a temporary directory, on free loopback ports.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from '../child.ts';
import { until } from '../chitchat/until.ts';
import { freeAddress } from '../ports.ts';

const START_MS = 20_000;

/** Undefined where there is none. */
export function etcdVersion(): string | undefined {
  try {
    return /etcd Version: (\S+)/.exec(
      execFileSync('etcd', ['--version'], { encoding: 'utf8' }),
    )?.[1];
  } catch {
    return undefined;
  }
}

export class EtcdServer {
  readonly url: string;
  readonly #child: Child;
  readonly #directory: string;

  private constructor(url: string, child: Child, directory: string) {
    this.url = url;
    this.#child = child;
    this.#directory = directory;
  }

  static async start(): Promise<EtcdServer> {
    const directory = mkdtempSync(join(tmpdir(), 'parley-etcd-'));
    const url = `http://${await freeAddress()}`;
    const peerUrl = `http://${await freeAddress()}`;
    // Nothing is to outlive it, so that nothing needs to be synced.
    const flags = {
      name: 'one',
      'data-dir': join(directory, 'data'),
      'listen-client-urls': url,
      'advertise-client-urls': url,
      'listen-peer-urls': peerUrl,
      'initial-advertise-peer-urls': peerUrl,
      'initial-cluster': `one=${peerUrl}`,
      'log-level': 'error',
    };
    const words = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
    const child = new Child('etcd', 'etcd', ['--unsafe-no-fsync', ...words]);
    const server = new EtcdServer(url, child, directory);
    try {
      await until('etcd answers', START_MS, () => server.#lacks());
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  async #lacks(): Promise<string | undefined> {
    if (this.#child.ending !== undefined) {
      throw new Error(`etcd ended with ${this.#child.ending}\n${this.#child.lastWords()}`);
    }
    try {
      const answer = await fetch(`${this.url}/health`);
      return answer.ok ? undefined : `it answers ${answer.status}`;
    } catch (error) {
      return String(error);
    }
  }

  async close(): Promise<void> {
    await this.#child.end('SIGKILL');
    rmSync(this.#directory, { recursive: true });
  }
}
