// Whose a data directory is, and that one process has it. A directory that another member wrote, or
// a member of another cluster, holds votes and entries of that one: to go on with them in a new
// name could elect two leaders. Two processes in one directory would write over each other's log.

import { type Disk, DiskError, type DiskFile, type DiskLock } from '../base/capabilities.ts';
import { ParleyError } from '../base/errors.ts';
import type { MemberId } from '../engine/transport/index.ts';

export interface DirectoryOwner {
  readonly clusterId: string;
  readonly member: MemberId;
}

const LOCK = 'lock';
const NAME = 'identity';
const BYTES_MAX = 256;

/** Ours until it is released or this process ends; or why not. Comes before anything else. */
export async function lockDirectory(
  disk: Disk,
  directory: string,
): Promise<DiskLock | ParleyError> {
  try {
    if (directory !== '') await disk.makeDirectory(directory);
    return await disk.lock(below(directory, LOCK));
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    if (error.code !== 'held') return unusable(error);
    const why = 'Two processes would write over each other in one log';
    return new ParleyError('E_DATA', `Another process has the data directory. ${why}.`, {
      advice: 'Stop that one first, or give this member a directory of its own.',
      cause: error,
    });
  }
}

/** Undefined when the directory is ours now: new, or ours before. */
export async function claimDirectory(
  disk: Disk,
  directory: string,
  own: DirectoryOwner,
): Promise<ParleyError | undefined> {
  const path = below(directory, NAME);
  const line = `parley cluster ${own.clusterId} member ${own.member}\n`;
  try {
    const found = await readIdentity(disk, path);
    if (found === line) return undefined;
    if (found !== undefined) return refusalOf(found, path, own, line);
    await writeIdentity(disk, directory, path, line);
    return undefined;
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return unusable(error);
  }
}

function unusable(cause: DiskError): ParleyError {
  return new ParleyError('E_DATA', `The data directory cannot be used: ${cause.message}.`, {
    advice: 'See that it may be written and has room.',
    cause,
  });
}

function below(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

/** Undefined when nobody has claimed the directory: a name that is not whole was never acted on. */
async function readIdentity(disk: Disk, path: string): Promise<string | undefined> {
  let file: DiskFile;
  try {
    file = await disk.open(path, 'read');
  } catch (error) {
    if (error instanceof DiskError && error.code === 'notFound') return undefined;
    throw error;
  }
  try {
    const bytes = new Uint8Array(BYTES_MAX);
    const length = await file.read(0, bytes);
    return new TextDecoder().decode(bytes.subarray(0, length));
  } finally {
    await file.close();
  }
}

/** Renamed into its place when it is whole and durable. */
async function writeIdentity(
  disk: Disk,
  directory: string,
  path: string,
  line: string,
): Promise<void> {
  const file = await disk.open(`${path}.new`, 'create');
  try {
    await file.write(0, new TextEncoder().encode(line));
    await file.truncate(line.length);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(`${path}.new`, path);
  await disk.syncDirectory(directory);
}

/** Somebody else's, or nobody can tell whose: what its owner promised is in there either way. */
function refusalOf(found: string, path: string, own: DirectoryOwner, line: string): ParleyError {
  const known = /^parley cluster (\S+) member (\d+)\n$/.exec(found);
  const name = `member ${own.member} of cluster ${own.clusterId}`;
  if (known !== null) {
    const owner = `member ${known[2]} of cluster ${known[1]}`;
    return new ParleyError('E_DATA', `The data directory belongs to ${owner}.`, {
      advice: `Give ${name} a directory of its own.`,
    });
  }
  // It was durable before anything else was written: the disk lost it, or somebody wrote over it.
  const state = found.length === 0 ? 'is empty' : 'is damaged';
  return new ParleyError(
    'E_DATA',
    `Nobody can tell whose data directory this is: ${path} ${state}.`,
    {
      advice: `If it is that of ${name}, let the file be this one line: ${line.trimEnd()}`,
    },
  );
}
