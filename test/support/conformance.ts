// Where other projects' test data lies. It is not part of this one: PARLEY_CONFORMANCE names the
// folder that holds it, by part (`etcd-raft`, `histories`); tests skip what is not there.

import { existsSync } from 'node:fs';
import { join } from 'node:path';

const folder =
  process.env['PARLEY_CONFORMANCE'] ??
  join(import.meta.dirname, '..', '..', '..', 'shared', 'conformance');

/** The folder of one part; undefined when it is not at hand. */
export function conformanceFolder(part: 'etcd-raft' | 'histories'): string | undefined {
  const path = join(folder, part);
  return existsSync(path) ? path : undefined;
}

/** What a test that cannot run says. */
export const NO_CONFORMANCE_DATA = "PARLEY_CONFORMANCE names no folder with other projects' data";
