// Draws why a history is not linearizable: one HTML file that needs nothing else. It shows all
// operations of the part as bars in time, the order that came furthest as a path through them, and
// the operation that no order could take in [C11].

import type { JudgedPart } from './checker.ts';
import { type Layout, layOut } from './layout.ts';
import { type Model, NEVER, type Operation, type StateValue } from './model.ts';
import { PAGE_SCRIPT, PAGE_STYLE } from './page.ts';

const COLUMN_PX = 30;
const LANE_PX = 34;
const LABEL_PX = 56;
const BAR_TOP_PX = 5;

/** The picture of a part that is not linearizable. The same part gives the same text. */
export function drawFailure<Action, State extends StateValue>(
  model: Model<Action, State>,
  part: JudgedPart<Action, State>,
): string {
  const drawing = new Drawing(model, part);
  const where = part.key === '' ? '' : `, key ${escapeHtml(JSON.stringify(part.key))}`;
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>Not linearizable: ${escapeHtml(model.name)}${where}</title>`,
    `<style>${PAGE_STYLE}</style>`,
    '</head>',
    '<body>',
    `<h1>Not linearizable: ${escapeHtml(model.name)}${where}</h1>`,
    drawing.summary(),
    drawing.board(),
    drawing.candidates(),
    drawing.table(),
    '<aside id="detail">Point at an operation, or use the arrow keys to follow the order.</aside>',
    `<script>${PAGE_SCRIPT}</script>`,
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

class Drawing<Action, State extends StateValue> {
  readonly #model: Model<Action, State>;
  readonly #part: JudgedPart<Action, State>;
  readonly #layout: Layout;
  /** By operation that is placed: its place in the order. */
  readonly #rank: ReadonlyMap<number, number>;

  constructor(model: Model<Action, State>, part: JudgedPart<Action, State>) {
    this.#model = model;
    this.#part = part;
    this.#layout = layOut(part.operations, part.reach);
    this.#rank = new Map(part.reach.order.map((operation, rank) => [operation, rank]));
  }

  summary(): string {
    const { operations, reach } = this.#part;
    const stuck = operations[reach.stuck] as Operation<Action>;
    return [
      `<p>${operations.length} operations, of which an order explains ${reach.order.length}.`,
      `What process ${stuck.process} saw, <code>${this.#text(stuck.action)}</code>,`,
      'had returned before it made sense.</p>',
      '<p class="key"><span class="placed">in the order</span>',
      '<span class="stuck">stuck</span><span class="left">not placed</span>',
      'dashed end: never returned</p>',
    ].join('\n');
  }

  board(): string {
    const { columnCount, lanes, boxes, points } = this.#layout;
    const width = columnX(columnCount) + COLUMN_PX;
    const height = lanes.length * LANE_PX;
    const path = points.map(({ column, lane }) => [columnX(column), laneMiddle(lane)] as const);
    return [
      '<div class="scroll">',
      `<div class="board" style="width:${width}px;height:${height}px">`,
      ...lanes.map((process, lane) => {
        const top = lane * LANE_PX;
        return `<div class="lane" style="top:${top}px"><b>${process}</b></div>`;
      }),
      ...boxes.map(({ operation, lane, from, to }) => {
        const left = columnX(from);
        const top = lane * LANE_PX + BAR_TOP_PX;
        const style = `left:${left}px;top:${top}px;width:${columnX(to) - left}px`;
        return this.#bar(operation, style);
      }),
      `<svg width="${width}" height="${height}" aria-hidden="true">`,
      `<polyline points="${path.map(([x, y]) => `${x},${y}`).join(' ')}"/>`,
      ...path.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3"/>`),
      '</svg>',
      '</div>',
      '</div>',
    ].join('\n');
  }

  /** What could have come next where the order ends, and what the model says to it. */
  candidates(): string {
    const { operations, reach } = this.#part;
    const state = reach.states.at(-1) ?? this.#model.init();
    const stuck = operations[reach.stuck] as Operation<Action>;
    const rows = operations.flatMap((operation, i) => {
      if (this.#rank.has(i) || operation.callAt > stuck.returnAt) return [];
      const isPossible = this.#model.step(state, operation.action) !== undefined;
      const says = isPossible ? 'possible, but then others are stuck' : 'makes no sense here';
      return [[`${operation.process}`, this.#text(operation.action), says]];
    });
    return [
      '<h2>Where the order ends</h2>',
      `<p>State: <code>${escapeHtml(JSON.stringify(state))}</code></p>`,
      tableOf(['process', 'could come next', 'the model says'], rows),
    ].join('\n');
  }

  /** Everything once more as text: the order with its states, then what is left. */
  table(): string {
    const { operations, reach } = this.#part;
    const left = operations.flatMap((_, i) => (this.#rank.has(i) ? [] : [i]));
    const rows = [...reach.order, ...left].map((index) => {
      const operation = operations[index] as Operation<Action>;
      const rank = this.#rank.get(index);
      const after = rank === undefined ? '' : JSON.stringify(reach.states[rank]);
      const place = rank === undefined ? (index === reach.stuck ? 'stuck' : '-') : `${rank + 1}`;
      const times = `${operation.callAt} to ${timeText(operation.returnAt)}`;
      const text = this.#text(operation.action);
      return [place, `${operation.process}`, text, times, escapeHtml(after)];
    });
    const heads = ['order', 'process', 'operation', 'time', 'state after it'];
    return `<h2>All operations</h2>\n${tableOf(heads, rows)}`;
  }

  #bar(index: number, style: string): string {
    const { operations, reach } = this.#part;
    const { process, action, callAt, returnAt } = operations[index] as Operation<Action>;
    const rank = this.#rank.get(index);
    const fate = rank === undefined ? (index === reach.stuck ? 'stuck' : 'left') : 'placed';
    const pending = returnAt === NEVER ? ' pending' : '';
    const order = rank === undefined ? '' : ` data-order="${rank + 1}"`;
    const text = this.#text(action);
    const placing =
      rank === undefined
        ? fate === 'stuck'
          ? 'no order takes it in'
          : 'not placed'
        : `number ${rank + 1} in the order, state after it ${JSON.stringify(reach.states[rank])}`;
    const detail = escapeHtml(
      `process ${process}, called at ${callAt}, returned at ${timeText(returnAt)}\n${placing}`,
    );
    return (
      `<div class="op ${fate}${pending}" tabindex="0" style="${style}"${order}` +
      ` data-detail="${text}\n${detail}">${text}</div>`
    );
  }

  #text(action: Action): string {
    return escapeHtml(this.#model.describe(action));
  }
}

function columnX(column: number): number {
  return LABEL_PX + Math.round((column + 0.5) * COLUMN_PX);
}

function laneMiddle(lane: number): number {
  return lane * LANE_PX + LANE_PX / 2;
}

function timeText(time: number): string {
  return time === NEVER ? 'never' : `${time}`;
}

/** Cells are HTML already. */
function tableOf(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = heads.map((text) => `<th scope="col">${text}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`);
  return ['<table>', `<tr>${head}</tr>`, ...body, '</table>'].join('\n');
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
