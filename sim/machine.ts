// A simulated machine with at most one process on it at a time.

import { assert } from '../src/base/assert.ts';
import type { Capabilities } from '../src/base/capabilities.ts';
import type { SocketAddress } from '../src/base/ids.ts';
import { Prng } from '../src/base/prng.ts';
import { MachineTime, SimClock } from './clock.ts';
import { SimDisk } from './disk.ts';
import type { FaultCounters } from './faults.ts';
import type { Journal } from './journal.ts';
import type { SimNetwork } from './network.ts';
import type { Process, Scheduler } from './scheduler.ts';

export interface MachinePorts {
  readonly seed: number;
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly faults: FaultCounters;
  readonly journal: Journal;
}

export class Machine {
  readonly name: string;
  readonly index: number;
  readonly ip: string;
  readonly disk: SimDisk;
  readonly #ports: MachinePorts;
  readonly #time: MachineTime;
  #process: Process;
  #capabilities: Capabilities;
  #starts = 0;
  #costMs: (() => number) | undefined;

  constructor(name: string, index: number, ports: MachinePorts) {
    this.name = name;
    this.index = index;
    this.#ports = ports;
    this.ip = ports.network.addMachine(name, index);
    this.#time = new MachineTime(ports.scheduler);
    const diskRandom = Prng.from(ports.seed, `${name} disk`);
    this.disk = new SimDisk(ports.scheduler, diskRandom, ports.faults);
    this.#process = this.#newProcess();
    this.#capabilities = this.#equip();
  }

  /** What the process that runs now may use. A dead process's capabilities do nothing. */
  get capabilities(): Capabilities {
    return this.#capabilities;
  }

  get alive(): boolean {
    return this.#process.alive;
  }

  address(port: number): SocketAddress {
    return `${this.ip}:${port}` as SocketAddress;
  }

  /** SIGKILL: the process is gone at once, the machine says so to its peers and keeps its files. */
  kill(): void {
    this.exit();
    this.#ports.faults.processCrashed += 1;
  }

  /**
   * The power fails: nobody is told, and what was not synced may be lost. `keepsNothing`: all of it
   * is lost.
   */
  losePower(keepsNothing = false): void {
    this.#end(true);
    this.disk.losePower(keepsNothing);
    this.#ports.faults.powerLost += 1;
  }

  /** The process ends by itself: like `kill`, but nobody's fault. */
  exit(): void {
    this.#end(false);
    this.disk.loseWriter();
  }

  /** Starts a new process on the machine and answers its capabilities. */
  restart(): Capabilities {
    assert(!this.alive, 'a machine runs one process at a time');
    this.#process = this.#newProcess();
    this.#capabilities = this.#equip();
    return this.#capabilities;
  }

  /** What an event takes on average, of the process that runs and those after it. */
  setEventCost(meanMs: number): void {
    const random = Prng.from(this.#ports.seed, `${this.name} cost`);
    this.#costMs = meanMs === 0 ? undefined : () => -Math.log(1 - random.unit()) * meanMs;
    this.#process.costMs = this.#costMs;
  }

  /** SIGSTOP: time passes, nothing happens, messages pile up. */
  pause(): void {
    if (this.#process.paused) return;
    this.#process.paused = true;
    this.#ports.faults.processPaused += 1;
  }

  resume(): void {
    if (this.#process.paused) this.#ports.scheduler.wake(this.#process);
  }

  /** From now on the machine's clocks gain (or lose) so many microseconds per second. */
  drift(partsPerMillion: number): void {
    this.#time.drift(partsPerMillion);
    this.#ports.faults.clockDrifted += 1;
  }

  /** In parts per million; the two clocks go apart. */
  setClockRates({ wall, monotonic }: { readonly wall: number; readonly monotonic: number }): void {
    this.#time.driftWall(wall);
    this.#time.driftMonotonic(monotonic);
    if (wall !== monotonic) this.#ports.faults.clocksApart += 1;
  }

  jumpWall(byMs: number): void {
    this.#time.jumpWall(byMs);
    this.#ports.faults.clockJumped += 1;
  }

  #end(silently: boolean): void {
    assert(this.alive, 'only a running process can end');
    this.#process.alive = false;
    this.#process.backlog.length = 0;
    this.#ports.network.dropProcess(this.#process, silently);
  }

  #newProcess(): Process {
    const [index, costMs] = [this.index, this.#costMs];
    return { index, alive: true, paused: false, costMs, busyUntilMs: 0, backlog: [] };
  }

  #equip(): Capabilities {
    const { seed, scheduler, network, journal } = this.#ports;
    this.#starts += 1;
    const process = this.#process;
    return {
      clock: new SimClock(scheduler, this.#time, process, this.#time.elapsedMs()),
      random: Prng.from(seed, `${this.name} start ${this.#starts}`),
      disk: this.disk.diskOf(process),
      net: network.netOf(process, this.ip),
      log: journal.logOf(this.name),
    };
  }
}
