// The files that the runner's tests run: its own ones, and the original ones where they are at
// hand. They are not part of this project; PARLEY_CONFORMANCE names their folder.

import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isTranscript } from './run-file.ts';

export interface SourceFile {
  readonly name: string;
  readonly source: string;
}

export const OWN_FILES: readonly SourceFile[] = readFolder(
  fileURLToPath(new URL('testdata', import.meta.url)),
);

const DEFAULT_FOLDER = fileURLToPath(new URL('../../../shared/conformance', import.meta.url));

const folder = process.env['PARLEY_CONFORMANCE'] ?? DEFAULT_FOLDER;

/** Empty when the original files are not there. */
export const ORIGINAL_FILES: readonly SourceFile[] = existsSync(folder) ? readFolder(folder) : [];

/** For `skip` of a test: false, or why it cannot run. */
export const NO_ORIGINALS: string | false =
  ORIGINAL_FILES.length === 0 && 'the original conformance files are not here';

function readFolder(path: string): SourceFile[] {
  return globSync('**/*.txt', { cwd: path })
    .toSorted()
    .map((name) => ({ name: basename(name), source: readFileSync(join(path, name), 'utf8') }))
    .filter(({ source }) => isTranscript(source));
}
