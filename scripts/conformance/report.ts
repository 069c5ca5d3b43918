// A run for people: a table of files and levels, the first difference of each file side by side,
// and one closing line that counts files.

import { basename } from 'node:path';
import type { Level } from './compare.ts';
import { LEVELS } from './compare.ts';
import type { Deviation } from './deviations.ts';
import type { BlockResult, FileResult } from './result.ts';
import { failsAt, isBroken } from './result.ts';

const CONTEXT_LINES = 3;

export interface Verdict {
  readonly passed: number;
  readonly failed: number;
  readonly text: string;
}

export function judge(results: readonly FileResult[], deviations: readonly Deviation[]): Verdict {
  const lines = [...tableOf(results)];
  const names = new Set(results.map(({ path }) => basename(path)));
  let failed = 0;
  for (const file of results) {
    const problems = problemsOf(file, deviations);
    if (problems.length > 0) failed += 1;
    lines.push(...problems);
  }
  lines.push(
    ...deviations
      .filter(({ file }) => names.has(file))
      .map(({ file, line, reason }) => `deviates: ${file}:${line}: ${reason}`),
  );
  const passed = results.length - failed;
  lines.push('', totals(results), `${passed} passed, ${failed} failed`);
  return { passed, failed, text: lines.join('\n') };
}

function tableOf(results: readonly FileResult[]): string[] {
  const rows = [['file', 'kind', 'blocks', 'lines', 'L1', 'L2', 'L3']];
  for (const file of results) {
    const { kind, blocks } = file;
    const lines = blocks.reduce((sum, block) => sum + block.expected.length, 0);
    const levels = LEVELS.map((level) => levelCell(file, level));
    const counts = [String(blocks.length), String(lines)];
    rows.push([basename(file.path), kind ?? '?', ...counts, ...levels]);
  }
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => (row[column] as string).length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths?.[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function levelCell(file: FileResult, level: Level): string {
  if (file.problem !== undefined) return 'FAILS';
  const failing = file.blocks.filter((block) => failsAt(block, level)).length;
  return failing === 0 ? 'ok' : `${failing} differ`;
}

/** Empty when the file passes. */
function problemsOf(file: FileResult, deviations: readonly Deviation[]): string[] {
  const name = basename(file.path);
  if (file.problem !== undefined) return ['', `${file.path}: ${file.problem}`];
  const listed = new Set(deviations.filter((item) => item.file === name).map(({ line }) => line));
  const unlisted = file.blocks.find(
    (block) => failsAt(block, 3) && !listed.has(block.command.line),
  );
  const broken = file.blocks.find((block) => failsAt(block, 1) || failsAt(block, 2));
  const first = broken ?? unlisted;
  const stale = [...listed].filter(
    (line) => !file.blocks.some((block) => block.command.line === line && failsAt(block, 3)),
  );
  return [
    ...(first === undefined ? [] : describeBlock(file, first)),
    ...stale.map((line) => `${name}:${line}: listed as a deviation, but does not deviate`),
    ...(isBroken(file) && first === undefined ? [`${name}: no blocks`] : []),
  ];
}

function describeBlock(file: FileResult, block: BlockResult): string[] {
  const { command, differences, problem } = block;
  const args = command.args.map(({ key, values }) =>
    values.length === 0 ? key : `${key}=${values.join(',')}`,
  );
  const failing = LEVELS.filter((level) => failsAt(block, level)).map((level) => `L${level}`);
  const lines = ['', `${file.path}:${command.line}: ${[command.name, ...args].join(' ')}`];
  if (problem !== undefined) lines.push(`  ${problem}`);
  else lines.push(`  differs on ${failing.join(', ')}`);
  for (const level of LEVELS) {
    const difference = differences[level];
    if (difference === undefined) continue;
    lines.push(`  L${level}, ${difference.what}:`);
    lines.push(...indented('expected', difference.expected));
    lines.push(...indented('actual  ', difference.actual));
  }
  return [...lines, ...sideBySide(block)];
}

function indented(label: string, text: string): string[] {
  return text.split('\n').map((line, i) => `    ${i === 0 ? label : '        '} ${line}`);
}

/** The lines around the first one that differs. */
function sideBySide({ expected: left, actual: right }: BlockResult): string[] {
  const at = left.findIndex((line, i) => line !== right[i]);
  const differing = at < 0 ? left.length : at;
  const from = Math.max(0, differing - CONTEXT_LINES);
  const rows: (readonly [string, string])[] = [];
  for (let i = from; i <= differing + CONTEXT_LINES; i++) {
    if (left[i] === undefined && right[i] === undefined) break;
    rows.push([left[i] ?? '', right[i] ?? '']);
  }
  if (rows.length === 0) return [];
  const width = Math.max('expected'.length, ...rows.map(([wanted]) => wanted.length));
  const row = (wanted: string, mark: string, got: string): string =>
    `  ${wanted.padEnd(width)} ${mark} ${got}`.trimEnd();
  return [
    row('expected', '|', 'actual'),
    ...rows.map(([wanted, got]) => row(wanted, wanted === got ? '|' : '#', got)),
  ];
}

function totals(results: readonly FileResult[]): string {
  const blocks = results.flatMap((file) => file.blocks);
  const sum = (value: (block: BlockResult) => number): number =>
    blocks.reduce((total, block) => total + value(block), 0);
  const compared = sum((block) => block.expected.length);
  const logLines = sum((block) => block.logLines);
  const failures = LEVELS.map((level) => {
    const failing = blocks.filter((block) => failsAt(block, level)).length;
    return `L${level} ${blocks.length - failing}/${blocks.length}`;
  });
  return `${compared} lines compared, ${logLines} log lines not; blocks ${failures.join(', ')}`;
}
