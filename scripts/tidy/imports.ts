// The import graph of the tree: who imports whom, types included.

import { dirname, join, normalize } from 'node:path/posix';
import { isScript, type Source } from './source.ts';
import { syntaxOf } from './syntax.ts';

export interface Edge {
  readonly from: string;
  readonly line: number;
  /** A path of the tree, or the specifier of a package or of a `node:` module. */
  readonly to: string;
  readonly internal: boolean;
}

export function edgesOf(tree: readonly Source[]): Edge[] {
  const edges: Edge[] = [];
  for (const source of tree) {
    if (!isScript(source.path)) continue;
    for (const { specifier, line } of syntaxOf(source).imports) {
      const internal = specifier.startsWith('.');
      const to = internal ? normalize(join(dirname(source.path), specifier)) : specifier;
      edges.push({ from: source.path, line, to, internal });
    }
  }
  return edges;
}

/** `@scope/name` of `@scope/name/sub`, `name` of `name/sub`; undefined for `node:` modules. */
export function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('node:')) return undefined;
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0];
}

/** `src/core/raft` for any file below that folder; undefined for a file that is its own module. */
export function moduleOf(path: string): string | undefined {
  return /^src\/[^/]+\/[^/]+(?=\/)/.exec(path)?.[0];
}

export function layerOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}
