// Limits of size, as ratchets. What exceeds a limit today is written down in ratchet.json with its
// number; the number may shrink but not grow, and nothing new may exceed the limit.
// `npm run tidy -- --ratchet` writes the file anew.

import { isScript, isTestLike, type Rule, type Source } from './source.ts';
import { syntaxOf } from './syntax.ts';

const FILE_LINES_MAX = 600;
const FUNCTION_LINES_MAX = 60;
const COLUMNS_MAX = 100;
/** Of production files, over all of src/. */
const MEDIAN_LINES_MAX = 150;
const P90_LINES_MAX = 350;

interface Measure {
  /** Path, or path and name: stable while lines move. */
  readonly subject: string;
  readonly path: string;
  readonly line: number;
  readonly what: string;
  readonly value: number;
  readonly limit: number;
}

export type Ratchet = Readonly<Record<string, number>>;

/** Compares with the ratchet. What shrank is a note, not a finding: see `slack`. */
export function ratchetRule(ratchet: Ratchet): Rule {
  return (tree) =>
    exceeding(tree)
      .filter(({ subject, value }) => value > (ratchet[subject] ?? 0))
      .map(({ subject, path, line, what, value, limit }) => {
        const before = ratchet[subject];
        const grown = before === undefined ? '' : `, and grew from ${before}`;
        return { path, line, message: `${what}: ${value}, more than ${limit}${grown}` };
      });
}

/** Entries of the ratchet that could be lower or go. */
export function slack(tree: readonly Source[], ratchet: Ratchet): string[] {
  const now = newRatchet(tree);
  return Object.entries(ratchet)
    .filter(([subject, value]) => (now[subject] ?? 0) < value)
    .map(([subject, value]) => `${subject}: ${value} -> ${now[subject] ?? 'within its limit'}`);
}

export function newRatchet(tree: readonly Source[]): Ratchet {
  const worst = new Map<string, number>();
  for (const { subject, value } of exceeding(tree)) {
    worst.set(subject, Math.max(value, worst.get(subject) ?? 0));
  }
  return Object.fromEntries([...worst].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function exceeding(tree: readonly Source[]): Measure[] {
  const scripts = tree.filter(({ path }) => isScript(path));
  const measures = [...scripts.flatMap(measuresOf), ...spread(scripts)];
  return measures.filter(({ value, limit }) => value > limit);
}

function measuresOf(source: Source): Measure[] {
  const { path, text } = source;
  const lines = text.split('\n');
  const widest = lines.reduce((best, line, i) => {
    return line.length > (lines[best] as string).length ? i : best;
  }, 0);
  return [
    {
      subject: `${path} lines`,
      path,
      line: 0,
      what: 'lines of the file',
      value: lines.length - 1,
      limit: FILE_LINES_MAX,
    },
    {
      subject: `${path} columns`,
      path,
      line: widest + 1,
      what: 'columns',
      value: (lines[widest] as string).length,
      limit: COLUMNS_MAX,
    },
    ...syntaxOf(source).functions.map(({ name, line, ownLines }) => ({
      subject: `${path} ${name}()`,
      path,
      line,
      what: `lines of ${name}()`,
      value: ownLines,
      limit: FUNCTION_LINES_MAX,
    })),
  ];
}

function spread(scripts: readonly Source[]): Measure[] {
  const lengths = scripts
    .filter(({ path }) => path.startsWith('src/') && !isTestLike(path))
    .map(({ text }) => text.split('\n').length - 1)
    .toSorted((a, b) => a - b);
  const at = (part: number): number => lengths[Math.floor(lengths.length * part)] ?? 0;
  const measure = (what: string, value: number, limit: number): Measure => ({
    subject: `src ${what}`,
    path: 'src',
    line: 0,
    what: `${what} lines of a file in src`,
    value,
    limit,
  });
  return [
    measure('median', at(0.5), MEDIAN_LINES_MAX),
    measure('90th percentile', at(0.9), P90_LINES_MAX),
  ];
}
