// Which paths the Disk capability takes; the same for every disk.

import { DiskError } from './capabilities.ts';

/** The parts of a relative path, none of which can lead out of the data directory. */
export function diskPathParts(path: string): readonly string[] {
  if (path === '') return [];
  const parts = path.split('/');
  for (const part of parts) {
    if (part === '' || part === '.' || part === '..' || /[\\\0]/.test(part)) {
      throw new DiskError(
        'badPath',
        `${JSON.stringify(path)} is not a path inside the data directory`,
      );
    }
  }
  return parts;
}
