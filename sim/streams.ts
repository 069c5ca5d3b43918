// Streams between simulated machines: who listens, and how a connection comes about.
//
// A stream loses nothing and keeps its order, as TCP does. What TCP suffers shows as delay: a lost
// segment comes a retransmission later, a cut link holds everything back until it mends or the
// sender gives up.

import type { Stream, StreamHandler, StreamListener } from '../src/base/capabilities.ts';
import { ParleyError } from '../src/base/errors.ts';
import type { SocketAddress } from '../src/base/ids.ts';
import type { PostPorts } from './datagrams.ts';
import { Action, type Process } from './scheduler.ts';
import { linkPair, StreamEnd } from './stream-end.ts';

/** The first retransmission of an unanswered connection request. */
const CONNECT_AGAIN_MS = 1_000;

interface Listener {
  readonly process: Process;
  readonly onStream: (stream: Stream) => StreamHandler;
}

export interface ConnectRequest {
  readonly process: Process;
  readonly local: SocketAddress;
  readonly to: SocketAddress;
  readonly handler: StreamHandler;
  readonly timeoutMs: number;
}

/** A connection being made: settles once, by the answer or by the clock. */
interface Attempt extends ConnectRequest {
  settled: boolean;
  readonly resolve: (stream: Stream) => void;
  readonly reject: (error: ParleyError) => void;
}

export class StreamPost {
  readonly #ports: PostPorts;
  readonly #listeners = new Map<SocketAddress, Listener>();
  readonly #ends = new Set<StreamEnd>();

  constructor(ports: PostPorts) {
    this.#ports = ports;
  }

  isBound(address: SocketAddress): boolean {
    return this.#listeners.has(address);
  }

  listen(
    process: Process,
    address: SocketAddress,
    onStream: (stream: Stream) => StreamHandler,
  ): StreamListener {
    const listener = { process, onStream };
    this.#listeners.set(address, listener);
    return {
      address,
      close: () => {
        if (this.#listeners.get(address) === listener) this.#listeners.delete(address);
        return Promise.resolve();
      },
    };
  }

  connect(request: ConnectRequest): Promise<Stream> {
    return new Promise((resolve, reject) => {
      const attempt: Attempt = { ...request, settled: false, resolve, reject };
      this.#after(request.process, request.timeoutMs, () =>
        this.#fail(attempt, 'no answer in time'),
      );
      this.#request(attempt);
    });
  }

  releaseHeld(): void {
    for (const end of this.#ends) end.releaseHeld();
  }

  /** Breaks all streams between two machines, as a router does that forgets them. */
  reset(a: number, b: number): number {
    let count = 0;
    for (const end of this.#ends) {
      if (end.process.index !== a || end.peerIndex !== b) continue;
      end.reset();
      count += 1;
    }
    return count;
  }

  /** `silently`: the machine lost its power, nobody is left to say so. */
  dropProcess(process: Process, silently: boolean): void {
    for (const [address, listener] of this.#listeners) {
      if (listener.process === process) this.#listeners.delete(address);
    }
    for (const end of this.#ends) {
      if (end.process === process) end.abandon(silently);
    }
  }

  #request(attempt: Attempt): void {
    if (attempt.settled) return;
    const { links } = this.#ports;
    const from = attempt.process.index;
    const to = this.#ports.machineOf(attempt.to);
    const rules = to < 0 ? undefined : links.rules(from, to);
    if (rules === undefined || links.isCut(from, to) || links.happens(rules.lossRate)) {
      this.#after(attempt.process, CONNECT_AGAIN_MS, () => this.#request(attempt));
      return;
    }
    this.#after(undefined, links.delayMs(rules), () => this.#answer(attempt));
  }

  /** The request has arrived: the machine there accepts it for its listener, or refuses. */
  #answer(attempt: Attempt): void {
    const { links } = this.#ports;
    const listener = this.#listeners.get(attempt.to);
    const from = attempt.process.index;
    const to = this.#ports.machineOf(attempt.to);
    // An answer that cannot travel is as good as none: the caller's deadline decides.
    if (attempt.settled || !attempt.process.alive || links.isCut(to, from)) return;
    const delayMs = links.delayMs(links.rules(to, from));
    if (listener === undefined) {
      this.#after(attempt.process, delayMs, () => this.#fail(attempt, 'nobody listens there'));
      return;
    }
    const near = new StreamEnd(attempt.process, attempt.local, this.#ports, this.#ends);
    const far = new StreamEnd(listener.process, attempt.to, this.#ports, this.#ends);
    linkPair(near, far);
    this.#after(listener.process, 0, () => far.start(listener.onStream(far)));
    far.notBefore(delayMs);
    this.#after(attempt.process, delayMs, () => {
      if (attempt.settled) {
        near.destroy();
        return;
      }
      attempt.settled = true;
      near.start(attempt.handler);
      attempt.resolve(near);
    });
  }

  #fail(attempt: Attempt, reason: string): void {
    if (attempt.settled) return;
    attempt.settled = true;
    const message = `Cannot connect to ${attempt.to}: ${reason}.`;
    attempt.reject(new ParleyError('E_UNREACHABLE', message));
  }

  #after(owner: Process | undefined, delayMs: number, work: () => void): void {
    this.#ports.scheduler.schedule(new Action(owner, work), delayMs);
  }
}
