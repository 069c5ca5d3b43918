// The README lists every behaviour with the tests and lessons that show it. Here it is held against
// what there is: nothing missing, nothing that is gone.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const here = new URL('./', import.meta.url);
const core = new URL('../', import.meta.url);

/** Letter, first and last number of each part. */
const PARTS: readonly (readonly [string, number, number])[] = [
  ['A', 1, 14],
  ['B', 15, 33],
  ['C', 34, 49],
  ['D', 50, 70],
  ['E', 71, 86],
  ['F', 87, 93],
  ['G', 94, 117],
  ['H', 118, 128],
  ['I', 129, 147],
  ['J', 148, 161],
  ['K', 162, 173],
  ['M', 189, 200],
];

function titlesIn(folder: URL): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.test.ts'))
    .flatMap((name) => {
      const source = readFileSync(new URL(name, folder), 'utf8');
      return [...source.matchAll(/\btest\(\s*'([^']+)'/g)].map(([, title]) => title as string);
    });
}

const lessons = readdirSync(new URL('testdata/', core));
const readme = readFileSync(new URL('README.md', here), 'utf8');
const rows = new Map(
  [...readme.matchAll(/^\| ([A-Z]\d+) \| (.*) \|$/gm)].map(([, id, text]) => [id, text as string]),
);

test('every behaviour is listed, with a reason where no test shows it', () => {
  for (const [letter, first, last] of PARTS) {
    for (let n = first; n <= last; n++) {
      const row = rows.get(`${letter}${n}`);
      assert(row !== undefined, `${letter}${n} is listed`);
      assert.match(row, /^(`|host: |not offered: )/, `${letter}${n} names what shows it`);
    }
  }
});

test('what the list names exists', () => {
  const known = new Set([...titlesIn(here), ...titlesIn(core), ...lessons]);
  for (const [id, row] of rows) {
    for (const [, name] of row.matchAll(/`([^`]+)`/g)) {
      assert(known.has(name as string), `${id} names "${name}", which exists`);
    }
  }
});

test('every numbered test and every lesson is in the list', () => {
  for (const name of lessons) assert(readme.includes(`\`${name}\``), `${name} is listed`);
  for (const title of titlesIn(here)) {
    const ids = /^([A-M]\d+(?:, [A-M]\d+)*):/.exec(title)?.[1]?.split(', ') ?? [];
    for (const id of ids) assert(rows.get(id)?.includes(title), `${id} lists "${title}"`);
  }
});
