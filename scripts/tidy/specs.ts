// A SPEC.md numbers its rules, one per line that starts with `- **G7** `. Code and tests cite them
// as `[G7]` or `[G7, G8]`, in comments, messages and test names. Every rule must be cited from its
// module, and every citation must name a rule that exists.

import { dirname } from 'node:path/posix';
import { type Finding, isScript, lineOf, type Rule, type Source } from './source.ts';
import { syntaxOf } from './syntax.ts';

const DEFINITION = /^- \*\*([A-Z]{1,3}[0-9]+)\*\* /gm;
const CITATION = /\[([A-Z]{1,3}[0-9]+(?:, ?[A-Z]{1,3}[0-9]+)*)\]/g;

interface Place {
  readonly path: string;
  readonly line: number;
}

export const specRule: Rule = (tree) => {
  const findings: Finding[] = [];
  const defined = new Map<string, Place>();
  const owners = new Map<string, string>();
  for (const spec of tree.filter(({ path }) => /(^|\/)SPEC\.md$/.test(path))) {
    for (const match of spec.text.matchAll(DEFINITION)) {
      const id = match[1] as string;
      const place = { path: spec.path, line: lineOf(spec.text, match.index + 1) };
      const clash = clashOf(id, place, defined, owners);
      if (clash !== undefined) findings.push({ ...place, message: clash });
      defined.set(id, place);
      owners.set(letters(id), spec.path);
    }
  }
  const cited = new Set<string>();
  for (const source of tree) {
    for (const { id, line } of citations(source)) {
      const owner = owners.get(letters(id));
      // Letters that no SPEC.md uses are no citation: `[V1]` may be anything.
      if (owner === undefined) continue;
      if (source.path.startsWith(`${dirname(owner)}/`)) cited.add(id);
      if (defined.has(id)) continue;
      findings.push({ path: source.path, line, message: `[${id}] is no rule of ${owner}` });
    }
  }
  for (const [id, place] of defined) {
    if (cited.has(id)) continue;
    const message = `no code or test of its module cites ${id}: write [${id}] where it is kept`;
    findings.push({ ...place, message });
  }
  return findings;
};

function clashOf(
  id: string,
  place: Place,
  defined: ReadonlyMap<string, Place>,
  owners: ReadonlyMap<string, string>,
): string | undefined {
  if (defined.has(id)) return `${id} is defined twice`;
  const owner = owners.get(letters(id));
  if (owner === undefined || owner === place.path) return undefined;
  return `${id} takes the letters of ${owner}: each SPEC.md has letters of its own`;
}

function letters(id: string): string {
  return id.replace(/[0-9]+$/, '');
}

function citations(source: Source): { id: string; line: number }[] {
  const found: { id: string; line: number }[] = [];
  for (const { text, line } of citingTexts(source)) {
    for (const match of text.matchAll(CITATION)) {
      for (const id of (match[1] as string).split(/, ?/)) {
        found.push({ id, line: line + lineOf(text, match.index) - 1 });
      }
    }
  }
  return found;
}

/** Comments and strings of scripts, transcripts as a whole. Tidy itself speaks about citations. */
function citingTexts(source: Source): readonly { text: string; line: number }[] {
  if (source.path.startsWith('scripts/tidy/')) return [];
  if (isScript(source.path)) {
    const { comments, strings } = syntaxOf(source);
    return [...comments, ...strings];
  }
  return /\/testdata\/.*\.txt$/.test(source.path) ? [{ text: source.text, line: 1 }] : [];
}
