// Long answers, made while they are sent. Three things keep them from taking the member away from
// everybody else:
//
// 1. A reader holds one chunk that it has not taken and one that waits behind it, whatever the
//    whole answer is. The next chunk is made when the reader has taken the one before.
// 2. Chunks are made one per turn of the event loop, by the readers in a row: what has arrived for
//    others meanwhile is handled in between, so a write waits for one chunk and not for all.
// 3. So many readers hold chunks and no more. The next one waits for a place, and while somebody
//    waits, readers that took nothing for a while are cut off.

import { Readable } from 'node:stream';
import type { Clock } from '../../base/capabilities.ts';
import { LIMITS } from '../../base/limits.ts';

export type TurnClock = Pick<Clock, 'monotonicMs' | 'setTimer' | 'afterTurn'>;

export type MakePieces = () => Iterator<string, undefined>;

interface TurnLimits {
  readonly readersMax: number;
  /** A reader that took nothing for this long loses its place when somebody waits for one. */
  readonly stalledMs: number;
}

/** The long answers of one member. */
export class Turns {
  readonly #clock: TurnClock;
  readonly #limits: TurnLimits;
  /** Have a place; the one that was given a chunk the longest time ago comes first. */
  readonly #holding = new Set<LongAnswer>();
  /** Have none yet, the first to come first. Bounded by the connections that HTTP may have. */
  readonly #waiting = new Set<LongAnswer>();
  readonly #asking = new Set<LongAnswer>();
  #servingDue = false;
  #cuttingDue = false;

  constructor(clock: TurnClock, limits: TurnLimits = LIMITS.http) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** The answer as text when it fits one chunk, else as a stream that takes its turns. */
  answer(make: MakePieces): string | Readable {
    const pieces = make();
    const { text: first } = makeChunk(pieces);
    const { isLast, text: second } = makeChunk(pieces, 1);
    if (isLast && second === '') return first;
    const hasPlace = this.#holding.size < this.#limits.readersMax;
    // Without a place not even the first chunk is kept.
    const answer = new LongAnswer(this, hasPlace ? chained(first + second, pieces) : undefined);
    if (hasPlace) this.#enter(answer);
    else this.#wait(answer, make);
    return answer;
  }

  ask(answer: LongAnswer): void {
    this.#asking.add(answer);
    if (!this.#holding.has(answer)) return;
    this.#enter(answer);
    this.#serveSoon();
  }

  leave(answer: LongAnswer): void {
    this.#asking.delete(answer);
    this.#waiting.delete(answer);
    if (!this.#holding.delete(answer)) return;
    for (const next of this.#waiting) {
      this.#waiting.delete(next);
      next.begin();
      this.#enter(next);
      this.#serveSoon();
      return;
    }
  }

  /** Gives a place, or moves the place to the end of the row: the reader gave a sign. */
  #enter(answer: LongAnswer): void {
    answer.lastSignMs = this.#clock.monotonicMs();
    this.#holding.delete(answer);
    this.#holding.add(answer);
  }

  #wait(answer: LongAnswer, make: MakePieces): void {
    answer.makeLater(make);
    this.#waiting.add(answer);
    this.#cutStalled();
  }

  #cutStalled(): void {
    if (this.#cuttingDue || this.#waiting.size === 0) return;
    const now = this.#clock.monotonicMs();
    const { stalledMs } = this.#limits;
    const stalled: LongAnswer[] = [];
    let nextMs = stalledMs;
    for (const answer of this.#holding) {
      const silentMs = now - answer.lastSignMs;
      // One that asks and was not served waits for us.
      if (this.#asking.has(answer)) continue;
      if (silentMs < stalledMs) {
        nextMs = stalledMs - silentMs;
        break;
      }
      stalled.push(answer);
    }
    for (const answer of stalled.slice(0, this.#waiting.size)) {
      answer.destroy(new Error('a reader that takes nothing lost its place to one that waits'));
    }
    this.#cuttingDue = true;
    this.#clock.setTimer(nextMs, () => {
      this.#cuttingDue = false;
      this.#cutStalled();
    });
  }

  #serveSoon(): void {
    if (this.#servingDue) return;
    this.#servingDue = true;
    this.#clock.afterTurn(() => this.#serveNext());
  }

  #serveNext(): void {
    this.#servingDue = false;
    for (const answer of this.#asking) {
      if (!this.#holding.has(answer)) continue;
      this.#asking.delete(answer);
      this.#serveSoon();
      answer.give();
      return;
    }
  }
}

class LongAnswer extends Readable {
  readonly #turns: Turns;
  #pieces: Iterator<string, undefined> | undefined;
  #make: MakePieces | undefined;
  /** When it last took a chunk. */
  lastSignMs = 0;

  constructor(turns: Turns, pieces: Iterator<string, undefined> | undefined) {
    // One byte: the next chunk is asked for when nothing waits here. Text stays text down to the
    // socket, which frees its bytes when they are sent. As Buffers the chunks of four busy readers
    // lay about by tens of MiB until V8 looked for them.
    super({ highWaterMark: 1, encoding: 'utf8' });
    this.#turns = turns;
    this.#pieces = pieces;
  }

  makeLater(make: MakePieces): void {
    this.#make = make;
  }

  begin(): void {
    this.#pieces = this.#make?.();
    this.#make = undefined;
  }

  override _read(): void {
    this.#turns.ask(this);
  }

  give(): void {
    try {
      const { isLast, text } = this.#pieces === undefined ? NOTHING : makeChunk(this.#pieces);
      if (text !== '') this.push(text);
      else if (isLast) this.push(null);
      else this.#turns.ask(this);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#pieces = undefined;
    this.#turns.leave(this);
    done(error);
  }
}

function* chained(first: string, rest: Iterator<string, undefined>): Generator<string, undefined> {
  yield first;
  for (let next = rest.next(); next.done !== true; next = rest.next()) yield next.value;
}

interface Chunk {
  readonly text: string;
  /** There are no more pieces. */
  readonly isLast: boolean;
}

const NOTHING: Chunk = { text: '', isLast: true };

/** At least `chars` unless the pieces end, or one is empty: it was work enough for a turn. */
function makeChunk(
  pieces: Iterator<string, undefined>,
  chars: number = LIMITS.http.chunkBytes,
): Chunk {
  let text = '';
  while (text.length < chars) {
    const next = pieces.next();
    if (next.done === true) return { text, isLast: true };
    if (next.value === '') break;
    text += next.value;
  }
  return { text, isLast: false };
}
