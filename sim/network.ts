// The simulated network: names, addresses, and what passes between them. Only bytes cross it. A
// machine has one address, 10.a.b.c, counted from 10.0.0.1, and the ports of its own.

import { formatAddress, parseAddress, parseIp } from '../src/base/address.ts';
import { assert, must } from '../src/base/assert.ts';
import type {
  DatagramHandler,
  DatagramSocket,
  Net,
  Stream,
  StreamHandler,
  StreamListener,
} from '../src/base/capabilities.ts';
import { ParleyError } from '../src/base/errors.ts';
import type { SocketAddress } from '../src/base/ids.ts';
import type { Prng } from '../src/base/prng.ts';
import { DatagramPost } from './datagrams.ts';
import type { FaultCounters } from './faults.ts';
import { Links } from './links.ts';
import { completeLater, type Process, type Scheduler } from './scheduler.ts';
import { StreamPost } from './streams.ts';

const EPHEMERAL_PORT_MIN = 49_152;
/** Binding and looking up take a moment, as everything asynchronous does. */
const LOCAL_CALL_MS = 0.02;

export class SimNetwork {
  readonly links: Links;
  readonly datagrams: DatagramPost;
  readonly streams: StreamPost;
  readonly #scheduler: Scheduler;
  /** Machine numbers by IP address. */
  readonly #machines = new Map<string, number>();
  readonly #names = new Map<string, readonly string[]>();
  #nextPort = EPHEMERAL_PORT_MIN;

  constructor(scheduler: Scheduler, random: Prng, faults: FaultCounters) {
    this.#scheduler = scheduler;
    this.links = new Links(random);
    const ports = { scheduler, links: this.links, faults, machineOf: this.machineOf };
    this.datagrams = new DatagramPost(ports);
    this.streams = new StreamPost(ports);
    this.links.onMended = () => this.streams.releaseHeld();
  }

  /** The IP address of machine `index`. */
  addMachine(name: string, index: number): string {
    const number = index + 1;
    const ip = `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
    this.#machines.set(ip, index);
    this.#names.set(name, [ip]);
    return ip;
  }

  /** What `resolve` answers; an empty list makes the name unknown. */
  setName(name: string, ips: readonly string[]): void {
    this.#names.set(name, ips);
  }

  /** The number of the machine that has the address, or -1. */
  readonly machineOf = (address: SocketAddress): number =>
    this.#machines.get(address.slice(0, address.lastIndexOf(':'))) ?? -1;

  /** Separates the groups from each other, both ways. Machines in no group keep all their links. */
  partition(...groups: readonly (readonly number[])[]): void {
    for (const group of groups) {
      for (const other of groups) {
        if (group === other) continue;
        for (const from of group) for (const to of other) this.links.cut(from, to);
      }
    }
  }

  /** The process is gone: its ports are free, its streams are cut. */
  dropProcess(process: Process, silently: boolean): void {
    this.datagrams.dropProcess(process);
    this.streams.dropProcess(process, silently);
  }

  /** The network as one process on the machine `ip` sees it. */
  netOf(process: Process, ip: string): Net {
    const later = <Result>(work: () => Result): Promise<Result> =>
      completeLater(this.#scheduler, process, LOCAL_CALL_MS, work);
    return {
      openDatagrams: (listen: SocketAddress, handler: DatagramHandler): Promise<DatagramSocket> =>
        later(() => {
          const free = (address: SocketAddress): boolean => !this.datagrams.isBound(address);
          const address = this.#bind(listen, ip, 'UDP', free);
          return this.datagrams.open(process, address, handler);
        }),
      listenStreams: (
        listen: SocketAddress,
        onStream: (stream: Stream) => StreamHandler,
      ): Promise<StreamListener> =>
        later(() => {
          const free = (address: SocketAddress): boolean => !this.streams.isBound(address);
          const address = this.#bind(listen, ip, 'TCP', free);
          return this.streams.listen(process, address, onStream);
        }),
      connectStream: (to: SocketAddress, handler: StreamHandler, timeoutMs: number) => {
        const local = formatAddress(must(parseIp(ip), 'machines have IPs'), this.#ephemeralPort());
        return this.streams.connect({ process, local, to, handler, timeoutMs });
      },
      resolve: (hostname: string) => later(() => this.#resolve(hostname)),
    };
  }

  #bind(
    listen: SocketAddress,
    ip: string,
    protocol: 'UDP' | 'TCP',
    isFree: (address: SocketAddress) => boolean,
  ): SocketAddress {
    const parsed = must(parseAddress(listen), `a SocketAddress parses: ${listen}`);
    const own = must(parseIp(ip), 'machines have IPs');
    const wanted = formatAddress(parsed.octets, 0);
    const anywhere = parsed.octets.every((octet) => octet === 0);
    if (!anywhere && wanted !== formatAddress(own, 0)) {
      throw new ParleyError(
        'E_ADDRESS_UNUSABLE',
        `Cannot listen on ${protocol} ${listen}: this machine does not have that address.`,
      );
    }
    const address = formatAddress(own, parsed.port === 0 ? this.#ephemeralPort() : parsed.port);
    if (isFree(address)) return address;
    throw new ParleyError('E_ADDRESS_IN_USE', `Another process has ${protocol} ${address}.`);
  }

  #ephemeralPort(): number {
    const port = this.#nextPort++;
    assert(port <= 0xffff || this.#nextPort > 0xffff, 'ports are counted up');
    if (this.#nextPort > 0xffff) this.#nextPort = EPHEMERAL_PORT_MIN;
    return port;
  }

  #resolve(hostname: string): readonly string[] {
    if (parseIp(hostname) !== undefined) return [hostname];
    const found = this.#names.get(hostname) ?? [];
    if (found.length > 0) return found;
    throw new ParleyError(
      'E_UNRESOLVABLE',
      `Cannot find the address of ${hostname}: the name is not known.`,
    );
  }
}
