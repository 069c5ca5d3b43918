// Answers requests to shards from the network: a gateway's adapter to the wire. Bytes are read
// here, and answers made to fit a frame; where a request is answered is the gateway's to decide.

import { LIMITS } from '../../base/limits.ts';
import type { IncomingRequest, MemberId } from '../../engine/transport/index.ts';
import type { ReadAnswer } from '../types.ts';
import { encodeProposeAnswer, encodeReadReply } from './answers.ts';
import { decodePropose, decodeRead } from './bodies.ts';
import type { Gateway } from './gateway.ts';

export class RequestServer {
  readonly #gateway: Pick<Gateway, 'proposeAll' | 'read'>;

  constructor(gateway: Pick<Gateway, 'proposeAll' | 'read'>) {
    this.#gateway = gateway;
  }

  propose(request: IncomingRequest): void {
    const body = decodePropose(request.body);
    if (body === undefined) {
      request.respond(encodeProposeAnswer({ leader: 0, outcomes: [] }));
      return;
    }
    const { commands, isForwarded, shard } = body;
    const { deadlineMs } = request;
    const bufferBytes = request.body.buffer.byteLength;
    const batch = { shard, commands, deadlineMs, isForwarded, bufferBytes };
    this.#gateway.proposeAll(batch, (outcomes, leader) => {
      if (!request.isAbandoned) request.respond(encodeProposeAnswer({ leader, outcomes }));
    });
  }

  read(request: IncomingRequest): void {
    const body = decodeRead(request.body);
    if (body === undefined) {
      respondRead(request, 0, { kind: 'refused', reason: 'malformed', leader: 0 });
      return;
    }
    const { deadlineMs } = request;
    this.#gateway.read({ ...body, deadlineMs }, (answer, leader) => {
      respondRead(request, leader, answer);
    });
  }
}

function respondRead(request: IncomingRequest, leader: MemberId, answer: ReadAnswer): void {
  const bytes = encodeReadReply({ leader, answer });
  if (bytes.length <= LIMITS.peer.frameBytesMax) return request.respond(bytes);
  const tooLarge: ReadAnswer = { kind: 'refused', reason: 'tooLarge', leader: 0 };
  request.respond(encodeReadReply({ leader, answer: tooLarge }));
}
