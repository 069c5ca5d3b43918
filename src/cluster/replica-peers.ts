// Who may talk to this member, and where what they say goes.

import { must } from '../base/assert.ts';
import type {
  Admission,
  Hello,
  HelloRefusal,
  IncomingRequest,
  IncomingStreamHandler,
  MemberId,
  PeersHandler,
} from '../engine/transport/index.ts';
import { REQUEST_KIND, STREAM_KIND } from '../replica/codec/index.ts';
import type { Host } from '../replica/host/index.ts';
import type { RequestServer } from '../replica/requests/index.ts';
import type { PeerMemory } from '../replica/state/index.ts';

interface Receivers {
  readonly host: Host;
  readonly requests: RequestServer;
}

/** What only members may ask each other. */
const OF_MEMBERS: ReadonlySet<number> = new Set([
  REQUEST_KIND.fetchEntries,
  REQUEST_KIND.offerSnapshot,
  REQUEST_KIND.compareSnapshot,
]);
const ADMITTED: Admission = { kind: 'admitted' };

export class ReplicaPeers implements PeersHandler {
  readonly #memory: Pick<PeerMemory, 'meet'>;
  readonly #members: Set<MemberId>;
  #receivers: Receivers | undefined;

  constructor(memory: Pick<PeerMemory, 'meet'>, members: readonly MemberId[]) {
    this.#memory = memory;
    this.#members = new Set(members);
  }

  /** Frames come only after this: nobody is admitted before the member listens. */
  connect(receivers: Receivers): void {
    this.#receivers = receivers;
  }

  add(member: MemberId): void {
    this.#members.add(member);
  }

  remove(member: MemberId): void {
    this.#members.delete(member);
  }

  async admit({ member, incarnation }: Hello): Promise<Admission> {
    if (member === 0) return ADMITTED;
    if (!this.#members.has(member)) return stranger(member);
    const met = await this.#memory.meet(member, incarnation);
    // It may have been removed while its first meeting was written down.
    if (!this.#members.has(member)) return stranger(member);
    if (met === 'known') return ADMITTED;
    if (met === 'failed') return refuse('overloaded', 'this member is about to stop');
    return refuse(
      'incarnation',
      `member ${member} has lost its disk, or got another one's: let it join under a new id`,
    );
  }

  onUp(member: MemberId): void {
    this.#to.host.onPeerUp(member);
  }

  onDown(member: MemberId): void {
    this.#to.host.onPeerDown(member);
  }

  onFrame(from: MemberId, kind: number, body: Uint8Array): void {
    // Clients ask; only members have something to tell.
    if (from !== 0) this.#to.host.onFrame(from, kind, body);
  }

  onRequest(request: IncomingRequest): void {
    const { host, requests } = this.#to;
    const { from, kind } = request;
    if (kind === REQUEST_KIND.propose) requests.propose(request);
    else if (kind === REQUEST_KIND.read) requests.read(request);
    else if (from !== 0 && OF_MEMBERS.has(kind)) host.onRequest(request);
    else request.refuse('noHandler');
  }

  onStream(from: MemberId, kind: number, header: Uint8Array): IncomingStreamHandler | undefined {
    if (from === 0 || kind !== STREAM_KIND.snapshot) return undefined;
    return this.#to.host.onStream(from, header);
  }

  get #to(): Receivers {
    return must(this.#receivers, 'a member listens once its replicas are there');
  }
}

function stranger(member: MemberId): Admission {
  return refuse('unknownMember', `member ${member} does not belong to this cluster`);
}

function refuse(reason: HelloRefusal, message: string): Admission {
  return { kind: 'refused', reason, message };
}
