// The one TCP port of a member. The door accepts connections, listens to their first bytes, and
// hands them to the side that speaks that protocol. It stands on the Net capability alone, so the
// simulator runs it as well.

import type { Capabilities, Stream, StreamHandler, Timer } from '../../base/capabilities.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import { lastWord, NO_ROOM, spokenIn } from './first-bytes.ts';

/** Takes a connection. The bytes by which it was told apart come as the first `onData`. */
export type StreamTaker = (stream: Stream) => StreamHandler;

/** Speaks HTTP, and has the words for those whom the door does not let in. */
export interface HttpTaker {
  readonly take: StreamTaker;
  /** For a client that finds all places taken; without it, that of the door. */
  readonly noRoom?: Uint8Array;
  /** For a connection that says nothing for too long. */
  readonly tooSlow: Uint8Array;
}

export interface DoorOptions {
  /** How long a connection may say nothing. */
  readonly silentMs?: number;
  readonly silentMax?: number;
  readonly httpMax?: number;
  readonly connectionsMax?: number;
}

export interface FrontDoor {
  readonly address: SocketAddress;
  /** Connections that are open now. */
  readonly open: number;
  /**
   * From now on connections that began with the magic of Parley's frames go there. Until then they
   * are closed, and members dial again.
   */
  serveFrames(take: StreamTaker): void;
  /** From now on connections that speak HTTP go there. Until then they are told to come later. */
  serveHttp(http: HttpTaker): void;
  /** Accepts no more; connections that are open live on. */
  refuseMore(): Promise<void>;
  /** Accepts no more. Then gives open connections `graceMs` to finish, and cuts the rest. */
  close(graceMs: number): Promise<void>;
}

/** As patient as the HTTP server is with headers. */
const SILENT_MS = 10_000;
/** For a last word to arrive before the connection is cut. */
const FAREWELL_MS = 1_000;

const NOTHING = new Uint8Array(0);

export async function openFrontDoor(
  capabilities: Pick<Capabilities, 'clock' | 'net'>,
  listen: SocketAddress,
  options: DoorOptions = {},
): Promise<FrontDoor> {
  const hall = new Hall(capabilities.clock, options);
  const listener = await capabilities.net.listenStreams(listen, (stream) => hall.enter(stream));
  return {
    address: listener.address,
    get open() {
      return hall.visitors.size;
    },
    serveFrames: (take) => {
      hall.frames = take;
    },
    serveHttp: (http) => {
      hall.http = http;
    },
    refuseMore: () => listener.close(),
    close: async (graceMs) => {
      await listener.close();
      await hall.empty(graceMs);
    },
  };
}

/** All that came in and did not leave. */
class Hall {
  readonly visitors = new Set<Visitor>();
  /** Have not said what they speak, the oldest first. */
  readonly silent = new Set<Visitor>();
  readonly speakHttp = new Set<Visitor>();
  readonly clock: Capabilities['clock'];
  readonly options: DoorOptions;
  frames: StreamTaker | undefined;
  http: HttpTaker | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(clock: Capabilities['clock'], options: DoorOptions) {
    this.clock = clock;
    this.options = options;
  }

  enter(stream: Stream): StreamHandler {
    if (this.visitors.size >= (this.options.connectionsMax ?? LIMITS.door.connectionsMax)) {
      stream.destroy();
      return GONE;
    }
    const visitor = new Visitor(stream, this);
    this.visitors.add(visitor);
    this.silent.add(visitor);
    this.#makeRoom();
    return visitor;
  }

  /**
   * [T1] A and B stand, C starts again. A stranger opens connections to A and says nothing: they
   * would have taken all places when C calls. C says at once what it speaks, so the oldest of those
   * that did not had its time.
   */
  #makeRoom(): void {
    if (this.silent.size <= (this.options.silentMax ?? LIMITS.door.silentMax)) return;
    for (const oldest of this.silent) {
      oldest.stream.destroy();
      this.silent.delete(oldest);
      return;
    }
  }

  get hasRoomForHttp(): boolean {
    return this.speakHttp.size < (this.options.httpMax ?? LIMITS.door.httpMax);
  }

  leave(visitor: Visitor): void {
    this.visitors.delete(visitor);
    this.silent.delete(visitor);
    this.speakHttp.delete(visitor);
    if (this.visitors.size === 0) this.#onEmpty?.();
  }

  /** Resolves when the last one has left; those that are still there after `graceMs` are cut. */
  async empty(graceMs: number): Promise<void> {
    if (this.visitors.size > 0) {
      await new Promise<void>((resolve) => {
        const deadline = this.clock.setTimer(graceMs, resolve);
        this.#onEmpty = () => {
          deadline.cancel();
          resolve();
        };
      });
    }
    for (const { stream } of this.visitors) stream.destroy();
  }
}

/** One connection: first the door listens to it, then the side that speaks its protocol. */
class Visitor implements StreamHandler {
  readonly stream: Stream;
  readonly #hall: Hall;
  #heard: Uint8Array = NOTHING;
  #next: StreamHandler | undefined;
  #impatience: Timer;

  constructor(stream: Stream, hall: Hall) {
    this.stream = stream;
    this.#hall = hall;
    const silentMs = hall.options.silentMs ?? SILENT_MS;
    this.#impatience = hall.clock.setTimer(silentMs, () => {
      const word = hall.http?.tooSlow;
      if (word === undefined) stream.destroy();
      else this.#dismiss(word);
    });
  }

  onData(bytes: Uint8Array): void {
    if (this.#next === undefined) this.#hear(bytes);
    else this.#next.onData(bytes);
  }

  onDrain(): void {
    this.#next?.onDrain();
  }

  onEnd(): void {
    if (this.#next === undefined) this.stream.destroy();
    else this.#next.onEnd();
  }

  onClose(reason: string | undefined): void {
    this.#impatience.cancel();
    this.#hall.leave(this);
    this.#next?.onClose(reason);
  }

  /** Hands the connection over as soon as it is clear what it speaks. */
  #hear(bytes: Uint8Array): void {
    const heard = this.#heard.length === 0 ? bytes : joined(this.#heard, bytes);
    const hall = this.#hall;
    const spoken = spokenIn(heard);
    if (spoken === undefined) {
      this.#heard = heard;
      return;
    }
    this.#heard = NOTHING;
    this.#impatience.cancel();
    hall.silent.delete(this);
    if (spoken === 'frames' && hall.frames !== undefined) this.#handOver(hall.frames, heard);
    else if (spoken !== 'http') this.#dismiss(lastWord(spoken));
    else if (hall.http === undefined) this.#dismiss(NO_ROOM);
    else if (hall.hasRoomForHttp) {
      hall.speakHttp.add(this);
      this.#handOver(hall.http.take, heard);
    } else this.#dismiss(hall.http.noRoom ?? NO_ROOM);
  }

  #handOver(take: StreamTaker, heard: Uint8Array): void {
    this.#next = take(this.stream);
    this.#next.onData(heard);
  }

  /** Says why and closes, once the other side has had time to read it. */
  #dismiss(word: Uint8Array): void {
    const { stream } = this;
    this.#hall.silent.delete(this);
    this.#next = { ...GONE, onEnd: () => stream.destroy() };
    stream.write(word);
    stream.end();
    this.#impatience = this.#hall.clock.setTimer(FAREWELL_MS, () => stream.destroy());
  }
}

const GONE: StreamHandler = {
  onData: () => {},
  onDrain: () => {},
  onEnd: () => {},
  onClose: () => {},
};

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
