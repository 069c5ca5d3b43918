// Import cycles, `import type` included: a cycle of types is a knot for the reader all the same.

import { edgesOf } from './imports.ts';
import type { Finding, Rule, Source } from './source.ts';

export const cycleRule: Rule = (tree) => {
  const graph = graphOf(tree);
  const findings: Finding[] = [];
  for (const knot of knots(graph)) {
    const path = knot[0] as string;
    const way = shortestCycle(path, graph, new Set(knot));
    const others = knot.length - way.length;
    const more = others === 0 ? '' : ` (${others} more files in the same knot)`;
    const message = `import cycle: ${[...way, path].join(' -> ')}${more}`;
    findings.push({ path, line: 0, message });
  }
  return findings;
};

type Graph = ReadonlyMap<string, readonly string[]>;

function graphOf(tree: readonly Source[]): Graph {
  const graph = new Map<string, string[]>();
  for (const { path } of tree) graph.set(path, []);
  for (const edge of edgesOf(tree)) {
    if (edge.internal && graph.has(edge.to)) graph.get(edge.from)?.push(edge.to);
  }
  return graph;
}

/** Strongly connected components with more than one file (Tarjan), each sorted by path. */
function knots(graph: Graph): string[][] {
  const found: string[][] = [];
  const order = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const visit = (node: string): number => {
    const index = order.size;
    order.set(node, index);
    low.set(node, index);
    stack.push(node);
    let lowest = index;
    for (const next of graph.get(node) ?? []) {
      if (!order.has(next)) lowest = Math.min(lowest, visit(next));
      else if (stack.includes(next)) lowest = Math.min(lowest, order.get(next) as number);
    }
    low.set(node, lowest);
    if (lowest === index) {
      const knot = stack.splice(stack.indexOf(node)).toSorted();
      const selfImport = graph.get(node)?.includes(node) ?? false;
      if (knot.length > 1 || selfImport) found.push(knot);
    }
    return lowest;
  };
  for (const node of graph.keys()) if (!order.has(node)) visit(node);
  return found;
}

/** Breadth first from `start` back to itself: the shortest way shows the reader where to cut. */
function shortestCycle(start: string, graph: Graph, within: ReadonlySet<string>): string[] {
  const paths: string[][] = [[start]];
  const seen = new Set<string>();
  for (const path of paths) {
    for (const next of graph.get(path.at(-1) as string) ?? []) {
      if (next === start) return path;
      if (!within.has(next) || seen.has(next)) continue;
      seen.add(next);
      paths.push([...path, next]);
    }
  }
  return [start];
}
