// Requests of one connection are taken one by one: the next when the answer before it has left.
//
// A client may send requests without waiting for answers. Node hands over all that one read of the
// socket holds, 2,400 in 64 kB, and keeps each answer until those before it are read. Answered at
// once they take the member's one thread for seconds, and a client that does not read makes a
// connection hold 2,400 answers. So those that come too soon wait as requests, and a client that
// has too many of them waiting is cut off.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { LIMITS } from '../../base/limits.ts';
import { TOO_EAGER } from './connection-refusal.ts';

type Socket = IncomingMessage['socket'];
export type Listener = (request: IncomingMessage, response: ServerResponse) => void;

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

interface Line {
  /** Being answered; undefined once the connection was refused, which drops all that follow. */
  current: ServerResponse | undefined;
  readonly waiting: Exchange[];
}

export function oneByOne(
  listener: Listener,
  waitingMax: number = LIMITS.http.waitingPerConnectionMax,
): Listener {
  const lines = new WeakMap<Socket, Line>();
  return (request, response) => {
    const { socket } = request;
    const line = lines.get(socket);
    if (line === undefined) {
      const first: Line = { current: undefined, waiting: [] };
      lines.set(socket, first);
      answer(first, { request, response });
    } else if (line.waiting.length < waitingMax) line.waiting.push({ request, response });
    else if (line.current !== undefined) refuse(socket, line, line.current);
  };

  function answer(line: Line, { request, response }: Exchange): void {
    line.current = response;
    response.once('close', () => {
      if (line.current === undefined || request.socket.destroyed) return;
      const next = line.waiting.shift();
      if (next === undefined) lines.delete(request.socket);
      else answer(line, next);
    });
    listener(request, response);
  }
}

/** A word can be said where no answer is half written, and is taken where none waits. */
function refuse(socket: Socket, line: Line, current: ServerResponse): void {
  line.current = undefined;
  line.waiting.length = 0;
  const isBetween = current.writableEnded || !current.headersSent;
  if (!isBetween || socket.writableLength > 0) {
    socket.destroy();
    return;
  }
  socket.write(TOO_EAGER);
  socket.destroySoon();
}
