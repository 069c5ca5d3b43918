// The files that the runner's tests run: its own ones, and the original ones where they are at
// hand (test/support/conformance.ts).

import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { conformanceFolder, NO_CONFORMANCE_DATA } from '../../test/support/conformance.ts';
import { isTranscript } from './run-file.ts';

export interface SourceFile {
  readonly name: string;
  readonly source: string;
}

export const OWN_FILES: readonly SourceFile[] = readFolder(
  fileURLToPath(new URL('testdata', import.meta.url)),
);

const folder = conformanceFolder('etcd-raft');

/** Empty when the original files are not there. */
export const ORIGINAL_FILES: readonly SourceFile[] = folder === undefined ? [] : readFolder(folder);

/** For `skip` of a test: false, or why it cannot run. */
export const NO_ORIGINALS: string | false = folder === undefined && NO_CONFORMANCE_DATA;

function readFolder(path: string): SourceFile[] {
  return globSync('**/*.txt', { cwd: path })
    .toSorted()
    .map((name) => ({ name: basename(name), source: readFileSync(join(path, name), 'utf8') }))
    .filter(({ source }) => isTranscript(source));
}
