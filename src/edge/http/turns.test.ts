// Long answers to readers that read, that read slowly and that look away.

import assert from 'node:assert/strict';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SystemClock } from '../../engine/clock/index.ts';
import { Turns } from './turns.ts';

const PIECE = 'x'.repeat(20_000);

/** Pieces of 20,000 characters, with the number made so far. */
class Source {
  made = 0;
  readonly #pieces: number;

  constructor(pieces: number) {
    this.#pieces = pieces;
  }

  readonly make = (): Iterator<string, undefined> => this.#run();

  *#run(): Generator<string, undefined> {
    for (let i = 0; i < this.#pieces; i++) {
      this.made += 1;
      yield PIECE;
    }
  }
}

function turns(readersMax = 4, stalledMs = 50): Turns {
  return new Turns(new SystemClock(), { readersMax, stalledMs });
}

function long(answer: string | Readable): Readable {
  assert.ok(typeof answer !== 'string');
  return answer;
}

test('an answer that fits one chunk is text', () => {
  const answer = turns().answer(new Source(1).make);
  assert.equal(answer, PIECE);
});

test('a longer answer arrives whole', async () => {
  const answer = long(turns().answer(new Source(101).make));
  assert.equal(await text(answer), PIECE.repeat(101));
});

test('nothing is made for a reader that takes nothing', async () => {
  const source = new Source(1_000);
  const answer = long(turns().answer(source.make));
  await sleep(20);
  assert.ok(source.made < 10, `${source.made} pieces`);
  answer.read();
  await sleep(20);
  assert.ok(source.made < 20, `${source.made} pieces`);
  answer.destroy();
});

test('other work goes on between the chunks', async () => {
  const source = new Source(200);
  const answer = text(long(turns().answer(source.make)));
  let between = 0;
  let done = false;
  const work = (): void => {
    between += 1;
    if (!done) setImmediate(work);
  };
  setImmediate(work);
  await answer;
  done = true;
  assert.ok(between >= 200 / 4 - 2, `${between} turns for ${source.made} pieces`);
});

test('readers beyond the limit wait for those that read', async () => {
  const few = turns(2);
  const sources = Array.from({ length: 8 }, () => new Source(50));
  const answers = sources.map((source) => long(few.answer(source.make)));
  const texts = await Promise.all(answers.map((answer) => text(answer)));
  for (const one of texts) assert.equal(one.length, 50 * PIECE.length);
});

test('readers that look away lose their places to one that reads', async () => {
  const few = turns(3, 50);
  const deaf = Array.from({ length: 9 }, () => long(few.answer(new Source(50).make)));
  for (const answer of deaf) answer.on('error', () => {});
  const reading = long(few.answer(new Source(50).make));
  assert.equal((await text(reading)).length, 50 * PIECE.length);
  const cut = deaf.filter((answer) => answer.destroyed);
  assert.ok(cut.length >= 7, `${cut.length} were cut`);
  for (const answer of deaf) answer.destroy();
});

test('while nobody waits a reader may pause as long as it likes', async () => {
  const answer = long(turns(3, 20).answer(new Source(50).make));
  await sleep(100);
  assert.equal((await text(answer)).length, 50 * PIECE.length);
});

test('an answer that fails is cut, not ended', async () => {
  const answer = long(
    turns().answer(function* () {
      for (let i = 0; i < 20; i++) yield PIECE;
      throw new Error('the state is broken');
    }),
  );
  await assert.rejects(text(answer), /the state is broken/);
});

test('an answer that finds nothing for a while leaves turns to others', async () => {
  let turnsOfOthers = 0;
  function* pieces(): Generator<string, undefined> {
    yield 'begin ';
    for (let i = 0; i < 50; i++) yield '';
    yield 'end';
  }
  const answer = long(turns().answer(pieces));
  const count = (): void => {
    turnsOfOthers += 1;
    if (!answer.readableEnded) setImmediate(count);
  };
  setImmediate(count);
  assert.equal(await text(answer), 'begin end');
  assert.ok(turnsOfOthers >= 40, `${turnsOfOthers} turns`);
});
