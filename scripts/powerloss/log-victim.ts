// The write-ahead log alone, in a process that does nothing else.

import { fileURLToPath } from 'node:url';
import { LineProcess } from '../../test/drills/line-process.ts';
import { extend, missing, type Run } from './runs.ts';
import type { Findings, OptionsOf, Victim } from './victim.ts';

const WRITER = fileURLToPath(new URL('log-writer.ts', import.meta.url));

interface Shard {
  /** What must be there, beyond what was purged. */
  wanted: Run[];
  purgedTo: number;
  /** As the process that runs now has found it. */
  found: Run[];
  base: number;
}

export class LogVictim implements Victim {
  acknowledged = 0;
  readonly #directory: string;
  readonly #optionsOf: OptionsOf;
  readonly #shards = new Map<number, Shard>();
  #process: LineProcess | undefined;
  #cycle = 0;
  #wrong: string[] = [];
  #findings: Findings | undefined;

  constructor(directory: string, optionsOf: OptionsOf) {
    this.#directory = directory;
    this.#optionsOf = optionsOf;
  }

  /** Resolves when the process has ended by itself, with what it said last. */
  async ended(): Promise<string> {
    return (await this.#process?.ended)?.stderr ?? '';
  }

  async start(cycle: number): Promise<Findings> {
    const wanted = this.#wantedCount();
    await this.boot(cycle);
    if (this.#findings !== undefined) return this.#findings;
    const problems = [`the log does not open: ${this.#process?.stderr.trim()}`];
    return { checked: wanted, lost: wanted, problems };
  }

  async boot(cycle: number): Promise<void> {
    this.#cycle = cycle;
    this.#wrong = [];
    this.#findings = undefined;
    for (const shard of this.#shards.values()) shard.found = [];
    const flags = ['--data', this.#directory, '--cycle', String(cycle)];
    const onLine = (line: string): void => this.#hear(line);
    this.#process = new LineProcess(WRITER, flags, { ...this.#optionsOf(cycle), onLine });
    await this.#process.line((line) => line === 'ready');
  }

  /** It looks at everything whenever it starts. */
  async inspect(): Promise<Findings> {
    const findings = await this.start(this.#cycle + 1);
    await this.kill();
    return findings;
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  release(): Promise<void> {
    return this.kill();
  }

  #hear(line: string): void {
    const [word, number, ...rest] = line.split(' ');
    // At once: with the next line the log begins to grow.
    if (word === 'ready') this.#findings = this.#judge();
    if (number === undefined) return;
    const shard = this.#shard(Number(number));
    const [first = 0, second = 0, third = 0] = rest.map(Number);
    if (word === 'base') shard.base = first;
    else if (word === 'run') shard.found.push({ from: first, to: second, cycle: third });
    else if (word === 'wrong') this.#wrong.push(line);
    else if (word === 'purge') shard.purgedTo = first;
    else if (word === 'durable') {
      this.acknowledged += first - (shard.wanted.at(-1)?.to ?? 0);
      extend(shard.wanted, first, this.#cycle);
    }
  }

  /** Compares, then takes what was found for what must be there: it was synced when it was read. */
  #judge(): Findings {
    let [checked, lost] = [0, 0];
    const problems = [...this.#wrong];
    for (const [number, shard] of this.#shards) {
      checked += shard.wanted.reduce((sum, { from, to }) => sum + to - from + 1, 0);
      lost += missing(shard.wanted, shard.found, shard.purgedTo);
      if (shard.base > shard.purgedTo) {
        problems.push(`shard ${number} begins at ${shard.base}, purged to ${shard.purgedTo}`);
      }
      shard.wanted = shard.found;
    }
    return { checked, lost: lost + this.#wrong.length, problems };
  }

  #wantedCount(): number {
    let count = 0;
    for (const { wanted } of this.#shards.values()) {
      count += wanted.reduce((sum, { from, to }) => sum + to - from + 1, 0);
    }
    return count;
  }

  #shard(number: number): Shard {
    let shard = this.#shards.get(number);
    if (shard === undefined) {
      shard = { wanted: [], purgedTo: 0, found: [], base: 0 };
      this.#shards.set(number, shard);
    }
    return shard;
  }
}
