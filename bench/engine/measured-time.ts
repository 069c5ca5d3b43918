// The time of a load that counts, and the processor that the servers took meanwhile.

import { cpuSeconds, sleep } from './cluster.ts';

export class MeasuredTime {
  isMeasured = false;
  readonly #servers: readonly number[];

  /** `servers`: their process ids, with commas between them. */
  constructor(servers: string) {
    this.#servers = servers === '' ? [] : servers.split(',').map(Number);
  }

  async pass(
    warmupSeconds: number,
    seconds: number,
  ): Promise<{ readonly seconds: number; readonly cpu: number }> {
    await sleep(warmupSeconds * 1_000);
    const cpuBefore = this.#cpu();
    const startedMs = performance.now();
    this.isMeasured = true;
    await sleep(seconds * 1_000);
    this.isMeasured = false;
    const cpu = this.#cpu() - cpuBefore;
    return { seconds: (performance.now() - startedMs) / 1_000, cpu };
  }

  #cpu(): number {
    return this.#servers.reduce((sum, server) => sum + cpuSeconds(server), 0);
  }
}
