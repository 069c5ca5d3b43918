// Carries out a shard's commands, one after the other, each at most once.

import { assert } from '../../base/assert.ts';
import { readU64le } from '../../base/bytes.ts';
import { LIMITS } from '../../base/limits.ts';
import {
  limitOf,
  type MachineCommand,
  type MachineEdition,
  type MachineQuestion,
  NEVER_MS,
  type QueryAnswer,
  type ShardMachine,
} from '../../core/machine.ts';
import type { Entry } from '../../core/raft/index.ts';
import type { Store } from '../../engine/store/index.ts';
import {
  COMMAND,
  clientOf,
  editionsOf,
  isSound,
  isSoundAt,
  keptOf,
  PLAIN_HEADER_BYTES,
  SESSION_HEADER_BYTES,
  STATUS,
  sequenceOf,
  timeOf,
} from './commands.ts';
import {
  firstEditions,
  isRaised,
  type SessionLimits,
  type ShardEditions,
  type ShardRules,
  whyNotHere,
} from './editions.ts';
import { type Generation, MACHINE_SPACE, SESSION_SPACE, spacePrefix } from './layout.ts';
import { type Emit, StoredMachineState } from './machine-state.ts';
import type { EntryResults } from './results.ts';
import { type SessionLoad, SessionTable } from './sessions.ts';
import {
  countSeveral,
  knowsSeveral,
  LENGTH_BYTES,
  lengthAt,
  SEVERAL_HEADER_BYTES,
} from './several.ts';
import { ShardRecord } from './shard-record.ts';
import type { Question } from './types.ts';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

const NOTHING = new Uint8Array(0);

/** [M6] A replica must not go on by rules that it does not know. */
export class UnsupportedEdition extends Error {}

export interface RunnerParts {
  readonly store: Store;
  readonly machine: ShardMachine;
  readonly rules: ShardRules;
  readonly load: SessionLoad;
  readonly emit: Emit;
}

/** A runner works on one generation; a snapshot brings a new one. */
export class CommandRunner {
  readonly #parts: RunnerParts;
  readonly #sessionPrefix: Uint8Array;
  readonly #record: ShardRecord;
  readonly #state: StoredMachineState;
  #sessions: SessionTable | undefined;
  /** The one command object, and the one question: a machine keeps nothing. */
  readonly #command: Mutable<MachineCommand>;
  readonly #question: Mutable<MachineQuestion>;
  /** What became of the last command, beside the bytes that are its result. */
  #status: number = STATUS.done;

  constructor(parts: RunnerParts, shard: number, generation: Generation) {
    const { emit, machine, rules, store } = parts;
    this.#parts = parts;
    this.#sessionPrefix = spacePrefix(shard, generation, SESSION_SPACE);
    const first = firstEditions(machine, rules);
    this.#record = new ShardRecord(store, shard, generation, first);
    const machinePrefix = spacePrefix(shard, generation, MACHINE_SPACE);
    this.#state = new StoredMachineState(store, machinePrefix, this.#record, emit);
    const edition = this.#record.editions.machine;
    const moment = { index: 0, timeMs: 0, edition, body: NOTHING };
    this.#command = { ...moment, ordinal: 0 };
    this.#question = { ...moment, cursor: undefined, mayWait: false, budget: LIMITS.query };
  }

  get editions(): ShardEditions {
    return this.#record.editions;
  }

  /** When the machine wants to be woken. */
  get wakeMs(): number {
    return this.#record.wakeMs;
  }

  /** [M6] Why nothing can be applied or asked here. */
  get lacks(): string | undefined {
    const { machine, rules } = this.#parts;
    return whyNotHere(machine, rules, this.#record.editions);
  }

  /** What sessions take in memory, and how many there are; those of a cold shard take nothing. */
  sessionsHeld(): { readonly count: number; readonly bytes: number } {
    return { count: this.#sessions?.count ?? 0, bytes: this.#sessions?.bytes ?? 0 };
  }

  /** Bytes for the store since the last call. */
  takeWritten(): number {
    const bytes = this.#state.writtenBytes;
    this.#state.writtenBytes = 0;
    return bytes;
  }

  /** [D24] All commands of an entry. Their results go to `results`, where anyone waits for them. */
  run({ index, payload }: Entry, results: EntryResults | undefined): void {
    if (payload[0] !== COMMAND.several) {
      const result = this.#runAlone(index, payload);
      results?.add(index, this.#status, result);
      return;
    }
    // [D25] Before the raise it is a command that nobody knows.
    const count = knowsSeveral(this.#record.editions) ? countSeveral(payload) : 0;
    if (count === 0) results?.add(index, STATUS.malformed, NOTHING);
    let at = SEVERAL_HEADER_BYTES;
    for (let position = 0; position < count; position++) {
      const from = at + LENGTH_BYTES;
      at = from + lengthAt(payload, at);
      const result = this.#runOne(index, position, payload, from, at);
      results?.add(index, this.#status, result);
    }
  }

  #runAlone(index: number, payload: Uint8Array): Uint8Array {
    if (payload.length === 0) return this.#end(STATUS.done);
    const kind = payload[0];
    if (!isSound(payload)) return this.#end(STATUS.malformed);
    if (kind === COMMAND.plain || kind === COMMAND.session) {
      return this.#runOne(index, 0, payload, 0, payload.length);
    }
    const sessions = this.#openSessions();
    const timeMs = sessions.advance(timeOf(payload, 0));
    if (kind === COMMAND.close) return this.#close(sessions, clientOf(payload, 0));
    if (kind === COMMAND.raise) return this.#raise(index, payload);
    if (kind === COMMAND.wake) return this.#wake(index, timeMs);
    if (kind === COMMAND.evict) {
      sessions.evict(keptOf(payload));
      return this.#end(STATUS.done);
    }
    assert(kind === COMMAND.open, '[D10] a sound command is of a known kind');
    sessions.open(index);
    return this.#end(STATUS.opened);
  }

  /** Writes what the commands of this batch did beside the machine's pairs. */
  save(): void {
    this.#sessions?.store(this.#parts.store);
    this.#record.save();
  }

  /** Another one takes its place, or it rests: sessions are read again when they are needed. */
  drop(): void {
    this.#sessions?.drop();
    this.#sessions = undefined;
  }

  query({ body, cursor, mayWait }: Question, index: number): QueryAnswer {
    const question = this.#question;
    question.index = index;
    question.timeMs = this.#timeMs();
    question.edition = this.#record.editions.machine;
    question.body = body;
    question.cursor = cursor;
    question.mayWait = mayWait;
    return this.#parts.machine.query(question, this.#state);
  }

  #timeMs(): number {
    if (this.#sessions !== undefined) return this.#sessions.timeMs;
    const clock = this.#parts.store.get(this.#sessionPrefix);
    return clock === undefined ? 0 : readU64le(clock, 0);
  }

  #openSessions(): SessionTable {
    if (this.#sessions !== undefined) return this.#sessions;
    const { load, store } = this.#parts;
    const limits = sessionLimits(this.#record.editions.shard);
    this.#sessions = new SessionTable(store, this.#sessionPrefix, limits, load);
    return this.#sessions;
  }

  /** A plain command or one of a session, with a whole header: `bytes[from..end)`. */
  #runOne(
    index: number,
    position: number,
    bytes: Uint8Array,
    from: number,
    end: number,
  ): Uint8Array {
    // [D25] Wrong in itself: its neighbours are other callers' and go on.
    if (!isSoundAt(bytes, from)) return this.#end(STATUS.malformed);
    const sessions = this.#openSessions();
    const timeMs = sessions.advance(timeOf(bytes, from));
    if (bytes[from] === COMMAND.plain) {
      return this.#carryOut(index, timeMs, bytes.subarray(from + PLAIN_HEADER_BYTES, end));
    }
    const session = sessions.find(clientOf(bytes, from));
    if (session === undefined) return this.#end(STATUS.expired);
    sessions.touch(session, index, position);
    const sequence = sequenceOf(bytes, from);
    if (sequence < session.sequence) return this.#end(STATUS.stale);
    if (sequence === session.sequence) {
      if (session.result === undefined) return this.#end(STATUS.resultLost);
      this.#status = STATUS.done;
      return session.result;
    }
    const body = bytes.subarray(from + SESSION_HEADER_BYTES, end);
    const result = this.#carryOut(index, timeMs, body);
    sessions.record(session, sequence, result);
    return result;
  }

  #close(sessions: SessionTable, client: number): Uint8Array {
    const session = sessions.find(client);
    if (session === undefined) return this.#end(STATUS.expired);
    sessions.close(session);
    return this.#end(STATUS.closed);
  }

  /** [M7] Two leaders may propose the same raise: the second one changes nothing. */
  #raise(index: number, payload: Uint8Array): Uint8Array {
    const { machine, rules } = this.#parts;
    const next = editionsOf(payload);
    if (next === undefined || !isRaised(this.#record.editions, next)) {
      return this.#end(STATUS.malformed);
    }
    const lacks = whyNotHere(machine, rules, next);
    if (lacks !== undefined) throw new UnsupportedEdition(`from ${index} on ${lacks}`);
    this.#record.raise(next);
    this.#command.edition = next.machine;
    this.#state.obey(next);
    if (this.#sessions !== undefined) this.#sessions.limits = sessionLimits(next.shard);
    return this.#end(STATUS.done);
  }

  /** [M12] Two leaders may propose the same time: it comes once, and not before it is due. */
  #wake(index: number, timeMs: number): Uint8Array {
    if (this.#record.wakeMs > timeMs) return this.#end(STATUS.done);
    this.#record.wakeMs = NEVER_MS;
    const { machine } = this.#parts;
    this.#prepare(index, timeMs, NOTHING);
    this.#state.isWritable = true;
    machine.wake?.(this.#command, this.#state);
    this.#state.isWritable = false;
    return this.#end(STATUS.done);
  }

  #carryOut(index: number, timeMs: number, body: Uint8Array): Uint8Array {
    this.#prepare(index, timeMs, body);
    this.#status = STATUS.done;
    this.#state.isWritable = true;
    const result = this.#parts.machine.apply(this.#command, this.#state);
    this.#state.isWritable = false;
    return result;
  }

  #prepare(index: number, timeMs: number, body: Uint8Array): void {
    const command = this.#command;
    command.index = index;
    command.ordinal = this.#nextOrdinal(index);
    command.timeMs = timeMs;
    command.body = body;
    this.#state.index = index;
  }

  /**
   * [M18] The index while every entry holds one command. After an entry of several it runs ahead,
   * until the index has caught up.
   */
  #nextOrdinal(index: number): number {
    if (!knowsSeveral(this.#record.editions)) return index;
    const ordinal = Math.max(this.#record.ordinal + 1, index);
    this.#record.ordinal = ordinal;
    return ordinal;
  }

  #end(status: number): Uint8Array {
    this.#status = status;
    return NOTHING;
  }
}

function sessionLimits(edition: MachineEdition): SessionLimits {
  return {
    sessionsMax: limitOf(edition, 'sessionsMax'),
    idleMs: limitOf(edition, 'sessionIdleMs'),
    resultBytesMax: limitOf(edition, 'sessionResultBytesMax'),
  };
}
