// Clients that read and write a few registers at once, and write down what they asked and heard, for
// the checker.

import { mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  checkHistory,
  drawFailure,
  HistoryRecorder,
  type RegisterAction,
  registerModel,
} from '../../src/core/checker/index.ts';
import type { ReadLevel } from '../../src/replica/types.ts';
import type { KvCaller } from './kv-caller.ts';

const TIMEOUT_MS = 3_000;
const CHECK_MS_MAX = 30_000;
/** Operations on a key before the next key is taken: histories stay easy to judge. */
const OPERATIONS_PER_KEY = 150;
const KEYS_AT_ONCE = 2;
const PAUSE_MS_MAX = 4;

export interface RegisterLoadOptions {
  readonly kvs: readonly KvCaller[];
  readonly clients: number;
  readonly readLevels: readonly ReadLevel[];
}

export class RegisterLoad {
  readonly #options: RegisterLoadOptions;
  readonly #recorder = new HistoryRecorder<RegisterAction>();
  #running: Promise<unknown> = Promise.resolve();
  #isEnding = false;
  #operations = 0;
  #values = 0;
  /** Moments of acknowledged writes. */
  readonly acknowledgedMs: number[] = [];
  readonly reads: Record<ReadLevel, number> = { strong: 0, lease: 0, local: 0 };
  doubts = 0;

  constructor(options: RegisterLoadOptions) {
    this.#options = options;
  }

  begin(): void {
    const clients = Array.from({ length: this.#options.clients }, (_, i) => this.#client(i));
    this.#running = Promise.all(clients);
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#running;
  }

  /** Undefined when the history is linearizable, else what is wrong and where it is drawn. */
  verdict(name: string): string | undefined {
    const startedMs = performance.now();
    const verdict = checkHistory(registerModel, this.#recorder.operations(), {
      shouldStop: () => performance.now() > startedMs + CHECK_MS_MAX,
    });
    if (verdict.kind === 'linearizable') return undefined;
    if (verdict.kind === 'unknown') return `the checker ran out of ${verdict.ranOut}`;
    const picture = `target/drills/${name}.html`;
    mkdirSync('target/drills', { recursive: true });
    writeFileSync(picture, drawFailure(registerModel, verdict.part));
    return `not linearizable, see ${picture}`;
  }

  /** The longest time from `fromMs` on until a write was acknowledged. */
  msUntilWrite(fromMs: number): number {
    const next = this.acknowledgedMs.find((ms) => ms > fromMs);
    return next === undefined ? Number.POSITIVE_INFINITY : next - fromMs;
  }

  get operations(): number {
    return this.#operations;
  }

  async #client(number: number): Promise<void> {
    const { kvs, readLevels } = this.#options;
    for (let turn = 0; !this.#isEnding; turn++) {
      const kv = kvs[(number + turn) % kvs.length] as KvCaller;
      const block = Math.floor(this.#operations / OPERATIONS_PER_KEY);
      const key = `register-${block - (block % KEYS_AT_ONCE) + (turn % KEYS_AT_ONCE)}`;
      this.#operations += 1;
      if (Math.random() < 0.5) await this.#write(kv, number, key);
      else {
        const level = readLevels[Math.floor(Math.random() * readLevels.length)] ?? 'strong';
        await this.#read(kv, number, key, level);
      }
      await sleep(Math.random() * PAUSE_MS_MAX);
    }
  }

  async #write(kv: KvCaller, client: number, key: string): Promise<void> {
    this.#values += 1;
    const value = String(this.#values);
    this.#recorder.begin(client, key, { kind: 'write', value });
    const outcome = await kv.put(key, value, TIMEOUT_MS);
    if (outcome.kind === 'done') {
      this.#recorder.complete(client, { kind: 'write', value });
      this.acknowledgedMs.push(performance.now());
    } else if (outcome.kind === 'refused') this.#recorder.withdraw(client);
    else {
      this.doubts += 1;
      this.#recorder.abandon(client);
    }
  }

  async #read(kv: KvCaller, client: number, key: string, level: ReadLevel): Promise<void> {
    this.#recorder.begin(client, key, { kind: 'read', value: null });
    const answer = await kv.get(key, level, TIMEOUT_MS);
    if (answer.kind === 'refused') return this.#recorder.withdraw(client);
    this.reads[level] += 1;
    this.#recorder.complete(client, { kind: 'read', value: answer.value });
  }
}
