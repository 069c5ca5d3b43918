// Three members with many hibernating shards, a third led by each, and what happens to one of them.

import { readFileSync } from 'node:fs';
import { must } from '../../src/base/assert.ts';
import type { Members } from '../../test/drills/members.ts';
import { standStill, whyNoInjection } from '../../test/drills/strace.ts';
import { cpuSeconds, sleep } from './cluster.ts';
import { LoneWriter } from './lone-writer.ts';
import type { ShardsReport } from './shards-report.ts';

const VICTIM = 1;
const SURVIVORS = [2, 3];
/** A shard that the victim leads. */
const WRITTEN_SHARD = 3;
const POLL_MS = 50;
const PATIENCE_MS = 120_000;
const DISK_CALLS = 'fdatasync,fsync,pwrite64,pwritev';

export class Sleepers {
  readonly #members: Members;
  readonly #shards: number;
  readonly #reports = new Map<number, ShardsReport>();

  constructor(members: Members, shards: number) {
    this.#members = members;
    this.#shards = shards;
  }

  async start(): Promise<void> {
    await Promise.all(this.#members.ids.map((member) => this.#start(member)));
    await this.#rest('founded');
  }

  async #start(member: number): Promise<void> {
    const onLine = (line: string): void => {
      if (line.startsWith('{')) this.#reports.set(member, JSON.parse(line) as ShardsReport);
    };
    const problem = await this.#members.start(member, { onLine });
    if (problem !== undefined) throw new Error(problem);
  }

  async measureRest(seconds: number): Promise<void> {
    const { ids } = this.#members;
    const before = ids.map((member) => cpuSeconds(this.#members.pid(member)));
    await sleep(seconds * 1_000);
    const percents = ids.map((member, i) => {
      const spent = cpuSeconds(this.#members.pid(member)) - must(before[i], 'one for each');
      return ((spent / seconds) * 100).toFixed(2);
    });
    console.log(`at rest: ${percents.join(', ')} % of a core`);
  }

  /** Milliseconds until the survivors lead everything. */
  tell(story: string): Promise<number> {
    if (story === 'kill') return this.#kill();
    if (story === 'pause') return this.#pause();
    if (story === 'disk') return this.#standStill();
    throw new Error(`there is no story ${story}: kill, pause or disk`);
  }

  async #kill(): Promise<number> {
    const ms = await this.#measure('its process is killed', () => {
      this.#members.signal(VICTIM, 'SIGKILL');
    });
    await this.#members.ended(VICTIM);
    await this.#start(VICTIM);
    await this.#rest('  the member is back');
    return ms;
  }

  async #pause(): Promise<number> {
    const ms = await this.#measure('its process is stopped', () => {
      this.#members.signal(VICTIM, 'SIGSTOP');
    });
    this.#members.signal(VICTIM, 'SIGCONT');
    await this.#rest('  the member goes on');
    return ms;
  }

  async #standStill(): Promise<number> {
    const obstacle = whyNoInjection();
    if (obstacle !== undefined) throw new Error(`no disk can be made to stand still: ${obstacle}`);
    const stillness = await standStill(this.#members.pid(VICTIM), DISK_CALLS);
    const writer = new LoneWriter(this.#members.addresses, WRITTEN_SHARD);
    let writing: Promise<string> = Promise.resolve('');
    const ms = await this.#measure('its disk stands still, one shard is written', () => {
      writing = writer.write();
    });
    console.log(`  the write: ${await writing}`);
    writer.close();
    this.#members.signal(VICTIM, 'SIGKILL');
    // It is gone when nobody traces it any more.
    await stillness.end();
    await this.#members.ended(VICTIM);
    await this.#start(VICTIM);
    await this.#rest('  the member is back');
    return ms;
  }

  /** How long it takes the survivors to lead all shards, from `strike` on. */
  async #measure(title: string, strike: () => void): Promise<number> {
    const pids = SURVIVORS.map((member) => this.#members.pid(member));
    const before = await this.#led();
    const cpuBefore = pids.map(cpuSeconds);
    const writesBefore = pids.map(writeCalls);
    const beginMs = Date.now();
    strike();
    const orphans = this.#shards - before;
    const seen: { readonly ms: number; readonly led: number }[] = [];
    let led = 0;
    while (led < orphans && Date.now() - beginMs < PATIENCE_MS) {
      await sleep(POLL_MS);
      led = (await this.#led()) - before;
      seen.push({ ms: Date.now() - beginMs, led });
    }
    const ms = (part: number): number =>
      seen.find(({ led: count }) => count >= orphans * part)?.ms ?? Number.POSITIVE_INFINITY;
    const sum = (now: readonly number[], then: readonly number[]): number =>
      now.reduce((total, one, i) => total + one - (then[i] ?? 0), 0);
    const cpu = sum(pids.map(cpuSeconds), cpuBefore).toFixed(2);
    const writes = sum(pids.map(writeCalls), writesBefore);
    console.log(
      `${title}: ${orphans} shards led again, ms p50 ${ms(0.5)}, p99 ${ms(0.99)}, all ${ms(1)}; ` +
        `the two others: ${cpu} s of processor, ${writes} writes to sockets and disk`,
    );
    return ms(1);
  }

  /** Shards that the survivors lead. */
  async #led(): Promise<number> {
    const reports = await this.#ask(SURVIVORS);
    return reports.reduce((total, report) => total + report.led, 0);
  }

  async #ask(members: readonly number[]): Promise<readonly ShardsReport[]> {
    for (const member of members) {
      this.#reports.delete(member);
      this.#members.signal(member, 'SIGUSR2');
    }
    const isAnswered = (): boolean => members.every((member) => this.#reports.has(member));
    while (!isAnswered() && members.every((member) => this.#members.isRunning(member))) {
      await sleep(2);
    }
    return members.map((member) => must(this.#reports.get(member), `member ${member} answers`));
  }

  /** Until leaders are spread and all shards hibernate. */
  async #rest(title: string): Promise<void> {
    const { ids } = this.#members;
    const beginMs = Date.now();
    let isRest = false;
    while (!isRest) {
      if (Date.now() - beginMs > PATIENCE_MS) throw new Error('the shards do not come to rest');
      for (const member of ids) this.#members.signal(member, 'SIGHUP');
      await sleep(1_000);
      const reports = await this.#ask(ids);
      isRest = reports.every(
        ({ hibernating, led }) =>
          hibernating === this.#shards && Math.abs(led - this.#shards / 3) <= 1,
      );
    }
    const seconds = ((Date.now() - beginMs) / 1_000).toFixed(1);
    const memory = ids.map((member) => residentMiB(this.#members.pid(member)).toFixed(0));
    console.log(`${title}: at rest after ${seconds} s; ${memory.join(', ')} MiB resident`);
  }
}

function residentMiB(pid: number): number {
  const [, pages] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ');
  return (Number(pages) * 4_096) / 2 ** 20;
}

/** Calls that write, to files and sockets alike. */
function writeCalls(pid: number): number {
  const [, count] = /^syscw: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8')) ?? [];
  return Number(count);
}
