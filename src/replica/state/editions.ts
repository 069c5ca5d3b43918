// What a shard agreed on about everything that decides an effect: the edition of its machine, and
// that of what surrounds the machine here, such as sessions.
//
//   editions  =  kind edition(machine) edition(shard)
//   edition   =  version(u32) count(u16) (name value(u64))*     by ascending name
//   kind, name = length(u8) ASCII

import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import {
  firstEdition,
  isRaise,
  type MachineEdition,
  newestEdition,
  type ShardMachine,
  whyUnsupported,
} from '../../core/machine.ts';

/** Names, and room for more limits than any machine has. */
const EDITIONS_BYTES_MAX = 64 * 1024;
const NAME_BYTES_MAX = 255;

export interface SessionLimits {
  /** Beyond this the session that was used least recently goes. */
  readonly sessionsMax: number;
  /** Replicated time after which an unused session goes. */
  readonly idleMs: number;
  /** A longer result is not kept for those who ask again. */
  readonly resultBytesMax: number;
}

export interface ShardEditions {
  readonly kind: string;
  readonly machine: MachineEdition;
  readonly shard: MachineEdition;
}

/** What surrounds the machine, in all versions that this release can carry out. */
export interface ShardRules {
  readonly kind: 'shard';
  readonly editions: readonly MachineEdition[];
}

/** [M5] Frozen: shards of every release begin with these numbers, whatever LIMITS say. */
const FIRST_LIMITS = {
  /** Clients of one shard that are owed exactly-once; the one used least recently goes. */
  sessionsMax: 4_096,
  /** A client that pauses longer must ask what became of its last command. */
  sessionIdleMs: 60 * 60 * 1_000,
  /** Kept for a command that is sent again; with the above, 4 MiB of a shard's snapshot. */
  sessionResultBytesMax: 1_024,
  /** As LIMITS.state: a pair fits one chunk of a snapshot. */
  pairKeyBytesMax: 1_536,
  pairValueBytesMax: 192 * 1_024,
  /** Of one `deleteRange`: a millisecond or two. */
  deletedPairsMax: 1_024,
};

/** `sessions` takes the place of frozen numbers, alike on all members of a test. */
export function shardRules(sessions: Partial<SessionLimits>): ShardRules {
  const limits = {
    ...FIRST_LIMITS,
    ...(sessions.sessionsMax === undefined ? {} : { sessionsMax: sessions.sessionsMax }),
    ...(sessions.idleMs === undefined ? {} : { sessionIdleMs: sessions.idleMs }),
    ...(sessions.resultBytesMax === undefined
      ? {}
      : { sessionResultBytesMax: sessions.resultBytesMax }),
  };
  // [D25] Under version 2 an entry may hold several commands.
  return {
    kind: 'shard',
    editions: [
      { version: 1, limits },
      { version: 2, limits },
    ],
  };
}

export function firstEditions(machine: ShardMachine, rules: ShardRules): ShardEditions {
  return { kind: machine.kind, machine: firstEdition(machine), shard: firstEdition(rules) };
}

/** What this release would raise a shard to. */
export function newestEditions(machine: ShardMachine, rules: ShardRules): ShardEditions {
  return { kind: machine.kind, machine: newestEdition(machine), shard: newestEdition(rules) };
}

/** [M6] Undefined if this release can apply a shard's commands; else what it lacks. */
export function whyNotHere(
  machine: ShardMachine,
  rules: ShardRules,
  { kind, machine: edition, shard }: ShardEditions,
): string | undefined {
  if (kind !== machine.kind) return `it is of kind ${kind}, not ${machine.kind}`;
  const lacks = whyUnsupported(machine, edition) ?? whyUnsupported(rules, shard);
  return lacks === undefined ? undefined : `it needs ${lacks}`;
}

/** [M7] Whether a release whose newest editions are `newest` can carry out `wanted`. */
export function canCarryOut(newest: ShardEditions, wanted: ShardEditions): boolean {
  const { kind, machine, shard } = newest;
  return (
    kind === wanted.kind &&
    whyUnsupported({ kind, editions: [machine] }, wanted.machine) === undefined &&
    whyUnsupported({ kind: 'shard', editions: [shard] }, wanted.shard) === undefined
  );
}

/** [M7] Kinds stay, and nothing falls. */
export function isRaised(present: ShardEditions, next: ShardEditions): boolean {
  return (
    present.kind === next.kind &&
    isRaise(present.machine, next.machine) &&
    isRaise(present.shard, next.shard)
  );
}

export function encodeEditions({ kind, machine, shard }: ShardEditions): Uint8Array {
  const writer = new ByteWriter(EDITIONS_BYTES_MAX, 256);
  writeName(writer, kind);
  writeEdition(writer, machine);
  writeEdition(writer, shard);
  return writer.copy();
}

function writeEdition(writer: ByteWriter, { limits, version }: MachineEdition): void {
  const names = Object.keys(limits).toSorted();
  writer.u32le(version);
  writer.u16le(names.length);
  for (const name of names) {
    writeName(writer, name);
    writer.u64le(limits[name] ?? 0);
  }
}

function writeName(writer: ByteWriter, name: string): void {
  const bytes = Buffer.from(name, 'latin1');
  writer.u8(bytes.length);
  writer.append(bytes);
}

/** Undefined when the bytes are none. */
export function decodeEditions(bytes: Uint8Array): ShardEditions | undefined {
  if (bytes.length > EDITIONS_BYTES_MAX) return undefined;
  const reader = new ByteReader(bytes);
  const kind = readName(reader);
  const machine = readEdition(reader);
  const shard = readEdition(reader);
  return reader.failed || reader.remaining > 0 ? undefined : { kind, machine, shard };
}

function readEdition(reader: ByteReader): MachineEdition {
  const version = reader.u32le();
  const limits: Record<string, number> = {};
  let before = '';
  for (let left = reader.u16le(); left > 0 && !reader.failed; left--) {
    const name = readName(reader);
    // One order only: what is equal has equal bytes, and no name comes twice.
    if (name <= before) reader.fail();
    limits[name] = reader.u64le();
    before = name;
  }
  return { version, limits };
}

function readName(reader: ByteReader): string {
  const length = reader.u8();
  return Buffer.from(reader.take(Math.min(length, NAME_BYTES_MAX))).toString('latin1');
}
