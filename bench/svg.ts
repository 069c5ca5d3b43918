// Small line charts as SVG files that need nothing around them. Colours follow the reader's dark or
// light preference; each line also has its own dash and its name at its end, for eyes and printers
// that do not tell the colours apart.

export interface Series {
  readonly name: string;
  /** One value per tick of the x axis; undefined where nothing was measured. */
  readonly values: readonly (number | undefined)[];
}

export interface Chart {
  readonly title: string;
  readonly subtitle: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Where the values of the series stand. */
  readonly xTicks: readonly number[];
  /** Lines of the grid; the values lie between the first and the last. */
  readonly yTicks: readonly number[];
  readonly series: readonly Series[];
}

const WIDTH = 720;
const HEIGHT = 400;
const PLOT = { left: 64, right: 580, top: 76, bottom: 340 } as const;
const DASHES = ['', '8 4', '2 4', '10 3 2 3'];

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 17px; font-weight: 600 } .soft { fill: #57606a }
  .grid { stroke: #d0d7de } .axis { stroke: #57606a }
  .line { fill: none; stroke-width: 2.5 }
  .s0 { stroke: #0969da; fill: #0969da } .s1 { stroke: #1a7f37; fill: #1a7f37 }
  .s2 { stroke: #bc4c00; fill: #bc4c00 } .s3 { stroke: #8250df; fill: #8250df }
  text.s0, text.s1, text.s2, text.s3 { stroke: none }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .soft { fill: #9198a1 }
    .grid { stroke: #30363d } .axis { stroke: #9198a1 }
    .s0 { stroke: #58a6ff; fill: #58a6ff } .s1 { stroke: #3fb950; fill: #3fb950 }
    .s2 { stroke: #f0883e; fill: #f0883e } .s3 { stroke: #bc8cff; fill: #bc8cff }
  }
  .line { fill: none }`;

/** A line chart with logarithmic axes. */
export function drawChart(chart: Chart): string {
  const x = logScale(chart.xTicks, PLOT.left + 24, PLOT.right - 24);
  const y = logScale(chart.yTicks, PLOT.bottom, PLOT.top);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">`,
    `<title>${escapeText(chart.title)}</title>`,
    `<desc>${escapeText(describe(chart))}</desc>`,
    `<style>${STYLE}\n</style>`,
    text(PLOT.left, 28, chart.title, 'class="title"'),
    text(PLOT.left, 48, chart.subtitle, 'class="soft"'),
    ...grid(chart, x, y),
    ...chart.series.flatMap((series, i) => line(series, i, chart.xTicks, x, y)),
    ...labels(chart, y),
    '</svg>',
  ];
  return `${parts.join('\n')}\n`;
}

function grid(chart: Chart, x: (value: number) => number, y: (value: number) => number): string[] {
  const parts: string[] = [];
  for (const [i, tick] of chart.yTicks.entries()) {
    const at = round(y(tick));
    const kind = i === 0 ? 'axis' : 'grid';
    parts.push(`<path class="${kind}" d="M${PLOT.left} ${at}H${PLOT.right}"/>`);
    parts.push(text(PLOT.left - 8, at + 4, String(tick), 'class="soft" text-anchor="end"'));
  }
  for (const tick of chart.xTicks) {
    const at = round(x(tick));
    parts.push(text(at, PLOT.bottom + 20, tick.toLocaleString('en'), 'text-anchor="middle"'));
  }
  const middle = (PLOT.left + PLOT.right) / 2;
  parts.push(text(middle, PLOT.bottom + 44, chart.xLabel, 'class="soft" text-anchor="middle"'));
  parts.push(text(PLOT.left - 8, PLOT.top - 12, chart.yLabel, 'class="soft"'));
  return parts;
}

function line(
  series: Series,
  index: number,
  ticks: readonly number[],
  x: (value: number) => number,
  y: (value: number) => number,
): string[] {
  const points: [number, number][] = [];
  for (const [i, tick] of ticks.entries()) {
    const value = series.values[i];
    if (value !== undefined) points.push([round(x(tick)), round(y(value))]);
  }
  const path = points.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${px} ${py}`).join('');
  const dash = DASHES[index % DASHES.length] ?? '';
  const pattern = dash === '' ? '' : ` stroke-dasharray="${dash}"`;
  return [
    `<path class="line s${index}"${pattern} d="${path}"/>`,
    ...points.map(([px, py]) => `<circle class="s${index}" cx="${px}" cy="${py}" r="3.5"/>`),
  ];
}

/** Names at the ends of their lines, moved apart where the lines end close together. */
function labels(chart: Chart, y: (value: number) => number): string[] {
  const ends = chart.series.map((series, index) => {
    const last = present(series.values).at(-1) ?? 0;
    return { index, text: `${series.name}: ${last}`, at: y(last) + 4 };
  });
  let free = Number.POSITIVE_INFINITY;
  const parts: string[] = [];
  for (const end of ends.toSorted((a, b) => b.at - a.at)) {
    const at = Math.min(end.at, free - 17);
    free = at;
    parts.push(text(PLOT.right + 12, round(at), end.text, `class="s${end.index}"`));
  }
  return parts;
}

/** Places `ticks` and what lies between them from `start` to `end`. */
function logScale(ticks: readonly number[], start: number, end: number): (value: number) => number {
  const low = Math.log(Math.min(...ticks));
  const span = Math.log(Math.max(...ticks)) - low || 1;
  return (value) => start + ((Math.log(value) - low) / span) * (end - start);
}

function describe(chart: Chart): string {
  const words = chart.series.map(({ name, values }) => `${name} ${values.join(', ')}`);
  return `${chart.yLabel} at ${chart.xTicks.join(', ')} ${chart.xLabel}: ${words.join('; ')}`;
}

function present(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined);
}

function text(x: number, y: number, words: string, attributes: string): string {
  return `<text x="${x}" y="${y}" ${attributes}>${escapeText(words)}</text>`;
}

function escapeText(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
