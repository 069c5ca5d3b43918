// The layer rule: imports point downward only. A boundary is worth what fails when it is crossed,
// so every refusal says which rule it is, in a sentence.

import { type Edge, edgesOf, layerOf, moduleOf, packageOf } from './imports.ts';
import { type Finding, isScript, isTestLike, type Rule } from './source.ts';
import { syntaxOf } from './syntax.ts';

interface Layer {
  /** Layers below it. Its own is always allowed, subject to `siblings`. */
  readonly uses: readonly string[];
  /** How the refusal names the rule. */
  readonly rule: string;
  /**
   * Which modules of this layer a module may import. Absent: any; a cycle is refused elsewhere.
   */
  readonly siblings?: Readonly<Record<string, readonly string[]>>;
}

const LAYERS: Readonly<Record<string, Layer>> = {
  base: { uses: [], rule: 'base imports nothing' },
  core: {
    uses: ['base'],
    rule: 'cores import only base',
    siblings: { placement: ['hash'], consumers: ['hash'] },
  },
  engine: { uses: ['base', 'core'], rule: 'the engine imports only core and base' },
  replica: {
    uses: ['base', 'core', 'engine'],
    rule: 'replicas import only engine, core and base',
  },
  service: {
    uses: ['base', 'core', 'engine', 'replica'],
    rule: 'services import only what lies below them',
    siblings: { model: ['kv', 'stream'], search: ['stream'], webgraph: ['kv'] },
  },
  cluster: {
    uses: ['base', 'core', 'engine', 'replica', 'service'],
    rule: 'the cluster imports no edge, no client and no command line',
  },
  edge: {
    uses: ['base', 'core', 'engine', 'replica', 'service', 'cluster'],
    rule: 'edges import no client and no command line',
  },
  member: {
    uses: ['base', 'core', 'engine', 'replica', 'service', 'cluster', 'edge'],
    rule: 'the composition root imports no client and no command line',
  },
  client: { uses: ['base', 'core'], rule: 'the client knows the members from outside only' },
  cli: {
    uses: ['base', 'core', 'engine', 'replica', 'service', 'cluster', 'edge', 'member', 'client'],
    rule: 'the command line stands on top',
  },
};

/** Folders beside src/, which production code must not need. */
const BESIDE = new Set(['sim', 'test', 'bench', 'interop', 'examples', 'scripts']);

/** Libraries that one layer wraps, so that the others do not depend on them. */
const HOMES: Readonly<Record<string, string>> = {
  fastify: 'edge',
  '@fastify/swagger': 'edge',
  lmdb: 'engine',
  commander: 'cli',
};

export const layerRule: Rule = (tree) => {
  const findings: Finding[] = [];
  for (const edge of edgesOf(tree)) {
    if (layerOf(edge.from) === undefined) continue;
    const message = isTestLike(edge.from) ? testRefusal(edge) : refusal(edge);
    if (message !== undefined) findings.push({ path: edge.from, line: edge.line, message });
  }
  return findings;
};

/** Tests may use packages, node and what lies beside src/, but still nothing from above. */
function testRefusal(edge: Edge): string | undefined {
  return layerOf(edge.to) === undefined || !edge.internal ? undefined : refusal(edge);
}

function refusal(edge: Edge): string | undefined {
  const from = layerOf(edge.from) as string;
  const layer = LAYERS[from];
  if (layer === undefined) {
    return `src/${from} is no layer: see src/README.md for the layers there are`;
  }
  if (!edge.internal) return packageRefusal(edge, from);
  const to = layerOf(edge.to);
  const target = moduleOf(edge.to) ?? edge.to;
  if (to === undefined) {
    const beside = edge.to.split('/')[0] as string;
    if (!BESIDE.has(beside)) return undefined;
    return `imports ${edge.to}: src must not need ${beside}/`;
  }
  if (to === from) return siblingRefusal(edge, layer);
  return layer.uses.includes(to) ? undefined : `imports ${target}: ${layer.rule}`;
}

function siblingRefusal(edge: Edge, layer: Layer): string | undefined {
  const own = moduleOf(edge.from);
  const other = moduleOf(edge.to);
  if (layer.siblings === undefined || other === undefined || own === other) return undefined;
  const name = (path: string): string => path.split('/')[2] as string;
  const allowed = own === undefined ? [] : (layer.siblings[name(own)] ?? []);
  if (allowed.includes(name(other))) return undefined;
  return `imports ${other}: siblings do not import each other, see scripts/tidy/layers.ts`;
}

function packageRefusal(edge: Edge, from: string): string | undefined {
  if (from === 'base' || from === 'core') {
    return `imports ${edge.to}: ${from} takes what it needs as arguments, no package and no node:*`;
  }
  const home = HOMES[packageOf(edge.to) ?? ''];
  if (home === undefined || home === from) return undefined;
  return `imports ${edge.to}: that library is wrapped by src/${home}, use what it offers`;
}

/** A module's public face is its index.ts; whoever is outside imports only that. */
export const faceRule: Rule = (tree) => {
  const findings: Finding[] = [];
  for (const edge of edgesOf(tree)) {
    const target = moduleOf(edge.to);
    if (!edge.internal || target === undefined || isTestLike(edge.from)) continue;
    if (moduleOf(edge.from) === target || edge.to === `${target}/index.ts`) continue;
    const message = `imports ${edge.to}: import ${target}/index.ts, the face of that module`;
    findings.push({ path: edge.from, line: edge.line, message });
  }
  for (const source of tree) {
    if (!isScript(source.path) || moduleOf(source.path) === undefined) continue;
    if (!/^src\/[^/]+\/[^/]+\/index\.ts$/.test(source.path)) continue;
    for (const { kind, line } of syntaxOf(source).topLevel) {
      if (kind.startsWith('Export') && !declares(source.text, line)) continue;
      findings.push({ path: source.path, line, message: 'an index.ts only re-exports' });
    }
  }
  return findings;
};

/** True for `export const x` and the like, which define something in place. */
function declares(text: string, line: number): boolean {
  const written = text.split('\n')[line - 1] as string;
  return !/^export\s+(type\s+)?[{*]/.test(written);
}
