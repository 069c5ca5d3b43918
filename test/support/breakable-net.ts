// A network whose streams can be reset and held up from outside.

import type { Net, Stream, StreamHandler } from '../../src/base/capabilities.ts';

export class BreakableNet implements Net {
  /** All streams that were opened through it, closed ones too. */
  readonly streams: Stream[] = [];
  /** No new stream comes about while this is set. */
  refuses = false;
  /** What is written vanishes, as on a line that was cut somewhere. */
  swallows = false;
  writes = 0;
  bytesWritten = 0;
  readonly #net: Net;

  constructor(net: Net) {
    this.#net = net;
  }

  readonly openDatagrams: Net['openDatagrams'] = (listen, handler) =>
    this.#net.openDatagrams(listen, handler);

  readonly resolve: Net['resolve'] = (hostname) => this.#net.resolve(hostname);

  /** Resets every stream. */
  reset(): void {
    for (const stream of this.streams.splice(0)) stream.destroy();
  }

  readonly listenStreams: Net['listenStreams'] = (listen, onStream) =>
    this.#net.listenStreams(listen, (stream) => onStream(this.#watch(stream)));

  readonly connectStream: Net['connectStream'] = async (to, handler, timeoutMs) => {
    if (this.refuses) return this.#never(timeoutMs, to, handler);
    return this.#watch(await this.#net.connectStream(to, handler, timeoutMs));
  };

  /** As if nobody listened there. */
  #never(timeoutMs: number, to: Parameters<Net['connectStream']>[0], handler: StreamHandler) {
    const nowhere = to.replace(/:\d+$/, ':1') as typeof to;
    return this.#net.connectStream(nowhere, handler, timeoutMs);
  }

  #watch(stream: Stream): Stream {
    const watched: Stream = {
      local: stream.local,
      remote: stream.remote,
      write: (bytes) => {
        this.writes += 1;
        this.bytesWritten += bytes.length;
        return this.swallows ? true : stream.write(bytes);
      },
      end: () => stream.end(),
      destroy: () => stream.destroy(),
      pause: () => stream.pause(),
      resume: () => stream.resume(),
    };
    this.streams.push(watched);
    return watched;
  }
}
