// Datagrams between simulated machines: they get lost, come twice, come late, or go nowhere.

import { assert } from '../src/base/assert.ts';
import type {
  DatagramCounters,
  DatagramHandler,
  DatagramSocket,
} from '../src/base/capabilities.ts';
import type { SocketAddress } from '../src/base/ids.ts';
import { LIMITS } from '../src/base/limits.ts';
import { BufferPool } from './buffer-pool.ts';
import type { FaultCounters } from './faults.ts';
import type { Links } from './links.ts';
import { LABEL, type Process, type Scheduler, SimEvent } from './scheduler.ts';
import { fingerprintOf } from './trace.ts';

export interface PostPorts {
  readonly scheduler: Scheduler;
  readonly links: Links;
  readonly faults: FaultCounters;
  /** The number of the machine that has an address, or -1. */
  readonly machineOf: (address: SocketAddress) => number;
}

export interface DatagramTraffic {
  /** Handed to the network by members. */
  sent: number;
  sentBytes: number;
  delivered: number;
  deliveredBytes: number;
  /** Arrived where nobody listens. */
  unclaimed: number;
}

/** What a datagram begins with once its handler returned: a handler that kept it will notice. */
const STALE_BYTE = 0xdd;
const STALE_BYTES = 256;

export class DatagramPost {
  readonly traffic: DatagramTraffic = {
    sent: 0,
    sentBytes: 0,
    delivered: 0,
    deliveredBytes: 0,
    unclaimed: 0,
  };
  readonly #ports: PostPorts;
  readonly #bound = new Map<SocketAddress, SimDatagramSocket>();
  readonly #pool = new BufferPool();

  constructor(ports: PostPorts) {
    this.#ports = ports;
  }

  isBound(address: SocketAddress): boolean {
    return this.#bound.has(address);
  }

  open(process: Process, address: SocketAddress, handler: DatagramHandler): DatagramSocket {
    assert(!this.isBound(address), 'the caller checks that the address is free');
    const socket = new SimDatagramSocket(process, address, handler, this);
    this.#bound.set(address, socket);
    return socket;
  }

  release(socket: SimDatagramSocket): void {
    if (this.#bound.get(socket.address) === socket) this.#bound.delete(socket.address);
  }

  dropProcess(process: Process): void {
    for (const socket of this.#bound.values()) {
      if (socket.process === process) this.release(socket);
    }
  }

  /** Takes a copy of a datagram on its way. */
  transmit(socket: SimDatagramSocket, bytes: Uint8Array, to: SocketAddress): void {
    const { links, faults, machineOf } = this.#ports;
    this.traffic.sent += 1;
    this.traffic.sentBytes += bytes.length;
    const toMachine = machineOf(to);
    if (toMachine < 0) {
      this.traffic.unclaimed += 1;
      return;
    }
    const fromMachine = socket.process.index;
    if (links.isCut(fromMachine, toMachine)) {
      faults.datagramCut += 1;
      return;
    }
    const rules = links.rules(fromMachine, toMachine);
    if (links.happens(rules.lossRate)) {
      faults.datagramLost += 1;
      return;
    }
    const copies = links.happens(rules.duplicateRate) ? 2 : 1;
    faults.datagramDuplicated += copies - 1;
    for (let i = 0; i < copies; i++) {
      let delayMs = links.delayMs(rules);
      if (links.happens(rules.lateRate)) {
        delayMs += rules.lateMs;
        faults.datagramLate += 1;
      }
      const copy = this.#pool.copyOf(bytes).subarray(0, bytes.length);
      const delivery = new Delivery(this, copy, socket.address, to);
      this.#ports.scheduler.schedule(delivery, delayMs);
    }
  }

  /** A datagram that says it comes from there, whoever sent it. */
  deliverForged(bytes: Uint8Array, from: SocketAddress, to: SocketAddress): void {
    const copy = this.#pool.copyOf(bytes).subarray(0, bytes.length);
    this.#ports.scheduler.schedule(new Delivery(this, copy, from, to), 0);
  }

  /** Hands a datagram to whoever has the address by now. */
  arrive(delivery: Delivery): void {
    const socket = this.#bound.get(delivery.to);
    if (socket === undefined) {
      this.traffic.unclaimed += 1;
      return;
    }
    if (socket.process.paused) {
      this.#ports.scheduler.defer(delivery, socket.process);
      return;
    }
    this.traffic.delivered += 1;
    this.traffic.deliveredBytes += delivery.bytes.length;
    socket.counters.received += 1;
    socket.handler.onDatagram(delivery.bytes, delivery.from);
    delivery.bytes.fill(STALE_BYTE, 0, STALE_BYTES);
    this.#pool.giveBack(new Uint8Array(delivery.bytes.buffer));
  }
}

class Delivery extends SimEvent {
  readonly #post: DatagramPost;
  readonly bytes: Uint8Array;
  readonly from: SocketAddress;
  readonly to: SocketAddress;

  constructor(post: DatagramPost, bytes: Uint8Array, from: SocketAddress, to: SocketAddress) {
    super(LABEL.datagram, undefined, fingerprintOf(bytes));
    this.#post = post;
    this.bytes = bytes;
    this.from = from;
    this.to = to;
  }

  fire(): void {
    this.#post.arrive(this);
  }
}

class SimDatagramSocket implements DatagramSocket {
  readonly counters: DatagramCounters = { sent: 0, received: 0, lost: 0, reopened: 0 };
  readonly process: Process;
  readonly address: SocketAddress;
  readonly handler: DatagramHandler;
  readonly #post: DatagramPost;
  #closed = false;

  constructor(
    process: Process,
    address: SocketAddress,
    handler: DatagramHandler,
    post: DatagramPost,
  ) {
    this.process = process;
    this.address = address;
    this.handler = handler;
    this.#post = post;
  }

  send(bytes: Uint8Array, to: SocketAddress): void {
    if (this.#closed || !this.process.alive) return;
    if (bytes.length > LIMITS.gossip.datagramBytesMax) {
      this.counters.lost += 1;
      this.handler.onTrouble('EMSGSIZE', to);
      return;
    }
    this.counters.sent += 1;
    this.#post.transmit(this, bytes, to);
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#post.release(this);
    return Promise.resolve();
  }
}
