// Rules about the text of files: what must not stand in any of them.

import { type Finding, isScript, lineOf, type Rule, type Source } from './source.ts';
import { syntaxOf } from './syntax.ts';

interface Pattern {
  readonly pattern: RegExp;
  readonly message: string;
}

/** Data keeps its bytes, whatever they are. */
function isData(path: string): boolean {
  return /(^|\/)(testdata|fixtures)\//.test(path) || /\.(svg|html)$/.test(path);
}

const EVERYWHERE: readonly Pattern[] = [
  {
    pattern: /(?<=^|[\s"'`(=:,])\/(work|root|home|Users)\//gm,
    message: 'a path of one machine: make it relative to the project or an argument',
  },
  {
    pattern:
      /\b(registry\.(npmjs|yarnpkg)|(static|index)\.crates|proxy\.golang|files\.pythonhosted)\./g,
    message: 'the host of a package registry: which one is used is the business of the machine',
  },
];

const WRITTEN: readonly Pattern[] = [
  { pattern: /\r/g, message: 'lines end with LF alone' },
  { pattern: /[ \t]+$/gm, message: 'spaces at the end of the line' },
];

const LEFTOVER = /\b(TODO|FIXME|XXX|HACK)\b/;
const COVERAGE = /\b(c8|v8|istanbul|node:coverage)\s+(ignore|disable)\b/;
const TEST_FUNCTIONS = new Set(['test', 'it', 'describe', 'suite']);

export const textRule: Rule = (tree) => tree.flatMap(textFindings);

function textFindings(source: Source): Finding[] {
  const { path, text } = source;
  const findings: Finding[] = [];
  const patterns = isData(path) ? EVERYWHERE : [...EVERYWHERE, ...WRITTEN];
  for (const { pattern, message } of patterns) {
    for (const match of text.matchAll(pattern)) {
      findings.push({ path, line: lineOf(text, match.index), message });
    }
  }
  if (!isData(path) && text !== '' && !text.endsWith('\n')) {
    findings.push({ path, line: 0, message: 'the last line ends with LF as well' });
  }
  if (isScript(path)) findings.push(...scriptFindings(source));
  else if (!isData(path)) findings.push(...leftovers(source));
  if (path.endsWith('.md')) findings.push(...titleFindings(source));
  if (/lock[^/]*\.json$/.test(path)) findings.push(...resolvedAddresses(source));
  return findings;
}

function scriptFindings(source: Source): Finding[] {
  const { path, text } = source;
  const { comments, uses, error } = syntaxOf(source);
  const findings: Finding[] = [];
  const tab = text.indexOf('\t');
  if (error !== undefined) findings.push({ path, line: 0, message: `cannot be read: ${error}` });
  if (tab >= 0)
    findings.push({ path, line: lineOf(text, tab), message: 'a tab: indent by spaces' });
  for (const comment of comments) {
    const { line } = comment;
    const left = LEFTOVER.exec(comment.text)?.[0];
    if (left !== undefined) findings.push({ path, line, message: leftoverMessage(left) });
    if (COVERAGE.test(comment.text)) {
      findings.push({ path, line, message: 'coverage is not to be hidden: write the test' });
    }
  }
  for (const { name, line } of uses) {
    const [head, tail] = name.split('.');
    if (!TEST_FUNCTIONS.has(head as string)) continue;
    if (tail === 'only') findings.push({ path, line, message: `${name} leaves all others out` });
    if (tail === 'skip' || tail === 'todo') {
      const message = `${name}: a test runs, or says in \`t.skip('why')\` what it lacks`;
      findings.push({ path, line, message });
    }
  }
  return findings;
}

function leftovers({ path, text }: Source): Finding[] {
  return text.split('\n').flatMap((written, i) => {
    const left = LEFTOVER.exec(written)?.[0];
    return left === undefined ? [] : [{ path, line: i + 1, message: leftoverMessage(left) }];
  });
}

function leftoverMessage(word: string): string {
  return `${word}: do it now, or describe it in an issue`;
}

function titleFindings({ path, text }: Source): Finding[] {
  const withoutCode = text.replaceAll(/^ *```[\s\S]*?^ *```/gm, (block) =>
    block.replaceAll('#', ''),
  );
  const titles = [...withoutCode.matchAll(/^# /gm)];
  if (titles.length === 1) return [];
  const message = `${titles.length} titles: a document has exactly one line that starts with "# "`;
  return [{ path, line: lineOf(withoutCode, titles[1]?.index ?? 0), message }];
}

/** An address in a lock file ties every later install to the registry of one machine. */
function resolvedAddresses({ path, text }: Source): Finding[] {
  return [...text.matchAll(/"resolved"\s*:/g)].slice(0, 1).map(({ index }) => ({
    path,
    line: lineOf(text, index),
    message: 'a "resolved" address: keep omit-lockfile-registry-resolved=true in .npmrc',
  }));
}
