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
import type { RegisterClient } from './kv-caller.ts';

const TIMEOUT_MS = 3_000;
const CHECK_MS_MAX = 30_000;
/** New keys after this many operations: short histories are easy to judge. */
const OPERATIONS_PER_BLOCK = 300;
const KEYS_PER_BLOCK = 2;
const PICTURES = 'target/drills';
const PAUSE_MS_MAX = 4;

export interface RegisterLoadOptions {
  readonly clients: readonly RegisterClient[];
  readonly readLevels: readonly ReadLevel[];
}

export class RegisterLoad {
  readonly #options: RegisterLoadOptions;
  readonly #recorder = new HistoryRecorder<RegisterAction>();
  readonly #acknowledgedMs: number[] = [];
  #running: Promise<unknown> = Promise.resolve();
  #isEnding = false;
  #values = 0;
  operations = 0;
  /** Writes that may or may not have had an effect. */
  doubts = 0;
  readonly reads: Record<ReadLevel, number> = { strong: 0, lease: 0, local: 0 };

  constructor(options: RegisterLoadOptions) {
    this.#options = options;
  }

  begin(): void {
    const { clients } = this.#options;
    this.#running = Promise.all(clients.map((client, number) => this.#run(client, number)));
  }

  /** Ends when the operations under way have ended. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#running;
  }

  /** From the moment `fromMs` to the first write that was acknowledged after it. */
  msUntilWrite(fromMs: number): number | undefined {
    const next = this.#acknowledgedMs.find((ms) => ms > fromMs);
    return next === undefined ? undefined : next - fromMs;
  }

  /** Undefined when the history is linearizable, else what is wrong and where it is drawn. */
  verdict(name: string): string | undefined {
    const startedMs = performance.now();
    const verdict = checkHistory(registerModel, this.#recorder.operations(), {
      shouldStop: () => performance.now() > startedMs + CHECK_MS_MAX,
    });
    if (verdict.kind === 'linearizable') return undefined;
    if (verdict.kind === 'unknown') return `the checker ran out of ${verdict.ranOut}`;
    mkdirSync(PICTURES, { recursive: true });
    const picture = `${PICTURES}/${name}.html`;
    writeFileSync(picture, drawFailure(registerModel, verdict.part));
    return `not linearizable, see ${picture}`;
  }

  async #run(client: RegisterClient, number: number): Promise<void> {
    const { readLevels } = this.#options;
    for (let turn = 0; !this.#isEnding; turn++) {
      const block = Math.floor(this.operations / OPERATIONS_PER_BLOCK);
      const key = `reg-${block}-${turn % KEYS_PER_BLOCK}`;
      this.operations += 1;
      if (Math.random() < 0.5) await this.#write(client, number, key);
      else {
        const level = readLevels[turn % readLevels.length] ?? 'strong';
        await this.#read(client, number, key, level);
      }
      await sleep(Math.random() * PAUSE_MS_MAX);
    }
  }

  async #write(client: RegisterClient, number: number, key: string): Promise<void> {
    this.#values += 1;
    const value = String(this.#values);
    this.#recorder.begin(number, key, { kind: 'write', value });
    const outcome = await client.put(key, value, TIMEOUT_MS);
    if (outcome.kind === 'done') {
      this.#recorder.complete(number, { kind: 'write', value });
      this.#acknowledgedMs.push(performance.now());
    } else if (outcome.kind === 'refused') this.#recorder.withdraw(number);
    else {
      this.doubts += 1;
      this.#recorder.abandon(number);
    }
  }

  async #read(
    client: RegisterClient,
    number: number,
    key: string,
    level: ReadLevel,
  ): Promise<void> {
    this.#recorder.begin(number, key, { kind: 'read', value: null });
    const answer = await client.get(key, level, TIMEOUT_MS);
    if (answer.kind === 'refused') return this.#recorder.withdraw(number);
    this.reads[level] += 1;
    this.#recorder.complete(number, { kind: 'read', value: answer.value });
  }
}
