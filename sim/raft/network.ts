// The network between the replicas: lossy, slow, doubling, and cut in changing ways.

import type { Prng } from '../../src/base/prng.ts';
import type { Message, NodeId } from '../../src/core/raft/index.ts';
import type { Counters } from './counters.ts';
import { type Scenario, TICK } from './scenario.ts';
import type { Timeline } from './timeline.ts';

const LATE_TICKS = 60;
const HEALED_DELAY = 2;
/** What streams take before they are given up. */
const HELD_MAX = 1_024;

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
  /** It hears nobody for now; what is said to it is held, as streams do. 0 for nobody. */
  #deaf: NodeId = 0;
  readonly #held: Message[] = [];

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
    if (this.hold(message)) return true;
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

  /**
   * Keeps what is for somebody deaf. A leader that is deaf, and then not heard either, has a
   * successor by and by; later it hears, before anything of that, what was said to it long ago.
   */
  hold(message: Message): boolean {
    if (message.to !== this.#deaf || message.kind === 'snapshot') return false;
    if (this.#held.length === HELD_MAX) return false;
    this.#held.push(message);
    this.#counters.messagesHeld += 1;
    return true;
  }

  deafen(id: NodeId): void {
    this.mend();
    this.#deaf = id;
    this.#counters.cutsDeaf += 1;
  }

  /** From now on nobody hears whoever is deaf. */
  silenceDeaf(): void {
    if (this.#deaf > 0) this.#cut.fill(1, this.#deaf * this.#size, (this.#deaf + 1) * this.#size);
  }

  /** What is on its way when a link is cut is lost with it. */
  isCut(from: NodeId, to: NodeId): boolean {
    return this.#cut[from * this.#size + to] === 1;
  }

  /** `leader` is cut off more often than others, with what it has not replicated. */
  cutSomehow(leader: NodeId): string {
    this.mend();
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

  get isSomeoneDeaf(): boolean {
    return this.#deaf > 0;
  }

  /** Ends a cut, if it has not given way to somebody deaf. */
  mend(): void {
    if (this.#deaf === 0) this.#cut.fill(0);
  }

  hearAgain(): void {
    this.#deaf = 0;
    this.mend();
    for (const message of this.#held.splice(0)) {
      this.#timeline.add(1, 'deliver', message.to, 0, 0, message);
    }
  }

  /** From now on everything arrives soon, once and in time. */
  heal(): void {
    this.hearAgain();
    this.#isHealed = true;
  }
}
