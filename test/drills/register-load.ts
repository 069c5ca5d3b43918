// Clients that read and write a few registers at once, and write down what they asked and heard,
// for the checker.

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
import { PATIENCE_MS } from './patience.ts';

const TIMEOUT_MS = 3_000;
const CHECK_MS_MAX = PATIENCE_MS;
/** New keys after this many operations: short histories are easy to judge. */
const OPERATIONS_PER_BLOCK = 300;
const KEYS_PER_BLOCK = 2;
/** Numbers of clients from here on make one read each. */
const OPEN_READER = 1_000_000;
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
  #openReaders = 0;
  operations = 0;
  /** Writes that may or may not have had an effect. */
  doubts = 0;
  readonly reads: Record<ReadLevel, number> = { strong: 0, lease: 0, local: 0 };
  refusedReads = 0;

  constructor(options: RegisterLoadOptions) {
    this.#options = options;
  }

  begin(): void {
    const { clients } = this.#options;
    this.#running = Promise.all(clients.map((client, number) => this.#run(client, number)));
  }

  /**
   * Reads with `client` every `everyMs`, whether answers come or not: each read is a client of its
   * own in the history. So a member that stands still has questions waiting that are newer than
   * what happened elsewhere meanwhile.
   */
  async readOpenly(client: RegisterClient, level: ReadLevel, everyMs: number): Promise<void> {
    const reads: Promise<void>[] = [];
    for (let turn = 0; !this.#isEnding; turn++) {
      this.#openReaders += 1;
      reads.push(this.#read(client, OPEN_READER + this.#openReaders, this.#keyOf(turn), level));
      await sleep(everyMs);
    }
    await Promise.all(reads);
  }

  /** Ends when the operations under way have ended. */
  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#running;
  }

  /** Whether a write was acknowledged after the moment `ms`. */
  wroteAfter(ms: number): boolean {
    return (this.#acknowledgedMs.at(-1) ?? 0) > ms;
  }

  /** The longest time without an acknowledged write, from the moment `fromMs` until now. */
  lullMs(fromMs: number): number {
    const moments = this.#acknowledgedMs.filter((ms) => ms > fromMs);
    let [longest, last] = [0, fromMs];
    for (const ms of [...moments, performance.now()]) {
      longest = Math.max(longest, ms - last);
      last = ms;
    }
    return longest;
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
      const key = this.#keyOf(turn);
      this.operations += 1;
      if (Math.random() < 0.5) await this.#write(client, number, key);
      else {
        const level = readLevels[turn % readLevels.length] ?? 'strong';
        await this.#read(client, number, key, level);
      }
      await sleep(Math.random() * PAUSE_MS_MAX);
    }
  }

  #keyOf(turn: number): string {
    const block = Math.floor(this.operations / OPERATIONS_PER_BLOCK);
    return `reg-${block}-${turn % KEYS_PER_BLOCK}`;
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
    if (answer.kind === 'refused') {
      this.refusedReads += 1;
      return this.#recorder.withdraw(number);
    }
    this.reads[level] += 1;
    this.#recorder.complete(number, { kind: 'read', value: answer.value });
  }
}
