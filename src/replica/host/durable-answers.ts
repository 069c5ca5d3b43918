// [H16] Answers that nobody may hear before what they speak of is durable here.

import { assert } from '../../base/assert.ts';
import type { Store } from '../../engine/store/index.ts';
import type { WriteOutcome } from '../types.ts';
import type { Answers, WriteDone } from './answers.ts';
import type { Supervisor } from './supervisor.ts';
import type { Turn } from './turn.ts';

interface Waiting {
  readonly done: WriteDone;
  readonly outcome: WriteOutcome;
}

export class DurableAnswers {
  readonly #answers: Answers;
  readonly #store: Pick<Store, 'flush'>;
  readonly #turn: Pick<Turn, 'schedule'>;
  readonly #supervisor: Supervisor;
  /** Until the store has answered, or the member stops. */
  readonly #waiting = new Set<Waiting>();
  #isStopped = false;

  constructor(
    answers: Answers,
    store: Pick<Store, 'flush'>,
    turn: Pick<Turn, 'schedule'>,
    supervisor: Supervisor,
  ) {
    this.#answers = answers;
    this.#store = store;
    this.#turn = turn;
    this.#supervisor = supervisor;
  }

  /** `outcome` is being told, at the end of a turn. A refusal need not be durable. */
  tell(done: WriteDone, outcome: WriteOutcome): void {
    if (outcome.kind !== 'applied') done(outcome);
    else if (this.#isStopped) done({ kind: 'unknown', reason: 'stopped' });
    else this.#supervisor.watch('answer', this.#tellLater({ done, outcome }));
  }

  async #tellLater(waiting: Waiting): Promise<void> {
    this.#waiting.add(waiting);
    assert(waiting.outcome.kind === 'applied', '[H16] only an effect has to be durable');
    const isDurable = await this.#store.flush();
    if (!this.#waiting.delete(waiting)) return;
    if (isDurable) this.#answers.write(waiting.done, waiting.outcome);
    else this.#answers.doubtWrite(waiting.done, 'stopped');
    this.#turn.schedule();
  }

  /** [H15] The member stops: who waits for the disk would hear after everyone was told. */
  stop(): void {
    this.#isStopped = true;
    for (const { done } of this.#waiting) this.#answers.doubtWrite(done, 'stopped');
    this.#waiting.clear();
  }
}
