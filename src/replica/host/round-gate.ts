// When the commands at a shard's door go into the log.
//
// A round is a commit's way to the followers, to three disks and back. It costs each member the
// same whether it carries one command or a hundred: writes to sockets, wakes of threads, turns of
// the loop. Four busy connections that are answered one after the other would keep four rounds
// under way, with a quarter of the commands in each.
//
// [H17] So two rounds are under way at most, one going to the disks and one coming back, and who
// comes meanwhile gathers. Nobody waits for long: over a line of 100 ms a command would wait for
// half of that again, so the gate opens after a few milliseconds. Nor for much: what has gathered
// to a good size is not made cheaper by more.

import type { Clock, Timer } from '../../base/capabilities.ts';
import { LIMITS } from '../../base/limits.ts';
import type { Proposals } from './proposals.ts';

export class RoundGate {
  readonly #clock: Pick<Clock, 'setTimer'>;
  readonly #proposals: Pick<Proposals, 'isHeld' | 'isWaiting'>;
  readonly #onOpen: () => void;
  #timer: Timer | undefined;
  /** They have waited for as long as they may. */
  #isOver = false;

  constructor(
    clock: Pick<Clock, 'setTimer'>,
    proposals: Pick<Proposals, 'isHeld' | 'isWaiting'>,
    onOpen: () => void,
  ) {
    this.#clock = clock;
    this.#proposals = proposals;
    this.#onOpen = onOpen;
  }

  /** Commands are at the door, and go now. Those of a replica that does not lead are refused. */
  isOpen(isLeader: boolean): boolean {
    if (!this.#proposals.isWaiting) return false;
    return !isLeader || this.#isOver || !this.#proposals.isHeld;
  }

  /** Whoever is at the door now is let in after some time. */
  watch(): void {
    if (this.#proposals.isWaiting) {
      this.#timer ??= this.#clock.setTimer(LIMITS.replica.roundWaitMs, this.#onTimer);
    }
  }

  /** Nobody is at the door any more. */
  clear(): void {
    this.#isOver = false;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    this.#isOver = true;
    this.#onOpen();
  };
}
