import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulateHistory } from '../../../test/support/simulated-object.ts';
import { kvWorkload } from '../../../test/support/workloads.ts';
import { Prng } from '../../base/prng.ts';
import { checkHistory, type JudgedPart } from './checker.ts';
import { drawFailure } from './draw.ts';
import { layOut } from './layout.ts';
import { NEVER, type Operation } from './model.ts';
import { type KvAction, kvModel } from './models/kv.ts';

const VOID_TAGS = new Set(['meta', 'circle', 'polyline']);

/** Reads the tags of a page strictly: all must nest and close. Answers the texts between them. */
function readPage(page: string): string[] {
  assert(page.startsWith('<!doctype html>\n'));
  const open: string[] = [];
  const texts: string[] = [];
  const opaque = /<(style|script)>[\s\S]*?<\/\1>/g;
  const body = page.slice('<!doctype html>'.length).replaceAll(opaque, '');
  for (const [, closing, tag, attributes, text = ''] of body.matchAll(
    /<(\/?)([a-z][a-z0-9]*)((?: [a-z-]+="[^"<>]*")*) ?\/?>([^<]*)/g,
  )) {
    if (closing === '/') assert.equal(open.pop(), tag);
    else if (!VOID_TAGS.has(tag as string)) open.push(tag as string);
    assert.doesNotMatch(attributes as string, /&(?!amp;|lt;|gt;|quot;)/);
    texts.push(text);
  }
  assert.deepEqual(open, []);
  const rest = body.replaceAll(/<(\/?)([a-z][a-z0-9]*)((?: [a-z-]+="[^"<>]*")*) ?\/?>/g, '');
  assert.doesNotMatch(rest, /[<>]/, 'nothing but tags has angle brackets');
  return texts;
}

function unescape(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}

function failedPart(seed: number): JudgedPart<KvAction, string> {
  const crowd = { clients: 5, operations: 50, keys: 1, lossChance: 0.03 };
  const history = simulateHistory(kvWorkload, crowd, Prng.from(seed, 'draw'));
  const at = history.findLastIndex(
    ({ action, returnAt }) => action.kind === 'get' && returnAt !== NEVER,
  );
  const value = '<b>&"never"</b>';
  history[at] = { ...(history[at] as Operation<KvAction>), action: { kind: 'get', value } };
  const verdict = checkHistory(kvModel, history);
  assert(verdict.kind === 'notLinearizable');
  return verdict.part;
}

test('[C11] the picture is a page that holds every operation and needs nothing else', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const part = failedPart(seed);
    const page = drawFailure(kvModel, part);
    const texts = readPage(page).map((text) => unescape(text));
    const { operations, reach } = part;
    for (const { action } of operations) {
      const text = kvModel.describe(action);
      const same = operations.filter((other) => kvModel.describe(other.action) === text).length;
      const shown = texts.filter((shownText) => shownText === text).length;
      assert(shown >= 2 * same, `${text} is drawn and listed`);
    }
    assert.equal(page.match(/<circle /g)?.length, reach.order.length);
    assert.equal(page.match(/class="op stuck"/g)?.length, 1);
    assert.equal(page.match(/class="op placed/g)?.length, reach.order.length);
    assert.doesNotMatch(page, /https?:|<link|<img|src=|@import|url\(/);
    assert.match(page, /prefers-color-scheme: dark/);
  }
});

test('[C11] the same part gives the same picture', () => {
  assert.equal(drawFailure(kvModel, failedPart(3)), drawFailure(kvModel, failedPart(3)));
});

test('[C11] points lie inside their operations and in the order of the path', () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { operations, reach } = failedPart(seed);
    const { points, boxes, lanes } = layOut(operations, reach);
    let last = -1;
    for (const [i, { column, lane }] of points.entries()) {
      const box = boxes[reach.order[i] as number];
      assert(box !== undefined && box.lane === lane);
      assert(column > box.from && column < box.to, 'inside');
      assert(column > last, 'in order');
      last = column;
    }
    for (const box of boxes) {
      assert.equal(lanes[box.lane], operations[box.operation]?.process);
      const others = boxes.filter((other) => other !== box && other.lane === box.lane);
      assert(
        others.every(({ from, to }) => to < box.from || from > box.to),
        'lanes do not overlap',
      );
    }
  }
});
