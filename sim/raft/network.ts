// The network between the replicas: lossy, slow, doubling, and cut in changing ways.

import type { Prng } from '../../src/base/prng.ts';
import type { Message, NodeId } from '../../src/core/raft/index.ts';
import type { Counters } from './counters.ts';
import { type Scenario, TICK } from './scenario.ts';
import type { Timeline } from './timeline.ts';

const LATE_TICKS = 60;
const HEALED_DELAY = 2;

type CutShape = 'isolate' | 'halves' | 'oneWay' | 'partial';

export class Network {
  readonly #scenario: Scenario;
  readonly #random: Prng;
  readonly #timeline: Timeline;
  readonly #counters: Counters;
  /** `#cut[from * size + to]` is 1 where nothing passes. */
  readonly #cut: Uint8Array;
  readonly #size: number;
  /** When the newest message on each link is due: an earlier one overtakes it. */
  readonly #due: Float64Array;
  #isHealed = false;

  constructor(scenario: Scenario, random: Prng, timeline: Timeline, counters: Counters) {
    this.#scenario = scenario;
    this.#random = random;
    this.#timeline = timeline;
    this.#counters = counters;
    this.#size = scenario.pool + 1;
    this.#cut = new Uint8Array(this.#size * this.#size);
    this.#due = new Float64Array(this.#size * this.#size);
  }

  /** False if the message is lost at once, as far as anyone can know. */
  send(message: Message): boolean {
    const { from, to } = message;
    const link = from * this.#size + to;
    if (this.#cut[link] === 1) {
      this.#counters.messagesCut += 1;
      return false;
    }
    if (this.#isHealed) {
      // In order, as a stream gives it.
      this.#timeline.add(HEALED_DELAY, 'deliver', to, 0, 0, message);
      return true;
    }
    const { loss, duplication } = this.#scenario;
    if (loss > 0 && this.#random.unit() < loss) {
      this.#counters.messagesLost += 1;
      return false;
    }
    this.#schedule(message, link);
    if (duplication > 0 && this.#random.unit() < duplication) {
      this.#counters.messagesDuplicated += 1;
      this.#schedule(message, link);
    }
    return true;
  }

  #schedule(message: Message, link: number): void {
    const { delayMax, lateness } = this.#scenario;
    let delay = 1 + this.#random.below(delayMax);
    if (lateness > 0 && this.#random.unit() < lateness) {
      this.#counters.messagesLate += 1;
      delay += this.#random.below(LATE_TICKS * TICK);
    }
    // A snapshot is big.
    if (message.kind === 'snapshot') delay += this.#random.below(5 * TICK);
    const due = this.#timeline.now + delay;
    if (due < (this.#due[link] as number)) this.#counters.messagesOvertaken += 1;
    else this.#due[link] = due;
    this.#timeline.add(delay, 'deliver', message.to, 0, 0, message);
  }

  /** What is on its way when a link is cut is lost with it. */
  isCut(from: NodeId, to: NodeId): boolean {
    return this.#cut[from * this.#size + to] === 1;
  }

  /** `leader` is cut off more often than others, with what it has not replicated. */
  cutSomehow(leader: NodeId): string {
    this.#cut.fill(0);
    const shapes: readonly CutShape[] = ['isolate', 'halves', 'oneWay', 'partial'];
    const shape = shapes[this.#random.below(shapes.length)] as CutShape;
    if (shape === 'partial') {
      this.#counters.cutsPartial += 1;
      for (let link = 0; link < this.#cut.length; link++) {
        if (this.#random.below(3) === 0) this.#cut[link] = 1;
      }
      return shape;
    }
    const anyone = 1 + this.#random.below(this.#size - 1);
    const lonely = leader > 0 && this.#random.below(2) === 0 ? leader : anyone;
    const isInside = Array.from({ length: this.#size }, (_, id) =>
      shape === 'isolate' ? id === lonely : this.#random.below(2) === 0,
    );
    const inwards = this.#random.below(2) === 0;
    for (let from = 1; from < this.#size; from++) {
      for (let to = 1; to < this.#size; to++) {
        if (isInside[from] === isInside[to]) continue;
        if (shape === 'oneWay' && isInside[to] !== inwards) continue;
        this.#cut[from * this.#size + to] = 1;
      }
    }
    if (shape === 'oneWay') this.#counters.cutsOneWay += 1;
    else this.#counters.cutsSymmetric += 1;
    return shape;
  }

  mend(): void {
    this.#cut.fill(0);
  }

  /** From now on everything arrives soon, once and in time. */
  heal(): void {
    this.mend();
    this.#isHealed = true;
  }
}
