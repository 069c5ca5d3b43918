// The shard's part towards a machine with files, as small as it can be: a store for pairs and
// lengths, a directory for bytes, and the order in which they become durable.
//
//   store   1 key -> value      2 -> applied index      3 file -> length(u64) sealed(u8)
//   files   f1, f2, ...
//
//   apply            pairs and lengths are in the store's batch, bytes wait in memory
//   flush   1        bytes are written, files and names are synced
//           2        the store is flushed: now no length counts bytes that are not there
//           3        files that no state and no holder knows any more are removed

import { assert, must } from '../../src/base/assert.ts';
import { readU64le, writeU64le } from '../../src/base/bytes.ts';
import type { Disk } from '../../src/base/capabilities.ts';
import type {
  FileExtent,
  FileMachine,
  FileState,
  MachineCommand,
  MachineFile,
  MachinePair,
  MachineQuestion,
  QueryAnswer,
} from '../../src/core/machine.ts';
import { openMemoryStore, type Store, type StoreSnapshot } from '../../src/engine/store/index.ts';
import type { CrashDisk } from './wal-crash-disk.ts';
import { ManualClock } from './wal-scenario.ts';

const [PAIRS, APPLIED, FILES, END] = [1, 2, 3, 4].map((space) => Uint8Array.of(space));
const DIRECTORY = 'files';

function keyIn(space: Uint8Array | undefined, key: Uint8Array): Uint8Array {
  return Uint8Array.from([...must(space, 'a space'), ...key]);
}

function fileKey(file: number): Uint8Array {
  const key = new Uint8Array(4);
  new DataView(key.buffer).setUint32(0, file);
  return keyIn(FILES, key);
}

interface Waiting {
  readonly file: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** What a snapshot and an answer keep from being removed. */
interface Hold {
  readonly files: readonly number[];
}

export interface FileSnapshot {
  readonly index: number;
  readonly pairs: readonly MachinePair[];
  readonly files: ReadonlyMap<number, MachineFile>;
  /** As long as it was when the snapshot was taken. */
  read(file: number): Promise<Uint8Array>;
  close(): void;
}

export interface FileAnswer {
  /** Reads the extents, at any time; lets go of them then. */
  read(): Promise<Uint8Array>;
}

export class FileKeeper {
  readonly #disk: Disk;
  readonly #store: Store;
  readonly #machine: FileMachine;
  readonly #files = new Map<number, MachineFile>();
  #waiting: Waiting[] = [];
  readonly #dirty = new Set<number>();
  readonly #holds = new Set<Hold>();
  #applied = 0;
  #durable = 0;

  /** What a start finds: the store's lengths say which bytes count. */
  static async open(disk: CrashDisk, machine: FileMachine): Promise<FileKeeper> {
    const options = { clock: new ManualClock(), disk, directory: 'store', flushDelayMs: 1e9 };
    const opening = await openMemoryStore(options, { onDurable: () => {}, onFailure: () => {} });
    assert(opening.kind === 'opened', 'the store opens');
    await disk.makeDirectory(DIRECTORY);
    const keeper = new FileKeeper(disk, opening.store, machine);
    await keeper.#recover();
    return keeper;
  }

  private constructor(disk: Disk, store: Store, machine: FileMachine) {
    this.#disk = disk;
    this.#store = store;
    this.#machine = machine;
  }

  async #recover(): Promise<void> {
    const applied = this.#store.get(must(APPLIED, 'a key'));
    this.#applied = this.#durable = applied === undefined ? 0 : readU64le(applied, 0);
    for (const [file, { length, isSealed }] of filesIn(this.#store)) {
      this.#files.set(file, { length, isSealed });
    }
    for (const name of await this.#disk.list(DIRECTORY)) {
      const path = `${DIRECTORY}/${name}`;
      const known = this.#files.get(Number(name.slice(1)));
      if (known === undefined) {
        await this.#disk.remove(path);
        continue;
      }
      const file = await this.#disk.open(path, 'readWrite');
      const size = await file.size();
      assert(size >= known.length, '[M15] what the store counts is there');
      // It belongs to no batch: the log brings it again.
      if (size > known.length) await file.truncate(known.length);
      await file.close();
    }
    const there = await this.#disk.list(DIRECTORY);
    for (const [file, { length }] of this.#files) {
      assert(length === 0 || there.includes(`f${file}`), '[M15] what the store counts is there');
    }
  }

  get applied(): number {
    return this.#applied;
  }

  /** [M15] The log may forget as much. */
  get durable(): number {
    return this.#durable;
  }

  get files(): ReadonlyMap<number, MachineFile> {
    return this.#files;
  }

  /** One batch. */
  apply(commands: readonly MachineCommand[]): Uint8Array[] {
    const state = this.#state();
    const results = commands.map((command) => {
      assert(command.index === this.#applied + 1, 'commands come in order');
      this.#applied = command.index;
      return this.#machine.apply(command, state);
    });
    const applied = new Uint8Array(8);
    writeU64le(applied, 0, this.#applied);
    this.#store.put(must(APPLIED, 'a key'), applied);
    this.#store.commit();
    return results;
  }

  async flush(): Promise<void> {
    const upTo = this.#applied;
    await this.#writeBytes();
    for (const file of this.#dirty) {
      const opened = await this.#disk.open(`${DIRECTORY}/f${file}`, 'create');
      await opened.sync();
      await opened.close();
    }
    if (this.#dirty.size > 0) await this.#disk.syncDirectory(DIRECTORY);
    this.#dirty.clear();
    await this.#store.flush();
    this.#durable = upTo;
    await this.#removeUnknown();
  }

  query(question: MachineQuestion): QueryAnswer {
    return this.#machine.query(question, this.#view(this.#store));
  }

  /** [M16] Within the turn in which the machine answered. */
  hold({ extents, head }: Extract<QueryAnswer, { kind: 'extents' }>): FileAnswer {
    const release = this.#hold(extents.map(({ file }) => file));
    return {
      read: async () => {
        await this.#writeBytes();
        const parts = [head];
        for (const extent of extents) parts.push(await this.#read(extent));
        release();
        return Uint8Array.from(Buffer.concat(parts));
      },
    };
  }

  /** [M17] Lengths and pairs are of one batch; files only grow. */
  async snapshot(): Promise<FileSnapshot> {
    const view = await this.#store.snapshot();
    await this.#writeBytes();
    const files = new Map(filesIn(view));
    const release = this.#hold([...files.keys()]);
    const pairs = [...this.#view(view).range(new Uint8Array(0), undefined)];
    const applied = view.get(must(APPLIED, 'a key'));
    return {
      index: applied === undefined ? 0 : readU64le(applied, 0),
      pairs: pairs.map(({ key, value }) => ({ key: key.slice(), value: value.slice() })),
      files,
      read: (file) => {
        const { length } = must(files.get(file), 'a file of the snapshot');
        return this.#read({ file, offset: 0, length });
      },
      close: () => {
        release();
        view.close();
      },
    };
  }

  /** Into a keeper that is empty. */
  async restore(snapshot: FileSnapshot): Promise<void> {
    const state = this.#state();
    for (const { key, value } of snapshot.pairs) state.put(key, value);
    for (const [file, { isSealed }] of snapshot.files) {
      state.append(file, await snapshot.read(file));
      if (isSealed) state.seal(file);
    }
    this.#applied = snapshot.index;
    this.apply([]);
    await this.flush();
  }

  // --- within ------------------------------------------------------------------------------------

  #state(): FileState {
    const view = this.#view(this.#store);
    return {
      get: (key) => view.get(key),
      range: (low, high) => view.range(low, high),
      put: (key, value) => this.#store.put(keyIn(PAIRS, key), value),
      delete: (key) => this.#store.delete(keyIn(PAIRS, key)),
      deleteRange: (low, high) => {
        for (const { key } of Array.from(view.range(low, high)))
          this.#store.delete(keyIn(PAIRS, key));
        return undefined;
      },
      emit: () => {},
      wakeAt: () => {},
      file: (file) => this.#files.get(file),
      append: (file, bytes) => this.#append(file, bytes),
      seal: (file) => {
        const { length } = must(this.#files.get(file), '[M15] a file is sealed that is there');
        this.#note(file, { length, isSealed: true });
      },
      removeFile: (file) => {
        assert(this.#files.delete(file), '[M15] a file is removed that is there');
        this.#store.delete(fileKey(file));
      },
    };
  }

  #view(view: Store | StoreSnapshot) {
    return {
      get: (key: Uint8Array) => view.get(keyIn(PAIRS, key)),
      *range(low: Uint8Array, high: Uint8Array | undefined): Iterable<MachinePair> {
        const end = high === undefined ? must(APPLIED, 'the next space') : keyIn(PAIRS, high);
        for (const { key, value } of view.range(keyIn(PAIRS, low), end)) {
          yield { key: key.subarray(1), value };
        }
      },
    };
  }

  #append(file: number, bytes: Uint8Array): number {
    const { isSealed, length } = this.#files.get(file) ?? { isSealed: false, length: 0 };
    assert(!isSealed, '[M17] a sealed file takes no more');
    this.#waiting.push({ file, offset: length, bytes: bytes.slice() });
    this.#note(file, { length: length + bytes.length, isSealed: false });
    return length;
  }

  #note(file: number, state: MachineFile): void {
    this.#files.set(file, state);
    const record = new Uint8Array(9);
    writeU64le(record, 0, state.length);
    record[8] = state.isSealed ? 1 : 0;
    this.#store.put(fileKey(file), record);
  }

  async #writeBytes(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { bytes, file, offset } of waiting) {
      const opened = await this.#disk.open(`${DIRECTORY}/f${file}`, 'create');
      await opened.write(offset, bytes);
      await opened.close();
      this.#dirty.add(file);
    }
  }

  async #read({ file, length, offset }: FileExtent): Promise<Uint8Array> {
    const into = new Uint8Array(length);
    if (length === 0) return into;
    const opened = await this.#disk.open(`${DIRECTORY}/f${file}`, 'read');
    const count = await opened.read(offset, into);
    await opened.close();
    assert(count === length, '[M16] an extent lies within its file');
    return into;
  }

  #hold(files: readonly number[]): () => void {
    const hold = { files };
    this.#holds.add(hold);
    return () => this.#holds.delete(hold);
  }

  /** The batch in which they went is durable. */
  async #removeUnknown(): Promise<void> {
    for (const name of await this.#disk.list(DIRECTORY)) {
      const file = Number(name.slice(1));
      const isHeld = [...this.#holds].some(({ files }) => files.includes(file));
      if (!isHeld && !this.#files.has(file)) await this.#disk.remove(`${DIRECTORY}/${name}`);
    }
  }
}

function* filesIn(view: Store | StoreSnapshot): Iterable<[number, MachineFile]> {
  for (const { key, value } of view.range(must(FILES, 'a space'), END)) {
    const file = new DataView(key.buffer, key.byteOffset + 1, 4).getUint32(0);
    yield [file, { length: readU64le(value, 0), isSealed: value[8] === 1 }];
  }
}
