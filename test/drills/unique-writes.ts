// A load that loses nothing quietly: every key is written once, with a value of its own, and what
// was acknowledged is looked for afterwards.

import { setTimeout as sleep } from 'node:timers/promises';
import type { GetAnswer, KvCaller } from './kv-caller.ts';

const WRITE_TIMEOUT_MS = 10_000;
const READ_TIMEOUT_MS = 20_000;
const READS_AT_ONCE = 256;
const VALUE_BYTES = 100;
const PAUSE_AFTER_FAILURE_MS = 20;
const MISSING_TOLD_MAX = 3;

export interface WritesFound {
  readonly checked: number;
  /** Not there, or not as written. */
  readonly lost: number;
  /** Some of those, in words. */
  readonly problems: readonly string[];
}

export class UniqueWrites {
  readonly #kv: KvCaller;
  /** Every key ever acknowledged, in that order. Its value follows from it. */
  readonly #keys: string[] = [];
  /** Keys before this place were looked for and found. */
  #checkedTo = 0;
  #running: Promise<unknown> = Promise.resolve();
  #isEnding = false;
  /** How often a write was not acknowledged, by what was answered instead. */
  readonly failures = new Map<string, number>();

  constructor(kv: KvCaller) {
    this.#kv = kv;
  }

  get acknowledged(): number {
    return this.#keys.length;
  }

  /** `name` has not been used before: keys begin with it. */
  begin(name: string, lanes: number): void {
    this.#isEnding = false;
    this.#running = Promise.all(
      Array.from({ length: lanes }, (_, i) => this.#lane(`${name}-${i}`)),
    );
  }

  /** What is under way is not waited for longer than this. */
  async end(patienceMs: number): Promise<void> {
    this.#isEnding = true;
    await Promise.race([this.#running, sleep(patienceMs, undefined, { ref: false })]);
  }

  /** All that was acknowledged since the last look, and some of what was seen before. */
  look(sample: number): Promise<WritesFound> {
    const keys = this.#keys.slice(this.#checkedTo);
    for (let i = 0; i < Math.min(sample, this.#checkedTo); i++) {
      keys.push(this.#keys[Math.floor(Math.random() * this.#checkedTo)] as string);
    }
    this.#checkedTo = this.#keys.length;
    return this.#find(keys);
  }

  lookAtAll(read = this.#readStrongly): Promise<WritesFound> {
    return this.#find(this.#keys.slice(), read);
  }

  /** The newest that was acknowledged. */
  get newest(): string {
    return this.#keys.at(-1) ?? '';
  }

  readonly #readStrongly = (key: string): Promise<GetAnswer> => {
    return this.#kv.get(key, 'strong', READ_TIMEOUT_MS);
  };

  async #lane(name: string): Promise<void> {
    for (let turn = 0; !this.#isEnding; turn++) {
      const key = `${name}-${turn}`;
      const outcome = await this.#kv.put(key, valueOf(key), WRITE_TIMEOUT_MS);
      if (outcome.kind === 'done') {
        this.#keys.push(key);
        continue;
      }
      const failure = `${outcome.kind} ${outcome.reason}`;
      this.failures.set(failure, (this.failures.get(failure) ?? 0) + 1);
      await sleep(PAUSE_AFTER_FAILURE_MS);
    }
  }

  async #find(keys: readonly string[], read = this.#readStrongly): Promise<WritesFound> {
    let [next, lost] = [0, 0];
    const problems: string[] = [];
    const reader = async (): Promise<void> => {
      for (let key = keys[next++]; key !== undefined; key = keys[next++]) {
        const answer = await read(key);
        if (answer.kind === 'value' && answer.value === valueOf(key)) continue;
        lost += 1;
        const found = answer.kind === 'value' ? String(answer.value) : `refused ${answer.reason}`;
        if (problems.length < MISSING_TOLD_MAX) problems.push(`${key} is ${found}`);
      }
    };
    await Promise.all(Array.from({ length: READS_AT_ONCE }, reader));
    return { checked: keys.length, lost, problems };
  }
}

function valueOf(key: string): string {
  return `value of ${key} `.padEnd(VALUE_BYTES, '.');
}
