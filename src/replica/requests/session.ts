// A session of one client with one shard: its commands take effect exactly once, however often
// they are sent. The shard keeps the last result only, so they go one after the other; whoever
// wants more at a time opens more sessions.

import { assert, unreachable } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import { type CommandResult, decodeResult, encodeCommand } from '../state/index.ts';
import type { WriteDoubt, WriteOutcome, WriteRefusal } from '../types.ts';
import type { ShardClient } from './shard-client.ts';

export type CommandOutcome =
  | {
      readonly kind: 'done';
      readonly index: number;
      /** Undefined: it was done by an earlier attempt, and was too long to be kept. */
      readonly result: Uint8Array | undefined;
    }
  /** Has had no effect and will have none. */
  | { readonly kind: 'refused'; readonly reason: WriteRefusal | 'sessionExpired' }
  /** May have had its effect, or have it yet, once. */
  | { readonly kind: 'unknown'; readonly reason: WriteDoubt | 'sessionExpired' | 'superseded' };

interface Queued {
  readonly body: Uint8Array;
  readonly timeoutMs: number;
  readonly done: (outcome: CommandOutcome) => void;
}

export class ShardSession {
  readonly #client: ShardClient;
  readonly #queue: Queued[] = [];
  #session = 0;
  #sequence = 0;
  #isBusy = false;

  constructor(client: ShardClient) {
    this.#client = client;
  }

  /** The time runs from when the command is its turn. Never answers within this call. */
  submit(body: Uint8Array, timeoutMs: number, done: (outcome: CommandOutcome) => void): void {
    // The client bounds what is under way; what waits here is bounded like that.
    if (this.#queue.length >= LIMITS.requests.waitingMax) {
      this.#client.later(() => done({ kind: 'refused', reason: 'overloaded' }));
      return;
    }
    this.#queue.push({ body, timeoutMs, done });
    this.#next();
  }

  /** Tells the shard that it may forget the session. Once nothing waits. */
  close(timeoutMs: number, done: () => void): void {
    const session = this.#session;
    if (session === 0) return this.#client.later(done);
    this.#session = 0;
    const payload = encodeCommand({ kind: 'close', client: session });
    this.#client.propose(payload, timeoutMs, true, () => done());
  }

  #next(): void {
    const next = this.#queue[0];
    if (this.#isBusy || next === undefined) return;
    this.#isBusy = true;
    // To open a session takes of the command's time.
    const deadlineMs = this.#client.nowMs() + next.timeoutMs;
    if (this.#session === 0) this.#open(next, deadlineMs);
    else this.#send(next, deadlineMs);
  }

  /** [Q6] To open twice is harmless: the shard forgets what nobody uses. */
  #open(first: Queued, deadlineMs: number): void {
    const leftMs = deadlineMs - this.#client.nowMs();
    const payload = encodeCommand({ kind: 'open' });
    this.#client.propose(payload, leftMs, true, (outcome) => {
      const result = resultOf(outcome);
      if (result?.kind !== 'opened') {
        // The command itself was not sent yet, so whatever became of the session it has no effect.
        const reason = outcome.kind === 'refused' ? outcome.reason : 'noLeader';
        this.#finish(first, { kind: 'refused', reason });
        return;
      }
      assert(result.client !== 0, '[Q6] a session has a number');
      this.#session = result.client;
      this.#sequence = 0;
      this.#send(first, deadlineMs);
    });
  }

  #send(command: Queued, deadlineMs: number): void {
    assert(this.#session !== 0, '[Q6] a command is sent in a session');
    this.#sequence += 1;
    const { body } = command;
    const leftMs = deadlineMs - this.#client.nowMs();
    const payload = encodeCommand({
      kind: 'session',
      client: this.#session,
      sequence: this.#sequence,
      body,
    });
    this.#client.propose(payload, leftMs, true, (outcome, isRepeated) => {
      const made = madeOf(outcome, isRepeated);
      if ('reason' in made && made.reason === 'sessionExpired') this.#session = 0;
      this.#finish(command, made);
    });
  }

  #finish(command: Queued, outcome: CommandOutcome): void {
    assert(this.#isBusy && this.#queue[0] === command, '[Q6] commands go one after the other');
    this.#queue.shift();
    this.#isBusy = false;
    command.done(outcome);
    this.#next();
  }
}

function resultOf(outcome: WriteOutcome): CommandResult | undefined {
  return outcome.kind === 'applied' ? decodeResult(outcome.result) : undefined;
}

/** [Q6] What the shard's answer means to whoever gave the command. */
function madeOf(outcome: WriteOutcome, isRepeated: boolean): CommandOutcome {
  if (outcome.kind === 'refused') return { kind: 'refused', reason: outcome.reason };
  if (outcome.kind === 'unknown') return { kind: 'unknown', reason: outcome.reason };
  const { index } = outcome;
  const result = decodeResult(outcome.result);
  switch (result?.kind) {
    case 'done':
      return { kind: 'done', index, result: result.body };
    case 'resultLost':
      return { kind: 'done', index, result: undefined };
    case 'malformed':
      return { kind: 'refused', reason: 'malformed' };
    case 'expired':
      // An earlier attempt may have had its effect while the session was still there.
      return { kind: isRepeated ? 'unknown' : 'refused', reason: 'sessionExpired' };
    case 'stale':
    case 'opened':
    case 'closed':
    case undefined:
      return { kind: 'unknown', reason: 'superseded' };
    default:
      return unreachable(result);
  }
}
