import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawChart } from './svg.ts';

const chart = {
  title: 'Rounds & <members>',
  subtitle: 'drawn by a test',
  xLabel: 'members',
  yLabel: 'rounds',
  xTicks: [10, 100, 1_000],
  yTicks: [0.5, 5, 50],
  series: [
    { name: 'key', values: [0.6, 1.5, 2.1] },
    { name: 'join', values: [4.3, undefined, 6.4] },
    { name: 'death', values: [42.8, 41.6, 42] },
  ],
};

test('a chart is one well-formed drawing that needs nothing from outside', () => {
  const svg = drawChart(chart);
  assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  assert.match(svg, /<title>Rounds &amp; &lt;members&gt;<\/title>/);
  assert.doesNotMatch(svg, /href|@import|url\(|NaN|Infinity|undefined<|style=/);
  // Every element that is opened is closed.
  const opened = [...svg.matchAll(/<([a-z]+)(?:\s[^>]*[^/])?>/g)].map((match) => match[1]);
  const closed = [...svg.matchAll(/<\/([a-z]+)>/g)].map((match) => match[1]);
  assert.equal(opened.length, closed.length);
  assert.deepEqual(new Set(opened), new Set(closed));
});

test('a chart has a line per series, a dot per value, and a name at each end', () => {
  const svg = drawChart(chart);
  assert.equal(svg.match(/<path class="line/g)?.length, 3);
  assert.equal(svg.match(/<circle/g)?.length, 8);
  assert.match(svg, />key: 2\.1</);
  assert.match(svg, /prefers-color-scheme: dark/);
});

test('names of lines that end close together are moved apart', () => {
  const same = [5, 5, 5, 5].map((value, i) => ({ name: `line ${i}`, values: [value] }));
  const svg = drawChart({ ...chart, xTicks: [10], series: same });
  const places = [...svg.matchAll(/y="([0-9.]+)" class="s\d">line/g)].map((m) => Number(m[1]));
  assert.equal(places.length, 4);
  const sorted = places.toSorted((a, b) => a - b);
  for (let i = 1; i < 4; i++) assert.ok((sorted[i] ?? 0) - (sorted[i - 1] ?? 0) >= 16);
});
