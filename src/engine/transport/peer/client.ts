// A client's one connection to a member. It does not come back by itself: whoever uses it knows
// best which member to call next.

import type { Clock } from '../../../base/capabilities.ts';
import { ParleyError } from '../../../base/errors.ts';
import type { SocketAddress } from '../../../base/ids.ts';
import { LIMITS } from '../../../base/limits.ts';
import { Dialled, type DialOwner } from './dialled.ts';
import type { Refusal } from './hello.ts';
import { PEER_DEFAULTS, type PeerCapabilities, type PeerOptions } from './options.ts';
import { Requests } from './requests.ts';
import { TurnEnd } from './turn-end.ts';
import type { Admission, Hello, MemberId, PeerClient, RequestOutcome } from './types.ts';
import { Vigil } from './vigil.ts';

export interface ClientIdentity {
  /** '' takes whatever cluster answers. */
  readonly clusterId: string;
  /** 0 takes whatever member answers. */
  readonly callee: MemberId;
  readonly options?: Partial<PeerOptions>;
}

/** Rejects with `E_UNREACHABLE`, the member's reason in it if it refused. */
export async function connectClient(
  capabilities: Omit<PeerCapabilities, 'random' | 'log'>,
  address: SocketAddress,
  identity: ClientIdentity,
): Promise<PeerClient> {
  const client = new Client(capabilities, address, identity);
  await client.connected;
  return client;
}

class Client implements PeerClient, DialOwner {
  readonly connected: Promise<void>;
  readonly #clock: Clock;
  readonly #options: PeerOptions;
  readonly #requests: Requests;
  readonly #turnEnd: TurnEnd;
  readonly #connection: Dialled;
  readonly #resolve: () => void;
  readonly #reject: (error: ParleyError) => void;
  readonly #address: SocketAddress;
  readonly #vigil: Vigil;

  constructor(
    { clock, net }: Omit<PeerCapabilities, 'random' | 'log'>,
    address: SocketAddress,
    { clusterId, callee, options }: ClientIdentity,
  ) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.connected = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#clock = clock;
    this.#address = address;
    this.#options = { ...PEER_DEFAULTS, ...options };
    const { ordinaryBytesMax, dialTimeoutMs, requestsMax } = this.#options;
    const turnEnd = new TurnEnd(clock);
    this.#turnEnd = turnEnd;
    this.#requests = new Requests(clock, turnEnd, requestsMax);
    const hello: Hello = { clusterId, member: 0, incarnation: 0n, callee, features: 0 };
    const wireParts = { clock, turnEnd, ordinaryBytesMax };
    const parts = { net, wireParts, requests: this.#requests, hello, dialTimeoutMs };
    this.#connection = new Dialled(parts, this, address);
    this.#vigil = new Vigil(this.#options, clock.monotonicMs());
    clock.setTimer(this.#options.pingMs, this.#tick);
  }

  get isUp(): boolean {
    return this.#connection.wire.isOpen;
  }

  request(
    kind: number,
    body: Uint8Array,
    timeoutMs: number,
    done: (outcome: RequestOutcome) => void,
  ): number {
    if (body.length + 4 > LIMITS.peer.frameBytesMax) {
      throw new ParleyError('E_TOO_LARGE', `A request of ${body.length} bytes is too large.`);
    }
    const { wire } = this.#connection;
    return this.#requests.ask(wire.isOpen ? wire : undefined, kind, body, timeoutMs, done);
  }

  cancel(request: number): void {
    this.#requests.cancel(request);
  }

  expect(): void {
    this.#turnEnd.expect();
  }

  close(): void {
    this.#connection.wire.bid(new Uint8Array(0), 'closed by this side');
  }

  admit(): Admission {
    return { kind: 'admitted' };
  }

  onUp(): void {
    this.#resolve();
  }

  onStreamFrame(): boolean {
    return false;
  }

  onBulkRoom(): void {
    // A client has requests only.
  }

  onGone(reason: string, refusal: Refusal | undefined): void {
    this.#requests.close();
    const why = refusal === undefined ? reason : refusal.message;
    const message = `Cannot talk to the member at ${this.#address}: ${why}`;
    this.#reject(new ParleyError('E_UNREACHABLE', message));
  }

  readonly #tick = (): void => {
    const { wire } = this.#connection;
    if (wire.isClosed) return;
    const nowMs = this.#clock.monotonicMs();
    this.#clock.setTimer(this.#options.pingMs, this.#tick);
    this.#vigil.tick(nowMs);
    this.#vigil.watch(wire, nowMs, true);
  };
}
