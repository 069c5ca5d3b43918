// Tells what passes between members: a network that reads along.

import { ByteReader } from '../../../base/bytes.ts';
import type { Net, Stream } from '../../../base/capabilities.ts';
import { CHUNK_ENDS, FRAME, FrameReader, REFUSAL } from './frame.ts';
import { decodeGreeting, type Greeting, GreetingReader } from './hello.ts';

const NAMES = new Map<number, string>(Object.entries(FRAME).map(([name, type]) => [type, name]));
/** An idle line is full of them. */
const SILENT = new Set<number>([FRAME.ping, FRAME.pong]);

export interface Told {
  /** Name of a machine, by its address without the port. */
  readonly nameOf: (address: string) => string;
  readonly tell: (line: string) => void;
}

export function narratedNet(net: Net, told: Told): Net {
  return {
    openDatagrams: (listen, handler) => net.openDatagrams(listen, handler),
    resolve: (hostname) => net.resolve(hostname),
    listenStreams: (listen, onStream) =>
      net.listenStreams(listen, (stream) => onStream(narrated(stream, told))),
    connectStream: async (to, handler, timeoutMs) =>
      narrated(await net.connectStream(to, handler, timeoutMs), told),
  };
}

function narrated(stream: Stream, { nameOf, tell }: Told): Stream {
  const way = `${nameOf(stream.local)}->${nameOf(stream.remote)}`;
  const reader = new Reading((what) => tell(`${way} ${what}`));
  return {
    local: stream.local,
    remote: stream.remote,
    write: (bytes) => {
      reader.read(bytes);
      return stream.write(bytes);
    },
    end: () => {
      tell(`${way} (end)`);
      stream.end();
    },
    destroy: () => {
      tell(`${way} (cut)`);
      stream.destroy();
    },
    pause: () => stream.pause(),
    resume: () => stream.resume(),
  };
}

class Reading {
  readonly #tell: (what: string) => void;
  readonly #frames = new FrameReader();
  #greeting: GreetingReader | undefined = new GreetingReader();

  constructor(tell: (what: string) => void) {
    this.#tell = tell;
  }

  read(bytes: Uint8Array): void {
    if (this.#greeting === undefined) {
      this.#frames.push(bytes, this);
      return;
    }
    const read = this.#greeting.push(bytes);
    if (read.kind !== 'read') return;
    this.#greeting = undefined;
    this.#tell(describeGreeting(read.greeting));
    this.read(read.rest);
  }

  onWireFrame(
    type: number,
    kind: number,
    id: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    if (SILENT.has(type)) return true;
    const body = bytes.subarray(start, end);
    const words = [NAMES.get(type) ?? `type ${type}`, ...describe(type, kind, id, body)];
    this.#tell(words.join(' '));
    return true;
  }
}

function describeGreeting(greeting: Greeting): string {
  if (greeting.kind === 'refused') return `refused ${greeting.reason}: ${greeting.message}`;
  const { clusterId, member, callee, incarnation } = greeting.hello;
  const called = callee === 0 ? '' : ` callee=${callee}`;
  return `hello cluster=${clusterId} member=${member} incarnation=${incarnation}${called}`;
}

function describe(type: number, kind: number, id: number, body: Uint8Array): string[] {
  const text = body.length > 40 ? `(${body.length} bytes)` : Buffer.from(body).toString();
  switch (type) {
    case FRAME.message:
      return [`kind=${kind}`, text];
    case FRAME.request: {
      const left = new ByteReader(body).u32le();
      return [`${id} kind=${kind} left=${left}`, Buffer.from(body.subarray(4)).toString()];
    }
    case FRAME.refusal:
      return [`${id}`, kind === REFUSAL.full ? 'full' : 'noHandler'];
    case FRAME.goodbye: {
      const read = decodeGreeting(body);
      return read.kind === 'read' ? [describeGreeting(read.greeting)] : [];
    }
    case FRAME.streamOpen:
      return [`${id} kind=${kind}`, text];
    case FRAME.streamChunk:
      return [`${id} ${body.length} bytes`, ...(kind === CHUNK_ENDS ? ['end of chunk'] : [])];
    case FRAME.streamCredit:
      return [`${id} ${new ByteReader(body).u32le()}`];
    default:
      return [`${id}`, text].filter((word) => word !== '');
  }
}
