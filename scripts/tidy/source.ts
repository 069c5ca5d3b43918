// The files that tidy looks at: all that git tracks or would track. Rules get them as values, so
// that a test can hand them a tree of three made-up lines.

import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

export interface Source {
  /** Relative to the root, with `/` between the parts. */
  readonly path: string;
  readonly text: string;
}

export interface Finding {
  readonly path: string;
  /** 1-based; 0 when the finding is about the file as a whole. */
  readonly line: number;
  readonly message: string;
}

/** A rule sees the whole tree: some rules (cycles, citations) are about more than one file. */
export type Rule = (tree: readonly Source[]) => Finding[];

export function readTree(root: string): Source[] {
  const listed = execFileSync('git', ['ls-files', '-z', '-co', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const sources: Source[] = [];
  for (const path of listed.split('\0')) {
    if (path === '') continue;
    const full = join(root, path);
    // A file deleted but not yet committed is still listed.
    if (statSync(full, { throwIfNoEntry: false })?.isFile() !== true) continue;
    const text = readFileSync(full, 'utf8');
    if (!text.includes('\0')) sources.push({ path, text });
  }
  return sources.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** TypeScript that people wrote. */
export function isScript(path: string): boolean {
  return path.endsWith('.ts') && !path.includes('/generated/');
}

/** Tests, fuzzers, benches and what supports them: they may reach where production may not. */
export function isTestLike(path: string): boolean {
  return (
    /\.(test|fuzz|bench|support)\.ts$/.test(path) ||
    /(^|\/)(test|testing|testdata|examples)\//.test(path)
  );
}

export function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) {
    line += 1;
  }
  return line;
}
