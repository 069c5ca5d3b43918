// The contract between a shard and the state machine it keeps: what is agreed on goes in by
// `apply`, in the same order on every replica, and must have the same effect on each. SPEC.md
// numbers the duties of both sides; test/contracts/machine.ts holds machines against theirs.
//
// A machine is an object without memory: all it knows is in the state, in the command, and in the
// edition that the shard agreed on.

import { assert } from '../base/assert.ts';

// --- the machine --------------------------------------------------------------------------------

export interface ShardMachine {
  /** The name of what it is, for good: a shard's state is never given to a machine of another. */
  readonly kind: string;
  /** [M5] Ascending versions, all that this release can carry out. The first one never changes. */
  readonly editions: readonly MachineEdition[];

  /** [M1, M2, M4] Carries out a committed command and answers its result. */
  apply(command: MachineCommand, state: MachineState): Uint8Array;
  /** [M3] Answers a question about the state, and changes nothing. */
  query(question: MachineQuestion, view: MachineView): QueryAnswer;
  /** [M12] The time has come that the machine set with `wakeAt`, which is unset now. */
  wake?(step: MachineStep, state: MachineState): void;
}

/** Of a machine without limits of its own. */
export const PLAIN_EDITIONS: readonly MachineEdition[] = [{ version: 1, limits: {} }];

/** What decides the effect of a command beside the command and the state. Replicated. */
export interface MachineEdition {
  readonly version: number;
  readonly limits: MachineLimits;
}

export type MachineLimits = Readonly<Record<string, number>>;

// --- what it sees -------------------------------------------------------------------------------

export interface MachinePair {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export interface MachineView {
  /** The value belongs to the state: it must not be changed. */
  get(key: Uint8Array): Uint8Array | undefined;
  /** `low <= key < high`, ascending. `high` undefined: to the end. Pulled before the next write. */
  range(low: Uint8Array, high: Uint8Array | undefined): Iterable<MachinePair>;
}

/** The part of the store that one shard's machine sees, with keys of its own. */
export interface MachineState extends MachineView {
  /** Keeps both: the machine does not change them afterwards. */
  put(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
  /**
   * [M13] Deletes the first pairs of a range, as many as one command may. Answers the key to go on
   * from, undefined when nothing is left.
   */
  deleteRange(low: Uint8Array, high: Uint8Array | undefined): Uint8Array | undefined;
  /** [M8, M9] Tells followers of the shard, and queries that wait for this very topic. Copied. */
  emit(topic: Uint8Array, event: Uint8Array): void;
  /** [M12] The one time to be woken at, in ms of the shard's time; `NEVER_MS` for none. */
  wakeAt(timeMs: number): void;
}

export const NEVER_MS = Number.MAX_SAFE_INTEGER;

/** A place in the shard's log. Several commands may stand there. */
export interface MachineMoment {
  readonly index: number;
  /** Proposed by the leader, never falls within a shard. */
  readonly timeMs: number;
  readonly edition: MachineEdition;
}

/** A place in the order of all that the machine carries out. */
export interface MachineStep extends MachineMoment {
  /** [M18] Ascends with every step, also within an entry; never below the index. */
  readonly ordinal: number;
}

/** A committed command. */
export interface MachineCommand extends MachineStep {
  readonly body: Uint8Array;
}

// --- questions ----------------------------------------------------------------------------------

/** `index` and `timeMs` are those of the newest entry that the view has the effect of. */
export interface MachineQuestion extends MachineMoment {
  readonly body: Uint8Array;
  /** What the machine itself said with `more`; undefined the first time. */
  readonly cursor: Uint8Array | undefined;
  readonly budget: QueryBudget;
  /** [M11] False once nobody is there to wait, or the time is over: `wait` is no answer then. */
  readonly mayWait: boolean;
}

export interface QueryBudget {
  /** Pairs that may be read. */
  readonly stepsMax: number;
  /** Bytes that may be answered, one pair at least. */
  readonly bytesMax: number;
}

export type QueryAnswer =
  | { readonly kind: 'done'; readonly answer: Uint8Array }
  /** [M10] The budget is spent. Parts are answered in a row, the one of `done` last. */
  | { readonly kind: 'more'; readonly part: Uint8Array; readonly cursor: Uint8Array }
  /** [M11] Nothing to say before an event of this topic: the same question comes again then. */
  | { readonly kind: 'wait'; readonly topic: Uint8Array }
  /** [M16] Bytes of files, to be read outside the turn, behind the bytes of `head`. */
  | {
      readonly kind: 'extents';
      readonly head: Uint8Array;
      readonly extents: readonly FileExtent[];
    };

// --- files --------------------------------------------------------------------------------------

/** A machine that keeps bytes in files of its own, such as the segments of a log or an index. */
export interface FileMachine extends ShardMachine {
  readonly keepsFiles: true;
  apply(command: MachineCommand, state: FileState): Uint8Array;
  wake?(step: MachineStep, state: FileState): void;
}

export function keepsFiles(machine: ShardMachine): machine is FileMachine {
  return 'keepsFiles' in machine;
}

export interface FileExtent {
  readonly file: number;
  readonly offset: number;
  readonly length: number;
}

export interface MachineFile {
  readonly length: number;
  /** Takes no more bytes, for good. */
  readonly isSealed: boolean;
}

/**
 * [M14] Files that only grow, by the numbers that the machine gives them. Their lengths are part of
 * the replicated state, as if they were pairs; their bytes are not read while a command is applied.
 */
export interface FileState extends MachineState {
  file(file: number): MachineFile | undefined;
  /** [M15] Makes the file if need be. Answers where the bytes begin. Copied. */
  append(file: number, bytes: Uint8Array): number;
  /** [M17] A snapshot holds sealed files as they are, and copies what is not sealed. */
  seal(file: number): void;
  /** The bytes go when no snapshot and no answer holds the file any more. */
  removeFile(file: number): void;
}

/** An answer as most are. */
export function answered(answer: Uint8Array): QueryAnswer {
  return { kind: 'done', answer };
}

/** Asks to the end at once, where nothing else is waiting for its turn. Nobody waits for events. */
export function wholeAnswer(ask: (cursor: Uint8Array | undefined) => QueryAnswer): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let cursor: Uint8Array | undefined; ; ) {
    const answer = ask(cursor);
    assert(answer.kind === 'done' || answer.kind === 'more', '[M11] nobody is there to wait');
    if (answer.kind === 'done' && parts.length === 0) return answer.answer;
    parts.push(answer.kind === 'done' ? answer.answer : answer.part);
    if (answer.kind === 'done') return joinBytes(parts);
    cursor = answer.cursor;
  }
}

export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

// --- editions -----------------------------------------------------------------------------------

/** [M5] What every shard of the machine begins with. */
export function firstEdition({ editions, kind }: Editioned): MachineEdition {
  const [first] = editions;
  assert(first !== undefined, `[M5] ${kind} has a first edition`);
  return first;
}

/** What this release would raise a shard to. */
export function newestEdition(machine: Editioned): MachineEdition {
  return machine.editions.at(-1) ?? firstEdition(machine);
}

type Editioned = Pick<ShardMachine, 'editions' | 'kind'>;

/** [M6] Undefined if the machine can carry out commands under `edition`; else why not. */
export function whyUnsupported(machine: Editioned, edition: MachineEdition): string | undefined {
  const newest = newestEdition(machine);
  if (edition.version > newest.version) {
    return `${machine.kind} version ${edition.version}, this release knows ${newest.version}`;
  }
  for (const [name, value] of Object.entries(edition.limits)) {
    const most = newest.limits[name];
    if (most === undefined) return `${machine.kind} with a limit ${name}, which is not known here`;
    if (value > most) return `${machine.kind} with ${name} ${value}, this release takes ${most}`;
  }
  return undefined;
}

/** [M7] Whether `next` takes nothing away from `present`. */
export function isRaise(present: MachineEdition, next: MachineEdition): boolean {
  if (next.version < present.version) return false;
  return Object.entries(present.limits).every(
    ([name, value]) => (next.limits[name] ?? -1) >= value,
  );
}

/** A limit that the machine's first edition has: no raise takes it away. */
export function limitOf({ limits }: MachineEdition, name: string): number {
  const value = limits[name];
  assert(value !== undefined, '[M7] a limit stays once it is there');
  return value;
}
