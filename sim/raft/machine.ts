// The replicated machine of the simulation: a few registers, written once per request however often
// the request comes, and a hash over everything that was ever applied.

import type { Entry } from '../../src/core/raft/index.ts';

export const KEYS = 4;

export interface WriteCommand {
  readonly client: number;
  readonly serial: number;
  readonly key: number;
  readonly value: number;
}

const HEAD_BYTES = 12;

/** client(u16) serial(u16) key(u32) value(u32) padding */
export function encodeWrite(command: WriteCommand, padding: number): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + padding);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, command.client);
  view.setUint16(2, command.serial);
  view.setUint32(4, command.key);
  view.setUint32(8, command.value);
  return bytes;
}

function decodeWrite({ kind, payload }: Entry): WriteCommand | undefined {
  if (kind !== 'normal' || payload.length < HEAD_BYTES) return undefined;
  const view = new DataView(payload.buffer, payload.byteOffset);
  return {
    client: view.getUint16(0),
    serial: view.getUint16(2),
    key: view.getUint32(4),
    value: view.getUint32(8),
  };
}

export interface MachineImage {
  readonly applied: number;
  readonly hash: number;
  readonly registers: readonly number[];
  readonly serials: ReadonlyMap<number, number>;
}

export class Machine {
  applied = 0;
  hash = 0;
  #registers: number[] = new Array<number>(KEYS).fill(0);
  /** The newest request of each client that took effect. */
  #serials = new Map<number, number>();

  apply(entry: Entry, fingerprint: number): WriteCommand | undefined {
    this.applied = entry.index;
    this.hash = Math.imul(this.hash ^ fingerprint, 0x9e3779b1) ^ entry.index;
    const command = decodeWrite(entry);
    if (command === undefined) return undefined;
    // A forwarded proposal may arrive twice: it must not undo what was written in between.
    if ((this.#serials.get(command.client) ?? 0) < command.serial) {
      this.#serials.set(command.client, command.serial);
      this.#registers[command.key] = command.value;
    }
    return command;
  }

  read(key: number): number {
    return this.#registers[key] ?? 0;
  }

  image(): MachineImage {
    const { applied, hash } = this;
    return { applied, hash, registers: [...this.#registers], serials: new Map(this.#serials) };
  }

  restore(image: MachineImage): void {
    this.applied = image.applied;
    this.hash = image.hash;
    this.#registers = [...image.registers];
    this.#serials = new Map(image.serials);
  }
}

/** A word for what `entry` says: entries that differ in anything have different ones. */
export function fingerprintEntry({ term, index, kind, payload }: Entry): number {
  let word = Math.imul(term, 0x85ebca6b) ^ Math.imul(index, 0xc2b2ae35) ^ kind.length;
  const length = Math.min(payload.length, 24);
  for (let i = 0; i < length; i++) word = Math.imul(word ^ (payload[i] as number), 0x01000193);
  return word ^ payload.length;
}
