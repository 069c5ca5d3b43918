// A client of the members' one shard, in promises: puts and gets of short texts.

import { KEY_BYTES } from '../../bench/engine/puts.ts';
import { assert } from '../../src/base/assert.ts';
import type { SocketAddress } from '../../src/base/ids.ts';
import { SystemClock } from '../../src/engine/clock/index.ts';
import { randomFromSystem } from '../../src/engine/random/index.ts';
import { type MemberId, systemNet } from '../../src/engine/transport/index.ts';
import {
  ClientConnections,
  type CommandOutcome,
  ShardClient,
  ShardSession,
} from '../../src/replica/requests/index.ts';
import { encodeCommand } from '../../src/replica/state/index.ts';
import type { ReadLevel, WriteOutcome } from '../../src/replica/types.ts';

const SHARD = 1;

export type PutOutcome =
  | { readonly kind: 'done' }
  /** It has no effect. */
  | { readonly kind: 'refused'; readonly reason: string }
  /** It may have had an effect, or have it yet. */
  | { readonly kind: 'unknown'; readonly reason: string };

export type GetAnswer =
  | { readonly kind: 'value'; readonly value: string | null }
  | { readonly kind: 'refused'; readonly reason: string };

/** Whose operations can be told apart in a history: nothing it does happens twice. */
export interface RegisterClient {
  put(key: string, value: string, timeoutMs: number): Promise<PutOutcome>;
  get(key: string, level: ReadLevel, timeoutMs: number): Promise<GetAnswer>;
}

export class KvCaller {
  readonly #connections: ClientConnections;
  readonly #client: ShardClient;

  /** An answer is waited for `attemptMs` before what is safe to ask twice is asked elsewhere. */
  constructor(members: ReadonlyMap<MemberId, SocketAddress>, attemptMs = 1_000) {
    const clock = new SystemClock();
    const options = { clock, net: systemNet, clusterId: '', members };
    this.#connections = new ClientConnections(options);
    const parts = { clock, random: randomFromSystem(), callees: this.#connections, attemptMs };
    this.#client = new ShardClient({ ...parts, shard: SHARD });
  }

  /** Asked again after a doubt: only for what may happen twice. */
  put(key: string, value: string, timeoutMs: number): Promise<PutOutcome> {
    return this.#propose(commandOf(key, value), timeoutMs, true);
  }

  /** Its puts have their effect once, however often they are asked again. */
  session(): RegisterClient {
    const session = new ShardSession(this.#client);
    return {
      put: (key, value, timeoutMs) =>
        new Promise((resolve) => {
          const body = commandOf(key, value);
          session.submit(body, timeoutMs, (outcome) => resolve(told(outcome)));
        }),
      get: (key, level, timeoutMs) => this.get(key, level, timeoutMs),
    };
  }

  /** Its puts are asked once: a doubt stays one. */
  plain(): RegisterClient {
    return {
      put: (key, value, timeoutMs) => this.#propose(commandOf(key, value), timeoutMs, false),
      get: (key, level, timeoutMs) => this.get(key, level, timeoutMs),
    };
  }

  /** Its reads are asked of `member`, whoever leads. */
  readingAt(member: MemberId): RegisterClient {
    return {
      ...this.plain(),
      get: (key, level, timeoutMs) => this.get(key, level, timeoutMs, member),
    };
  }

  /** Asks `member`, whoever leads; without it the leader. */
  get(key: string, level: ReadLevel, timeoutMs: number, member?: MemberId): Promise<GetAnswer> {
    return new Promise((resolve) => {
      const take = (answer: Parameters<Parameters<ShardClient['read']>[3]>[0]): void => {
        if (answer.kind === 'refused') resolve({ kind: 'refused', reason: answer.reason });
        else resolve({ kind: 'value', value: textOf(answer.result) });
      };
      this.#client.read(level, keyBytes(key), timeoutMs, take, member);
    });
  }

  /** The member that leads, as far as a write finds out. Undefined when it is not done in time. */
  async leader(timeoutMs: number): Promise<MemberId | undefined> {
    const outcome = await this.put('leader?', '.', timeoutMs);
    return outcome.kind === 'done' ? this.#client.target : undefined;
  }

  close(): void {
    this.#client.close();
    this.#connections.close();
  }

  #propose(body: Uint8Array, timeoutMs: number, isRepeatable: boolean): Promise<PutOutcome> {
    const payload = encodeCommand({ kind: 'plain', body });
    return new Promise((resolve) => {
      this.#client.propose(payload, timeoutMs, isRepeatable, (outcome) => resolve(told(outcome)));
    });
  }
}

function told(outcome: WriteOutcome | CommandOutcome): PutOutcome {
  if (outcome.kind === 'applied' || outcome.kind === 'done') return { kind: 'done' };
  return { kind: outcome.kind, reason: outcome.reason };
}

function commandOf(key: string, value: string): Uint8Array {
  return Buffer.concat([keyBytes(key), Buffer.from(value)]);
}

/** The machine takes keys of one length. */
function keyBytes(key: string): Uint8Array {
  assert(key.length <= KEY_BYTES, 'a key of the drills is short');
  return Buffer.from(key.padEnd(KEY_BYTES, '.'));
}

function textOf(result: Uint8Array): string | null {
  return result.length === 0 ? null : Buffer.from(result).toString();
}
