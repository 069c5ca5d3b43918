// A client's connections to the members of a cluster, made when they are first needed and again
// after they broke.

import { assert } from '../../base/assert.ts';
import type { Clock, Net } from '../../base/capabilities.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import {
  connectClient,
  type MemberId,
  type PeerClient,
  type RequestOutcome,
} from '../../engine/transport/index.ts';
import type { Callees } from './shard-client.ts';

export interface ClientConnectionsOptions {
  readonly clock: Clock;
  readonly net: Net;
  readonly clusterId: string;
  readonly members: ReadonlyMap<MemberId, SocketAddress>;
}

type Done = (outcome: RequestOutcome) => void;

const DOWN: RequestOutcome = { kind: 'refused', reason: 'down' };
const FULL: RequestOutcome = { kind: 'refused', reason: 'full' };

export class ClientConnections implements Callees {
  readonly members: readonly MemberId[];
  readonly #clock: Clock;
  readonly #lines = new Map<MemberId, Line>();

  constructor(options: ClientConnectionsOptions) {
    this.#clock = options.clock;
    this.members = [...options.members.keys()];
    for (const [member, address] of options.members) {
      this.#lines.set(member, new Line(options, member, address));
    }
  }

  request(member: MemberId, kind: number, body: Uint8Array, timeoutMs: number, done: Done): void {
    const line = this.#lines.get(member);
    // A leader that this client was not told of: there is nobody to ask.
    if (line === undefined) this.#clock.afterTurn(() => done(DOWN));
    else line.request(kind, body, timeoutMs, done);
  }

  expect(member: MemberId): void {
    this.#lines.get(member)?.expect();
  }

  close(): void {
    for (const line of this.#lines.values()) line.close();
  }
}

interface Held {
  readonly kind: number;
  readonly body: Uint8Array;
  readonly untilMs: number;
  readonly done: Done;
}

class Line {
  readonly #options: ClientConnectionsOptions;
  readonly #member: MemberId;
  readonly #address: SocketAddress;
  #client: PeerClient | undefined;
  /** Asked for while the connection is made. */
  #held: Held[] = [];
  #isDialling = false;
  #isClosed = false;

  constructor(options: ClientConnectionsOptions, member: MemberId, address: SocketAddress) {
    this.#options = options;
    this.#member = member;
    this.#address = address;
  }

  request(kind: number, body: Uint8Array, timeoutMs: number, done: Done): void {
    const { clock } = this.#options;
    if (this.#isClosed) return clock.afterTurn(() => done(DOWN));
    if (this.#client?.isUp === true) {
      this.#client.request(kind, body, timeoutMs, done);
      return;
    }
    if (this.#held.length >= LIMITS.requests.waitingMax) return clock.afterTurn(() => done(FULL));
    const untilMs = clock.monotonicMs() + timeoutMs;
    this.#held.push({ kind, body: new Uint8Array(body), untilMs, done });
    if (!this.#isDialling) void this.#dial();
  }

  expect(): void {
    this.#client?.expect();
  }

  async #dial(): Promise<void> {
    assert(!this.#isDialling, 'a line is dialled once at a time');
    this.#isDialling = true;
    const { clock, net, clusterId } = this.#options;
    const identity = { clusterId, callee: this.#member };
    try {
      this.#client = await connectClient({ clock, net }, this.#address, identity);
    } catch {
      // The caller hears that the member is down, and asks another one.
      this.#client = undefined;
    }
    this.#isDialling = false;
    if (this.#isClosed) this.#client?.close();
    const held = this.#held;
    assert(held.length <= LIMITS.requests.waitingMax, '[Q10] what waits for a line is bounded');
    this.#held = [];
    const nowMs = clock.monotonicMs();
    for (const { kind, body, untilMs, done } of held) {
      const client = this.#isClosed ? undefined : this.#client;
      if (client === undefined || untilMs <= nowMs) done(DOWN);
      else client.request(kind, body, untilMs - nowMs, done);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#client?.close();
  }
}
