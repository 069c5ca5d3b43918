// A tree of made-up files, and what a rule says about it as lines.

import type { Rule } from './source.ts';

export function findingsOf(rule: Rule, files: Readonly<Record<string, string>>): string[] {
  const tree = Object.entries(files).map(([path, text]) => ({ path, text }));
  return rule(tree).map(({ path, line, message }) => `${path}:${line} ${message}`);
}
