// Where things go in the picture of a part: one column for each call and return, one lane for each
// process, a point for each operation that was placed.

import { NEVER, type Operation } from './model.ts';
import type { Reach } from './search.ts';
import { Timeline } from './timeline.ts';

export interface Box {
  /** Index of the operation. */
  readonly operation: number;
  readonly lane: number;
  /** Columns, from the call to the return or the end of the picture. */
  readonly from: number;
  readonly to: number;
}

/** Where an operation takes effect: between two columns, in the order that the search found. */
export interface Point {
  readonly column: number;
  readonly lane: number;
}

export interface Layout {
  readonly columnCount: number;
  /** The process of each lane; one process has several where its operations overlap. */
  readonly lanes: readonly number[];
  readonly boxes: readonly Box[];
  readonly points: readonly Point[];
}

export function layOut(
  operations: readonly Operation<unknown>[],
  { order }: Pick<Reach<never>, 'order'>,
): Layout {
  const { count, position } = new Timeline(operations);
  const pendingCount = operations.filter(({ returnAt }) => returnAt === NEVER).length;
  const columnCount = 2 * count - pendingCount + 1;
  const spans = operations.map((_, operation) => ({
    operation,
    from: position[operation] as number,
    to: Math.min(position[count + operation] as number, columnCount - 1),
  }));
  const { lanes, laneOf } = assignLanes(operations, spans);
  const boxes = spans.map((span, i) => ({ ...span, lane: laneOf[i] as number }));
  return { columnCount, lanes, boxes, points: placePoints(order, boxes) };
}

interface Span {
  readonly from: number;
  readonly to: number;
}

/** After a pending operation its process may go on; the next operation then needs a second lane. */
function assignLanes(
  operations: readonly Operation<unknown>[],
  spans: readonly Span[],
): { lanes: number[]; laneOf: number[] } {
  const processes = [...new Set(operations.map(({ process }) => process))].toSorted(
    (a, b) => a - b,
  );
  const lanes: number[] = [];
  const laneOf: number[] = [];
  for (const process of processes) {
    const first = lanes.length;
    const busyUntil: number[] = [];
    for (const [i, operation] of operations.entries()) {
      if (operation.process !== process) continue;
      const { from, to } = spans[i] as Span;
      const free = busyUntil.findIndex((until) => until < from);
      const lane = free === -1 ? busyUntil.length : free;
      busyUntil[lane] = to;
      laneOf[i] = first + lane;
    }
    lanes.push(...busyUntil.map(() => process));
  }
  return { lanes, laneOf };
}

/**
 * Each operation takes effect after its call and after the one placed before it. That is before its
 * own return, or the order would contradict real time.
 */
function placePoints(order: readonly number[], boxes: readonly Box[]): Point[] {
  let gap = 0;
  const placed = order.map((operation) => {
    const { from, lane } = boxes[operation] as Box;
    gap = Math.max(gap, from);
    return { gap, lane };
  });
  const points: Point[] = [];
  for (const [inGap, own] of Map.groupBy(placed, (point) => point.gap)) {
    for (const [i, { lane }] of own.entries()) {
      points.push({ column: inGap + (i + 1) / (own.length + 1), lane });
    }
  }
  return points;
}
