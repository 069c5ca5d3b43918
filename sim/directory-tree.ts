// Names of files and directories, and which of their changes a power failure would undo. A change
// is durable once every directory it touches has been synced after it. Stricter than a journalling
// file system, on purpose: a forgotten sync shows.

import { assert } from '../src/base/assert.ts';
import { DiskError } from '../src/base/capabilities.ts';
import { diskPathParts } from '../src/base/disk-path.ts';
import type { Prng } from '../src/base/prng.ts';
import type { FaultCounters } from './faults.ts';
import { FileImage } from './file-image.ts';

type Node = FileImage | 'directory';

type Change =
  | { readonly kind: 'add'; readonly path: string; readonly node: Node }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string };

interface Pending {
  readonly change: Change;
  /** Directories that must still be synced. */
  readonly needs: Set<string>;
}

export class DirectoryTree {
  #current = new Map<string, Node>();
  readonly #durable = new Map<string, Node>();
  #pending: Pending[] = [];

  constructor() {
    this.#current.set('', 'directory');
    this.#durable.set('', 'directory');
  }

  file(path: string): FileImage | undefined {
    const node = this.#current.get(pathOf(path));
    if (node === 'directory') throw new DiskError('io', `${path} is a directory`);
    return node;
  }

  files(): Iterable<FileImage> {
    return [...this.#current.values()].filter((node) => node !== 'directory');
  }

  /** Files and their paths. */
  *named(): Iterable<[string, FileImage]> {
    for (const [path, node] of this.#current) if (node !== 'directory') yield [path, node];
  }

  create(path: string): FileImage {
    this.#mustBeDirectory(parentOf(pathOf(path)));
    const node = new FileImage();
    this.#change({ kind: 'add', path: pathOf(path), node });
    return node;
  }

  makeDirectory(path: string): void {
    const parts = diskPathParts(path);
    for (let depth = 1; depth <= parts.length; depth++) {
      const directory = parts.slice(0, depth).join('/');
      const node = this.#current.get(directory);
      if (node === undefined) this.#change({ kind: 'add', path: directory, node: 'directory' });
      else if (node !== 'directory') throw new DiskError('io', `${directory} is a file`);
    }
  }

  list(path: string): readonly string[] {
    const directory = pathOf(path);
    return this.#children(directory)
      .map((child) => child.slice(directory === '' ? 0 : directory.length + 1))
      .toSorted();
  }

  rename(from: string, to: string): void {
    const [path, target] = [pathOf(from), pathOf(to)];
    if (this.file(path) === undefined) throw new DiskError('notFound', `${from} is not there`);
    this.#mustBeDirectory(parentOf(target));
    this.file(target);
    if (path !== target) this.#change({ kind: 'rename', path, to: target });
  }

  remove(path: string): void {
    const gone = pathOf(path);
    if (gone === '') throw new DiskError('badPath', 'the data directory itself stays');
    if (!this.#current.has(gone)) throw new DiskError('notFound', `${path} is not there`);
    if (this.#children(gone).length > 0) throw new DiskError('io', `${path} is not empty`);
    this.#change({ kind: 'remove', path: gone });
  }

  sync(path: string): void {
    const directory = pathOf(path);
    this.#mustBeDirectory(directory);
    for (const pending of this.#pending) pending.needs.delete(directory);
    const settled = this.#settled();
    for (const pending of this.#pending) {
      if (settled.has(pending)) apply(this.#durable, pending.change);
    }
    this.#pending = this.#pending.filter((pending) => !settled.has(pending));
  }

  losePower(random: Prng, faults: FaultCounters, keepsNothing: boolean): void {
    const lost: Pending[] = [];
    for (const pending of this.#pending) {
      const isBaseless = lost.some((earlier) => touchSamePath(earlier.change, pending.change));
      if (isBaseless || keepsNothing || random.below(2) === 0) {
        lost.push(pending);
        faults.directoryChangeLost += 1;
      } else apply(this.#durable, pending.change);
    }
    this.#pending = [];
    this.#current = new Map(this.#durable);
    for (const file of this.files()) file.losePower(random, faults, keepsNothing);
  }

  /** Changes that are durable now: those that need nothing more, and what these build upon. */
  #settled(): Set<Pending> {
    const settled = new Set<Pending>();
    for (const pending of this.#pending.toReversed()) {
      const isNeeded = [...settled].some((later) => touchSamePath(pending.change, later.change));
      if (pending.needs.size === 0 || isNeeded) settled.add(pending);
    }
    return settled;
  }

  #change(change: Change): void {
    apply(this.#current, change);
    const needs = new Set(pathsOf(change).map(parentOf));
    this.#pending.push({ change, needs });
  }

  #children(directory: string): string[] {
    const inside = (path: string): boolean => path !== '' && parentOf(path) === directory;
    return [...this.#current.keys()].filter(inside);
  }

  #mustBeDirectory(path: string): void {
    if (this.#current.get(path) === 'directory') return;
    throw new DiskError('notFound', `there is no directory ${path}`);
  }
}

function apply(names: Map<string, Node>, change: Change): void {
  if (change.kind === 'add') {
    names.set(change.path, change.node);
    return;
  }
  const node = names.get(change.path);
  assert(node !== undefined, 'a change builds upon names that are there');
  names.delete(change.path);
  if (change.kind === 'rename') names.set(change.to, node);
}

/** Undoing one but not the other would make no sense: a file in a directory that is not there. */
function touchSamePath(a: Change, b: Change): boolean {
  return pathsOf(a).some((p) =>
    pathsOf(b).some((q) => p === q || p.startsWith(`${q}/`) || q.startsWith(`${p}/`)),
  );
}

function pathsOf(change: Change): readonly string[] {
  return change.kind === 'rename' ? [change.path, change.to] : [change.path];
}

function pathOf(path: string): string {
  return diskPathParts(path).join('/');
}

export function parentOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}
