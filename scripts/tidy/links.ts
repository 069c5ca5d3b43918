// Links between documents: the file must exist, and the heading in it as well.

import { dirname, join, normalize } from 'node:path/posix';
import { type Finding, lineOf, type Rule } from './source.ts';

const LINK = /\]\((?<to>[^()\s]+)\)/g;

export const linkRule: Rule = (tree) => {
  const texts = new Map(tree.map(({ path, text }) => [path, text]));
  const folders = new Set(tree.flatMap(({ path }) => foldersAbove(path)));
  const findings: Finding[] = [];
  for (const { path, text } of tree) {
    if (!path.endsWith('.md')) continue;
    for (const match of text.matchAll(LINK)) {
      const to = match.groups?.['to'] as string;
      if (/^[a-z]+:/.test(to)) continue;
      const [file, anchor] = to.split('#') as [string, string?];
      const target = file === '' ? path : normalize(join(dirname(path), file)).replace(/\/$/, '');
      const line = lineOf(text, match.index);
      const linked = texts.get(target);
      if (linked === undefined) {
        if (!folders.has(target)) findings.push({ path, line, message: `${to}: no such file` });
      } else if (anchor !== undefined && !anchorsOf(linked).has(anchor)) {
        findings.push({ path, line, message: `${to}: no such heading` });
      }
    }
  }
  return findings;
};

function foldersAbove(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, i) => parts.slice(0, i + 1).join('/'));
}

/** Headings as code hosts turn them into anchors: lower case, dashes for blanks, no punctuation. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map((match) => match[1] as string);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}
