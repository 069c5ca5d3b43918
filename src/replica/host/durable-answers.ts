// [H16] Answers that nobody may hear before what they speak of is durable here.

import type { Store } from '../../engine/store/index.ts';
import type { WriteOutcome } from '../types.ts';
import type { Answers, WriteDone } from './answers.ts';

export interface DurableAnswersHome {
  readonly answers: Answers;
  readonly store: Pick<Store, 'flush'>;
  /** There is something to be told at the end of a turn. */
  schedule(): void;
  /** Work that nobody waits for. */
  watch(what: string, work: Promise<unknown>): void;
}

interface Waiting {
  readonly done: WriteDone;
  readonly outcome: WriteOutcome;
}

export class DurableAnswers {
  readonly #home: DurableAnswersHome;
  /** Until the store has answered, or the member stops. */
  readonly #waiting = new Set<Waiting>();
  #isStopped = false;

  constructor(home: DurableAnswersHome) {
    this.#home = home;
  }

  /** `outcome` is being told, at the end of a turn. What had no effect need not be durable. */
  tell(done: WriteDone, outcome: WriteOutcome): void {
    if (outcome.kind !== 'applied') done(outcome);
    else if (this.#isStopped) done({ kind: 'unknown', reason: 'stopped' });
    else this.#home.watch('answer', this.#tellLater({ done, outcome }));
  }

  async #tellLater(waiting: Waiting): Promise<void> {
    const { answers, store } = this.#home;
    this.#waiting.add(waiting);
    const isDurable = await store.flush();
    if (!this.#waiting.delete(waiting)) return;
    if (isDurable) answers.write(waiting.done, waiting.outcome);
    else answers.doubtWrite(waiting.done, 'stopped');
    this.#home.schedule();
  }

  /** [H15] The member stops: who waits for the disk would hear after everyone was told. */
  stop(): void {
    this.#isStopped = true;
    for (const { done } of this.#waiting) this.#home.answers.doubtWrite(done, 'stopped');
    this.#waiting.clear();
  }
}
