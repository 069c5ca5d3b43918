// What the shards' machines must have made of the log: every command that anyone applied, and the
// state after each of them. The first member to apply an index writes it down; all others, and all
// that clients are told, are held against it.

import { crc32c } from '../../src/base/crc32c.ts';
import { LIMITS } from '../../src/base/limits.ts';
import {
  type MachineCommand,
  type MachinePair,
  type MachineState,
  type MachineView,
  newestEdition,
  type ShardMachine,
  wholeAnswer,
} from '../../src/core/machine.ts';

interface Applied {
  readonly index: number;
  readonly body: number;
  readonly result: number;
}

/** `undefined`: deleted. */
interface Version {
  readonly index: number;
  readonly value: Uint8Array | undefined;
}

/** Takes note of what must never happen. Does not throw: the product would take it for its own. */
export type Violate = (what: string) => void;

export class ShardReference {
  readonly #violate: Violate;
  /** By ordinal. */
  readonly #applied = new Map<number, Applied>();
  /** By index: checksums of the commands that the machine carried out there. */
  readonly #bodiesAt = new Map<number, number[]>();
  readonly #versions = new Map<string, Version[]>();
  readonly #bodies = new Set<string>();
  /** Bodies that one command has and no other. */
  readonly #unique = new Set<string>();
  readonly #refused = new Set<string>();
  #last = 0;
  #lastOrdinal = 0;
  /** Some entry held several commands. */
  hasSeveral = false;

  constructor(violate: Violate) {
    this.#violate = violate;
  }

  /** The newest index that carried a command. */
  get last(): number {
    return this.#last;
  }

  /** Carries out a command on the state of a member, and compares. True if it is new. */
  apply(
    machine: ShardMachine,
    command: MachineCommand,
    state: MachineState,
  ): { readonly result: Uint8Array; readonly isNew: boolean } {
    const { body, index, ordinal } = command;
    const where = `${index}.${ordinal}`;
    const known = this.#applied.get(ordinal);
    if (known === undefined && (ordinal < this.#lastOrdinal || index < this.#last)) {
      this.#violate(`${where} has a command here and had none where it came first`);
    }
    if (ordinal < index) this.#violate(`${where} is an ordinal below its index`);
    const isNew = known === undefined;
    const result = machine.apply(command, isNew ? this.#recording(index, state) : state);
    const sums = { index, body: crc32c(body), result: crc32c(result) };
    if (known === undefined) this.#note(ordinal, sums, body);
    else if (known.index !== index) this.#violate(`${where} stood at ${known.index} before`);
    else if (known.body !== sums.body) this.#violate(`${where} has two commands`);
    else if (known.result !== sums.result) {
      this.#violate(`the command at ${where} has two results`);
    }
    return { result, isNew };
  }

  /** A command is given that has a body of its own: it may take effect once, however often sent. */
  begin(body: Uint8Array): void {
    this.#unique.add(hexOf(body));
  }

  /** Its caller was told that it had no effect, and never will. */
  refuse(body: Uint8Array): void {
    const name = hexOf(body);
    this.#refused.add(name);
    if (this.#bodies.has(name)) this.#violate('a command took effect and was refused');
  }

  /** Its caller was told that it stands at `index`, and took effect there. */
  confirm(body: Uint8Array, index: number): void {
    if (this.#bodiesAt.get(index)?.includes(crc32c(body)) === true) return;
    this.#violate(`a command was said to stand at ${index}, where another one does`);
  }

  #noteEffect(name: string): void {
    if (this.#refused.has(name)) this.#violate('a command was refused and took effect');
    if (this.#unique.has(name) && this.#bodies.has(name)) {
      this.#violate('a command took effect twice');
    }
    this.#bodies.add(name);
  }

  #note(ordinal: number, applied: Applied, body: Uint8Array): void {
    const { index } = applied;
    this.#applied.set(ordinal, applied);
    this.#noteEffect(hexOf(body));
    if (index === this.#last) this.hasSeveral = true;
    this.#last = Math.max(this.#last, index);
    this.#lastOrdinal = Math.max(this.#lastOrdinal, ordinal);
    const others = this.#bodiesAt.get(index);
    if (others === undefined) this.#bodiesAt.set(index, [applied.body]);
    else others.push(applied.body);
  }

  /** How many commands the machine carried out at `index`, as far as anyone came. */
  countAt(index: number): number {
    return this.#bodiesAt.get(index)?.length ?? 0;
  }

  /** The state after `index`, for machines' queries of single keys. */
  viewAt(index: number): MachineView {
    return {
      get: (key) => this.#valueAt(hexOf(key), index),
      range: (low, high) => this.#rangeAt(low, high, index),
    };
  }

  #valueAt(key: string, index: number): Uint8Array | undefined {
    const versions = this.#versions.get(key) ?? [];
    return versions.findLast((version) => version.index <= index)?.value;
  }

  #rangeAt(low: Uint8Array, high: Uint8Array | undefined, index: number): MachinePair[] {
    const [from, to] = [hexOf(low), high === undefined ? undefined : hexOf(high)];
    const keys = [...this.#versions.keys()].filter(
      (key) => key >= from && (to === undefined || key < to),
    );
    return keys
      .toSorted((a, b) => (a < b ? -1 : 1))
      .flatMap((key) => {
        const value = this.#valueAt(key, index);
        return value === undefined ? [] : [{ key: Buffer.from(key, 'hex'), value }];
      });
  }

  /** A member's state that remembers here what is written to it. */
  #recording(index: number, state: MachineState): MachineState {
    const note = (key: Uint8Array, value: Uint8Array | undefined): void => {
      const name = hexOf(key);
      const versions = this.#versions.get(name);
      const version = { index, value: value === undefined ? undefined : value.slice() };
      if (versions === undefined) this.#versions.set(name, [version]);
      else versions.push(version);
    };
    return {
      get: (key) => state.get(key),
      range: (low, high) => state.range(low, high),
      put: (key, value) => {
        note(key, value);
        state.put(key, value);
      },
      delete: (key) => {
        note(key, undefined);
        state.delete(key);
      },
      deleteRange: (low, high) => {
        const before = [...state.range(low, high)].map(({ key }) => key.slice());
        const next = state.deleteRange(low, high);
        for (const key of before) if (state.get(key) === undefined) note(key, undefined);
        return next;
      },
      emit: (topic, event) => state.emit(topic, event),
      wakeAt: (timeMs) => state.wakeAt(timeMs),
    };
  }
}

/** What a client would be answered that sees `view`. */
export function answerOf(machine: ShardMachine, body: Uint8Array, view: MachineView): Uint8Array {
  const edition = newestEdition(machine);
  const moment = { index: 0, timeMs: 0, edition, budget: LIMITS.query, mayWait: false };
  return wholeAnswer((cursor) => machine.query({ ...moment, body, cursor }, view));
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}
