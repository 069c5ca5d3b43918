// A world: machines, the network between them, and time, all from one seed.
//
//   const world = new World({ seed: 7 });
//   const n1 = world.machine('n1');
//   startMember(n1.capabilities, ...);
//   await world.runFor(5_000);
//   n1.kill();
//
// The same seed and the same script give the same `traceHash`, in every process.

import { assert } from '../src/base/assert.ts';
import type { LogLevel } from '../src/base/capabilities.ts';
import { Prng } from '../src/base/prng.ts';
import { type FaultCounters, noFaults } from './faults.ts';
import { Journal } from './journal.ts';
import { Machine } from './machine.ts';
import { SimNetwork } from './network.ts';
import { Action, Scheduler, type SimEvent } from './scheduler.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly logLevel?: LogLevel;
}

/** Simulated time that a single call may take before it counts as stuck. */
const SETTLE_MS = 60_000;

export class World {
  readonly seed: number;
  readonly network: SimNetwork;
  readonly faults: FaultCounters = noFaults();
  readonly journal: Journal;
  readonly #scheduler = new Scheduler();
  readonly #machines = new Map<string, Machine>();

  constructor(options: WorldOptions) {
    this.seed = options.seed;
    this.journal = new Journal(options.logLevel ?? 'info', () => this.#scheduler.nowMs);
    const random = this.random('network');
    this.network = new SimNetwork(this.#scheduler, random, this.faults);
  }

  /** Milliseconds since the world began. */
  get nowMs(): number {
    return this.#scheduler.nowMs;
  }

  get events(): number {
    return this.#scheduler.events;
  }

  /** Events of processes that were busy with another one. */
  get eventsDelayed(): number {
    return this.#scheduler.delayed;
  }

  get traceHash(): string {
    return this.#scheduler.trace.hash;
  }

  /** The machine of that name, made when first named. */
  machine(name: string): Machine {
    const known = this.#machines.get(name);
    if (known !== undefined) return known;
    const machine = new Machine(name, this.#machines.size, {
      seed: this.seed,
      scheduler: this.#scheduler,
      network: this.network,
      faults: this.faults,
      journal: this.journal,
    });
    this.#machines.set(name, machine);
    return machine;
  }

  get machines(): Iterable<Machine> {
    return this.#machines.values();
  }

  /** A stream of chance of its own for a script or a fault plan. */
  random(stream: string): Prng {
    return Prng.from(this.seed, `world ${stream}`);
  }

  /** Does `action` after `delayMs`, whatever becomes of the machines. */
  after(delayMs: number, action: () => void): void {
    this.#scheduler.schedule(new Action(undefined, action), delayMs);
  }

  /** Checks something after every event: a throw ends the run that is on. */
  watch(check: (event: SimEvent) => void): void {
    this.#scheduler.onEvent = check;
  }

  async runFor(durationMs: number): Promise<void> {
    await this.#scheduler.run(this.nowMs + durationMs, () => false);
  }

  /** Runs until `condition` holds. False when it did not within `withinMs`. */
  runUntil(condition: () => boolean, withinMs: number): Promise<boolean> {
    return this.#scheduler.run(this.nowMs + withinMs, condition);
  }

  /** Runs until a promise of some machine settles, and answers what it settled to. */
  async settle<Result>(promise: Promise<Result>): Promise<Result> {
    let settled = false;
    const note = (): void => {
      settled = true;
    };
    promise.then(note, note);
    const answered = await this.runUntil(() => settled, SETTLE_MS);
    assert(answered, 'a call is answered within a simulated minute');
    return promise;
  }
}
