// Times and sizes of the transport that a test or a slow network may want otherwise.

import type { Clock, Events, Log, Net, Random } from '../../../base/capabilities.ts';
import { LIMITS } from '../../../base/limits.ts';
import type { PeerEvent } from './types.ts';

export interface PeerCapabilities {
  readonly clock: Clock;
  readonly random: Random;
  readonly net: Net;
  readonly log: Log;
  readonly events?: Events<PeerEvent> | undefined;
}

export interface PeerOptions {
  /** A connection on which nothing came for this long is asked for a sign of life. */
  readonly pingMs: number;
  /** And is cut when nothing came for this long. */
  readonly silentMs: number;
  /** And when the other side took nothing of what was written for this long. */
  readonly unreadMs: number;
  readonly dialTimeoutMs: number;
  /** From the connection to its end of the greetings, the admission by the member included. */
  readonly helloTimeoutMs: number;
  /** Pauses between attempts grow from the first to the second, less a random part. */
  readonly retryMsMin: number;
  readonly retryMsMax: number;
  /** After a refusal only an operator helps: no hurry. */
  readonly refusedRetryMs: number;
  /** A connection that stood this long begins again with the shortest pause. */
  readonly stableMs: number;
  /** Of all streams that this member sends, together. */
  readonly streamBytesPerSecond: number;
  /** A stream that does not get on for this long has failed. */
  readonly streamStallMs: number;
  readonly streamsMax: number;
  readonly clientsMax: number;
  readonly clientsBytesMax: number;
  readonly requestsMax: number;
  readonly ordinaryBytesMax: number;
}

export const PEER_DEFAULTS: PeerOptions = {
  pingMs: 100,
  silentMs: 2_000,
  unreadMs: 30_000,
  dialTimeoutMs: 1_000,
  helloTimeoutMs: 2_000,
  retryMsMin: 20,
  retryMsMax: 1_000,
  refusedRetryMs: 5_000,
  stableMs: 5_000,
  streamBytesPerSecond: 64 * 1024 * 1024,
  streamStallMs: 60_000,
  streamsMax: LIMITS.peer.streamsMax,
  clientsMax: LIMITS.peer.clientsMax,
  clientsBytesMax: LIMITS.peer.clientsBytesMax,
  requestsMax: LIMITS.peer.requestsMax,
  ordinaryBytesMax: LIMITS.peer.ordinaryBytesMax,
};
