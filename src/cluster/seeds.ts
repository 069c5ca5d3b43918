// Seeds: the addresses a member tries when it knows nobody. An `ip:port` stays as it is; a
// `host:port` is looked up at start and again every minute, because names move (a container that
// restarts, a headless service that scales) while a member lives for months.

import { formatAddress, parseIp, parseSocketAddress, splitHostPort } from '../base/address.ts';
import type { Clock, Log, Net, Timer } from '../base/capabilities.ts';
import { ParleyError } from '../base/errors.ts';
import type { SocketAddress } from '../base/ids.ts';

export type Seed =
  | { readonly kind: 'address'; readonly address: SocketAddress }
  | { readonly kind: 'name'; readonly host: string; readonly port: number };

const REFRESH_MS = 60_000;

/** Undefined when `text` is neither `ip:port` nor `host:port`, or names port 0. */
export function parseSeed(text: string): Seed | undefined {
  const split = splitHostPort(text);
  if (split === undefined || split.port === 0) return undefined;
  const address = parseSocketAddress(text);
  if (address !== undefined) return { kind: 'address', address };
  if (!/^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/.test(split.host)) return undefined;
  // Only digits and dots: a mistyped address, which no name server should be asked about.
  if (/^[0-9.]+$/.test(split.host)) return undefined;
  return { kind: 'name', host: split.host, port: split.port };
}

export function describeSeed(seed: Seed): string {
  return seed.kind === 'address' ? seed.address : `${seed.host}:${seed.port}`;
}

export class Seeds {
  readonly #seeds: readonly Seed[];
  readonly #net: Net;
  readonly #clock: Clock;
  readonly #log: Log;
  /** Families the member's socket can send to; addresses of the other are of no use. */
  readonly #families: ReadonlySet<4 | 6>;
  /** Per name: what it stood for when it was last looked up with success. */
  readonly #resolved = new Map<Seed, readonly SocketAddress[]>();
  /** Per name: the failure already logged, so that an outage is one line and not one a minute. */
  readonly #failing = new Map<Seed, string>();
  #addresses: readonly SocketAddress[] = [];
  #timer: Timer | undefined;
  #stopped = false;

  constructor(
    seeds: readonly Seed[],
    families: ReadonlySet<4 | 6>,
    ports: { readonly net: Net; readonly clock: Clock; readonly log: Log },
  ) {
    this.#seeds = seeds;
    this.#families = families;
    this.#net = ports.net;
    this.#clock = ports.clock;
    this.#log = ports.log;
    this.#collect();
  }

  /** Sorted, without repeats. May hold the member's own address; gossip leaves that one out. */
  get addresses(): readonly SocketAddress[] {
    return this.#addresses;
  }

  /**
   * The first look-up of all names. Rejects with `E_UNRESOLVABLE` for the first that has no usable
   * address: at start that is a typing mistake far more often than an outage.
   */
  async resolveAll(): Promise<void> {
    const names = this.#seeds.filter((seed) => seed.kind === 'name');
    const found = await Promise.allSettled(names.map((seed) => this.#lookUp(seed)));
    for (const outcome of found) if (outcome.status === 'rejected') throw outcome.reason;
    this.#collect();
    if (names.length > 0) this.#scheduleRefresh();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #scheduleRefresh(): void {
    if (this.#stopped) return;
    this.#timer = this.#clock.setTimer(REFRESH_MS, () => {
      void this.#refresh();
    });
  }

  async #refresh(): Promise<void> {
    const before = this.#addresses.join(' ');
    for (const seed of this.#seeds) {
      if (seed.kind === 'address') continue;
      try {
        await this.#lookUp(seed);
        if (this.#failing.delete(seed)) {
          this.#log.info('seed resolves again', { seed: describeSeed(seed) });
        }
      } catch (error) {
        this.#noteFailure(seed, error instanceof Error ? error.message : String(error));
      }
    }
    if (this.#stopped) return;
    this.#collect();
    const after = this.#addresses.join(' ');
    if (after !== before) this.#log.info('seed addresses changed', { before, after });
    this.#scheduleRefresh();
  }

  /** The addresses found earlier stay in use: an old answer is better than none. */
  #noteFailure(seed: Seed, reason: string): void {
    if (this.#failing.get(seed) === reason) return;
    this.#failing.set(seed, reason);
    this.#log.warn('seed does not resolve', { seed: describeSeed(seed), reason });
  }

  async #lookUp(seed: Seed & { kind: 'name' }): Promise<void> {
    const ips = await this.#net.resolve(seed.host);
    const usable: SocketAddress[] = [];
    for (const ip of ips) {
      const octets = parseIp(ip);
      if (octets === undefined || !this.#families.has(octets.length === 4 ? 4 : 6)) continue;
      usable.push(formatAddress(octets, seed.port));
    }
    if (usable.length === 0) {
      const wanted = [...this.#families].map((family) => `IPv${family}`).join(' or ');
      throw new ParleyError(
        'E_UNRESOLVABLE',
        `seed ${describeSeed(seed)} has no ${wanted} address, the kind this member listens on.`,
        { advice: 'Give the seed as ip:port, or listen on the other family.', subject: 'seed' },
      );
    }
    this.#resolved.set(seed, usable);
  }

  #collect(): void {
    const all = new Set<SocketAddress>();
    for (const seed of this.#seeds) {
      if (seed.kind === 'address') all.add(seed.address);
      else for (const address of this.#resolved.get(seed) ?? []) all.add(address);
    }
    this.#addresses = [...all].toSorted();
  }
}
