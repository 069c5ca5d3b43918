// Two or more members that send each other snapshots over a line that a test can slow down, cut and
// listen to.

import { silentLog } from '../../../test/support/silent-log.ts';
import { CrashDisk } from '../../../test/support/wal-crash-disk.ts';
import { turn } from '../../../test/support/wal-scenario.ts';
import { must } from '../../base/assert.ts';
import { draftMessage, type Message, type Snapshot } from '../../core/raft/index.ts';
import type {
  IncomingRequest,
  IncomingStreamHandler,
  MemberId,
  OutgoingStream,
  OutgoingStreamHandler,
  Peers,
  RequestOutcome,
} from '../../engine/transport/index.ts';
import {
  entryOf,
  type OpenState,
  openState,
  payloadOf,
  votersOf,
  wordMachine,
} from '../state/state.support.ts';
import type { ReplicaState } from '../state/types.ts';
import { openSnapshots } from './snapshots.ts';
import type { SnapshotEvent, SnapshotLimits, Snapshots } from './types.ts';

export const SHARD = 7;

/** Chunks that may be on their way before a writer must wait. */
const WINDOW = 2;

/** Work that takes a turn per chunk sends nothing for as many turns. */
const IDLE_TURNS = 12;

/** Everything between members, in the order in which it was sent; nothing moves by itself. */
export class Line {
  readonly members = new Map<MemberId, Site>();
  #queue: (() => unknown)[] = [];
  readonly #streams = new Set<Pipe>();
  readonly #requests = new Set<(outcome: RequestOutcome) => void>();
  /** May change what passes. */
  onChunk: ((chunk: Uint8Array) => Uint8Array) | undefined;
  delivered = 0;

  post(deliver: () => unknown): void {
    this.#queue.push(deliver);
  }

  /** Delivers up to `most` things, and lets everything happen that needs no time. */
  async run(most = 100_000): Promise<void> {
    let idleTurns = 0;
    for (let left = most; left > 0 && idleTurns < IDLE_TURNS; ) {
      const next = this.#queue.shift();
      idleTurns = next === undefined ? idleTurns + 1 : 0;
      if (next !== undefined) {
        this.delivered += 1;
        left -= 1;
        void next();
      }
      await this.settle();
    }
  }

  async settle(): Promise<void> {
    for (const { open } of this.members.values()) await open.clock.pass(0);
    await turn();
  }

  async passMs(ms: number): Promise<void> {
    for (const { open } of this.members.values()) await open.clock.pass(ms);
    await this.run();
  }

  /** Every connection is lost, and what was under way with it. */
  async cut(): Promise<void> {
    this.#queue = [];
    for (const done of this.#requests) done({ kind: 'unknown', reason: 'connectionLost' });
    this.#requests.clear();
    for (const pipe of this.#streams) pipe.lose();
    this.#streams.clear();
    await this.settle();
  }

  peersOf(from: MemberId): Pick<Peers, 'request' | 'cancel' | 'openStream'> {
    return {
      request: (to, kind, body, _timeoutMs, done) => {
        this.#requests.add(done);
        this.post(() => this.#request(from, to, kind, body.slice(), done));
        return 1;
      },
      cancel: () => {},
      openStream: (to, _kind, header, handler) => {
        const pipe = new Pipe(this, from, to, header.slice(), handler);
        this.#streams.add(pipe);
        return pipe;
      },
    };
  }

  #request(
    from: MemberId,
    to: MemberId,
    kind: number,
    body: Uint8Array,
    done: (outcome: RequestOutcome) => void,
  ): void {
    const site = this.members.get(to);
    if (site === undefined) {
      this.#requests.delete(done);
      done({ kind: 'refused', reason: 'down' });
      return;
    }
    const answered = (answer: Uint8Array): void => {
      if (this.#requests.delete(done)) done({ kind: 'answered', body: answer });
    };
    const request: IncomingRequest = {
      from,
      kind,
      body,
      deadlineMs: 0,
      isAbandoned: false,
      respond: (answer) => this.post(() => answered(answer.slice())),
      refuse: () => {},
    };
    site.snapshots.onRequest(request);
  }
}

class Pipe implements OutgoingStream {
  readonly #line: Line;
  readonly #to: MemberId;
  readonly #handler: OutgoingStreamHandler;
  #incoming: IncomingStreamHandler | undefined;
  #onTheWay = 0;
  #isOver = false;

  constructor(
    line: Line,
    from: MemberId,
    to: MemberId,
    header: Uint8Array,
    handler: OutgoingStreamHandler,
  ) {
    this.#line = line;
    this.#to = to;
    this.#handler = handler;
    line.post(() => {
      this.#incoming = line.members.get(this.#to)?.snapshots.onStream(from, header);
      if (this.#incoming === undefined) this.#end(false);
    });
  }

  write(chunk: Uint8Array): boolean {
    this.#onTheWay += 1;
    this.#line.post(async () => {
      if (this.#isOver) return;
      const bytes = chunk.slice();
      await this.#incoming?.onChunk(this.#line.onChunk?.(bytes) ?? bytes);
      const wasFull = this.#onTheWay >= WINDOW;
      this.#onTheWay -= 1;
      if (wasFull && !this.#isOver) this.#handler.onDrain();
    });
    return this.#onTheWay < WINDOW;
  }

  finish(): void {
    this.#line.post(async () => {
      if (!this.#isOver) this.#end((await this.#incoming?.onFinish()) ?? false);
    });
  }

  abort(reason: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#line.post(() => this.#incoming?.onAbort(reason));
  }

  lose(): void {
    if (this.#isOver) return;
    this.#end(false);
    this.#incoming?.onAbort('the connection is lost');
  }

  #end(isAccepted: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#handler.onEnd(isAccepted ? { kind: 'accepted' } : { kind: 'failed', why: 'refused' });
  }
}

export interface SiteOptions {
  readonly limits?: Partial<SnapshotLimits>;
  readonly disk?: CrashDisk;
  readonly isBehind?: () => boolean;
  readonly isCramped?: () => boolean;
  readonly flush?: () => Promise<boolean>;
}

/** One member: a store with one shard, and its snapshots. */
export class Site {
  readonly member: MemberId;
  readonly open: OpenState;
  readonly data: ReplicaState;
  readonly snapshots: Snapshots;
  /** Messages that were stepped, as `term/index`. */
  readonly stepped: string[] = [];
  readonly done: boolean[] = [];
  /** [H96] */
  readonly events: SnapshotEvent['kind'][] = [];
  /** That its core is in. */
  term = 0;
  /** Heard of peers that refused a state. */
  readonly newerTerms: string[] = [];
  /** What the core says to a staged state. */
  restores = true;

  static async start(line: Line, member: MemberId, options: SiteOptions = {}): Promise<Site> {
    const open = await openState(options.disk ?? new CrashDisk(), {}, member);
    const site = new Site(line, member, open, options);
    line.members.set(member, site);
    return site;
  }

  private constructor(line: Line, member: MemberId, open: OpenState, options: SiteOptions) {
    this.member = member;
    this.open = open;
    const { states, clock, store } = open;
    const nobody = { index: 0, term: 0 };
    this.data =
      states.open(SHARD, wordMachine) ?? states.create(SHARD, wordMachine, nobody, votersOf());
    const parts = {
      member,
      clock,
      log: silentLog,
      events: { tell: ({ kind }: SnapshotEvent) => void this.events.push(kind) },
      peers: line.peersOf(member),
      store: {
        get isBehind() {
          return options.isBehind?.() ?? store.isBehind;
        },
        flush: () => options.flush?.() ?? store.flush(),
      },
      wal: {
        get isCramped() {
          return options.isCramped?.() ?? false;
        },
      },
      states,
      limits: options.limits ?? {},
    };
    this.snapshots = openSnapshots(parts, {
      runs: () => true,
      termOf: () => this.term,
      onNewerTerm: (_shard, peer, newer) => this.newerTerms.push(`${peer}: ${newer}`),
      onStaged: (_shard, { term, snapshot }: Message) => {
        this.stepped.push(`${term}/${must(snapshot, 'a snapshot message has one').index}`);
        return this.restores;
      },
    });
  }

  /** Applies commands of a line each. */
  apply(...lines: string[]): void {
    const first = this.data.applied().index + 1;
    const entries = lines.map((text, i) => entryOf(first + i, payloadOf(text)));
    this.data.apply(entries, undefined);
  }

  /** `count` values of `bytes` each: chunks to send. */
  fill(count: number, bytes: number): void {
    for (let i = 0; i < count; i++)
      this.apply(`100 write key${String(i).padStart(5, '0')} ${bytes}`);
  }

  /** A snapshot of the present index or beyond. */
  async prepare(minIndex = this.data.applied().index): Promise<Snapshot> {
    for (;;) {
      const found = this.snapshots.latest(SHARD, minIndex);
      if (found !== 'pending') return found;
      await turn();
    }
  }

  send(to: MemberId, snapshot: Snapshot, term = 1): void {
    const message = draftMessage('snapshot', this.member, to, term);
    message.snapshot = snapshot;
    this.snapshots.send(to, SHARD, message, (isSent) => this.done.push(isSent));
  }
}
