// The files that tidy looks at: all that git tracks or would track. Rules get them as values, so
// that a test can hand them a tree of three made-up lines.

import { spawnSync } from 'node:child_process';
import { globSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

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
  const sources: Source[] = [];
  for (const path of listFiles(root)) {
    const full = join(root, path);
    // A file deleted but not yet committed is still listed.
    if (statSync(full, { throwIfNoEntry: false })?.isFile() !== true) continue;
    const text = readFileSync(full, 'utf8');
    if (!text.includes('\0')) sources.push({ path, text });
  }
  return sources.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

const LEFT_OUT = new Set(['.git', '.parley', 'node_modules', 'target', 'dist', 'coverage']);

function listFiles(root: string): string[] {
  // A clone that belongs to another user, as in containers, is read all the same.
  const command = ['-c', 'safe.directory=*', 'ls-files', '-z', '-co', '--exclude-standard'];
  const git = spawnSync('git', command, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (git.status === 0) return git.stdout.split('\0').filter((path) => path !== '');
  // No git, or no clone but an archive of one.
  return globSync('**/*', { cwd: root, exclude: (name) => LEFT_OUT.has(basename(name)) });
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
