// Carries out a shard's commands, one after the other, each at most once.

import { LIMITS } from '../../base/limits.ts';
import type { MachineCommand, ShardMachine } from '../../core/machine.ts';
import type { Entry } from '../../core/raft/index.ts';
import type { Store } from '../../engine/store/index.ts';
import {
  COMMAND,
  clientOf,
  isSound,
  PLAIN_HEADER_BYTES,
  SESSION_HEADER_BYTES,
  STATUS,
  sequenceOf,
  timeOf,
} from './commands.ts';
import { type Generation, MACHINE_SPACE, SESSION_SPACE, spacePrefix } from './layout.ts';
import { StoredMachineState } from './machine-state.ts';
import { SessionTable } from './sessions.ts';
import type { SessionLimits } from './types.ts';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

const NOTHING = new Uint8Array(0);

/** A runner works on one generation; a snapshot brings a new one. */
export class CommandRunner {
  readonly #store: Store;
  readonly #machine: ShardMachine;
  readonly #sessionPrefix: Uint8Array;
  readonly #limits: SessionLimits;
  readonly #view: StoredMachineState;
  #sessions: SessionTable | undefined;
  /** The one command object: a machine keeps nothing. */
  readonly #command: Mutable<MachineCommand> = { index: 0, timeMs: 0, body: NOTHING };
  /** What became of the last command; `run` answers the bytes that belong to it. */
  status: number = STATUS.done;

  constructor(
    store: Store,
    machine: ShardMachine,
    shard: number,
    generation: Generation,
    limits: Partial<SessionLimits>,
  ) {
    this.#store = store;
    this.#machine = machine;
    this.#limits = { ...LIMITS.sessions, ...limits };
    this.#sessionPrefix = spacePrefix(shard, generation, SESSION_SPACE);
    this.#view = new StoredMachineState(store, spacePrefix(shard, generation, MACHINE_SPACE));
  }

  run({ index, payload }: Entry): Uint8Array {
    if (payload.length === 0) return this.#end(STATUS.done);
    if (!isSound(payload)) return this.#end(STATUS.malformed);
    this.#sessions ??= new SessionTable(this.#store, this.#sessionPrefix, this.#limits);
    const timeMs = this.#sessions.advance(timeOf(payload));
    const kind = payload[0];
    if (kind === COMMAND.plain) {
      return this.#carryOut(index, timeMs, payload.subarray(PLAIN_HEADER_BYTES));
    }
    if (kind === COMMAND.session) {
      return this.#runInSession(this.#sessions, index, timeMs, payload);
    }
    if (kind === COMMAND.close) return this.#close(this.#sessions, clientOf(payload));
    this.#sessions.open(index);
    return this.#end(STATUS.opened);
  }

  /** Writes what the commands of this batch did to the sessions. */
  storeSessions(): void {
    this.#sessions?.store(this.#store);
  }

  query(question: Uint8Array): Uint8Array {
    return this.#machine.query(question, this.#view);
  }

  #runInSession(
    sessions: SessionTable,
    index: number,
    timeMs: number,
    payload: Uint8Array,
  ): Uint8Array {
    const session = sessions.find(clientOf(payload));
    if (session === undefined) return this.#end(STATUS.expired);
    sessions.touch(session, index);
    const sequence = sequenceOf(payload);
    if (sequence < session.sequence) return this.#end(STATUS.stale);
    if (sequence === session.sequence) {
      if (session.result === undefined) return this.#end(STATUS.resultLost);
      this.status = STATUS.done;
      return session.result;
    }
    const result = this.#carryOut(index, timeMs, payload.subarray(SESSION_HEADER_BYTES));
    sessions.record(session, sequence, result);
    return result;
  }

  #close(sessions: SessionTable, client: number): Uint8Array {
    const session = sessions.find(client);
    if (session === undefined) return this.#end(STATUS.expired);
    sessions.close(session);
    return this.#end(STATUS.closed);
  }

  #carryOut(index: number, timeMs: number, body: Uint8Array): Uint8Array {
    const command = this.#command;
    command.index = index;
    command.timeMs = timeMs;
    command.body = body;
    this.status = STATUS.done;
    this.#view.isWritable = true;
    const result = this.#machine.apply(command, this.#view);
    this.#view.isWritable = false;
    return result;
  }

  #end(status: number): Uint8Array {
    this.status = status;
    return NOTHING;
  }
}
