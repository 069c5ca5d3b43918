// Writes down what clients do, in the order in which it happens. Whoever drives the clients calls
// the recorder from one thread, so the order of its calls is the order of real time, and the
// position in that order serves as the time.

import { assert } from '../../base/assert.ts';
import { NEVER, type Operation } from './model.ts';

interface Noted<Action> {
  readonly process: number;
  readonly key: string;
  action: Action;
  readonly callAt: number;
  returnAt: number;
}

export class HistoryRecorder<Action> {
  readonly #noted = new Set<Noted<Action>>();
  readonly #openByProcess = new Map<number, Noted<Action>>();
  #now = 0;

  /** What the process waits for, or undefined when it is free to begin. */
  openAction(process: number): Action | undefined {
    return this.#openByProcess.get(process)?.action;
  }

  /** The process asks; `action` is in the form that says what it would do. */
  begin(process: number, key: string, action: Action): void {
    assert(!this.#openByProcess.has(process), 'a process does one thing at a time [C1]');
    const noted = { process, key, action, callAt: this.#tick(), returnAt: NEVER };
    this.#noted.add(noted);
    this.#openByProcess.set(process, noted);
  }

  /** The answer came; `action` now carries it. */
  complete(process: number, action: Action): void {
    const noted = this.#close(process);
    noted.action = action;
    noted.returnAt = this.#tick();
  }

  /** Nobody will learn the outcome: the operation stays pending, the process may go on [C2]. */
  abandon(process: number): void {
    this.#close(process);
  }

  /** It surely had no effect and told nothing: as if it had never been asked [C3]. */
  withdraw(process: number): void {
    this.#noted.delete(this.#close(process));
  }

  /** In the order of their calls. Operations still open count as pending. */
  operations(): Operation<Action>[] {
    return Array.from(this.#noted, (noted) => ({ ...noted }));
  }

  #close(process: number): Noted<Action> {
    const noted = this.#openByProcess.get(process);
    assert(noted !== undefined, 'only what was begun can end [C1]');
    this.#openByProcess.delete(process);
    return noted;
  }

  #tick(): number {
    this.#now += 1;
    return this.#now;
  }
}
