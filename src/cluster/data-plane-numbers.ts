// The numbers that can be set about a member's replicas: how large and how small each may be, and
// what they must be to each other.

import { ParleyError } from '../base/errors.ts';
import { LIMITS } from '../base/limits.ts';
import { segmentBytesFor, type WalOptions } from '../engine/wal/index.ts';
import { DEFAULT_HOST_SETTINGS, type HostSettings } from '../replica/host/index.ts';
import { DEFAULT_SNAPSHOT_LIMITS, type SnapshotLimits } from '../replica/snapshots/index.ts';

export interface ReplicaNumbers {
  readonly wal?: Partial<WalSettings>;
  readonly host?: Partial<HostSettings>;
  readonly snapshots?: Partial<SnapshotLimits>;
}

type WalSettings = Omit<WalOptions, 'directory' | 'onFailure'>;

export const DEFAULT_WAL: Omit<WalSettings, 'onDamage'> = {
  ...LIMITS.wal,
  roomCheckMs: 1_000,
  markDelayMs: 50,
};

const U32_MAX = 2 ** 32 - 1;
const MEBIBYTE = 1024 * 1024;
const YEAR_MS = 365 * 24 * 60 * 60 * 1_000;

type NumbersOf<Group> = {
  [Key in keyof Group as Group[Key] extends number ? Key : never]: number;
};

type Name =
  | `wal.${keyof NumbersOf<WalSettings>}`
  | `host.${keyof NumbersOf<HostSettings>}`
  | `snapshots.${keyof NumbersOf<SnapshotLimits>}`;

interface Range {
  readonly min: number;
  readonly max: number;
  readonly isWhole: boolean;
  readonly why: string;
}

const CUT = 'the log is cut when so much of it can go';
const PART = 'there is no such number of bytes to keep';

/** Every number that can be set. A new one does not compile without its range. */
export const RANGES: Readonly<Record<Name, Range>> = {
  'wal.segmentBytes': whole(
    8_192,
    1024 * MEBIBYTE,
    'a segment begins with 4 KiB and is read whole',
  ),
  'wal.batchBytesMax': whole(1, 512 * MEBIBYTE, 'a batch has something in it and fits a segment'),
  'wal.cacheBytesMax': whole(0, 2 ** 40, PART),
  'wal.reserveBytes': whole(0, 2 ** 50, PART),
  'wal.roomCheckMs': time(1),
  'wal.markDelayMs': time(0),
  'host.tickMs': time(1),
  'host.electionTicks': whole(2, 10_000, 'followers wait for a heartbeat before they campaign'),
  'host.heartbeatTicks': whole(1, 5_000, 'heartbeats are at least one tick apart'),
  'host.phases': whole(1, 1_000, 'shards tick in one phase at least'),
  'host.hibernateAfterTicks': whole(1, 1_000_000, 'shards hibernate after a silence'),
  'host.lostTicks': whole(1, 1_000_000, 'a member is lost after a silence'),
  'host.wakesMax': whole(1, U32_MAX, 'with none at a time hibernating shards would sleep for ever'),
  'host.readTimeoutMs': time(1),
  'host.orphanTimeoutMs': time(0),
  'host.slowDiskMs': time(1),
  'host.trailingEntries': whole(0, 2 ** 40, 'there is no such number of entries to keep'),
  'host.trailingBytes': whole(0, 2 ** 50, PART),
  'host.purgeEntries': whole(1, 2 ** 40, CUT),
  'host.purgeBytes': whole(1, 2 ** 50, CUT),
  'host.segmentsMax': whole(2, U32_MAX, 'one segment is written while another gives way'),
  'host.commandBytesMax': whole(1, LIMITS.replica.payloadBytesMax, 'clients send no larger ones'),
  'host.sessionBytesMax': whole(1, 2 ** 50, 'with no room no client would have a session'),
  'host.repairRetryMs': time(1),
  'host.scrubEveryMs': time(1),
  'host.scrubPauseMs': time(0),
  'snapshots.chunkBytesMax': whole(
    1,
    DEFAULT_SNAPSHOT_LIMITS.chunkBytesMax,
    'a chunk fits a frame',
  ),
  'snapshots.sendsMax': whole(1, LIMITS.peer.streamsMax, 'each takes one of the streams there are'),
  'snapshots.receivesMax': whole(1, LIMITS.peer.streamsMax, 'each takes one of the streams'),
  'snapshots.transferMsMax': time(1),
  'snapshots.preparedMax': whole(1, 64, 'each takes one of the readers that the store has'),
  'snapshots.preparedMs': time(0),
  'snapshots.resumeMs': time(0),
  'snapshots.sweepMs': time(1),
};

type Numbers = Readonly<Record<Name, number>>;

interface Relation {
  readonly subject: Name;
  readonly than: Name;
  /** What `subject` is at least, given the other one. */
  readonly least: (than: number) => number;
  readonly why: string;
}

/** `limits.ts` asserts the same of what is built in. */
const RELATIONS: readonly Relation[] = [
  {
    subject: 'wal.segmentBytes',
    than: 'host.commandBytesMax',
    least: segmentBytesFor,
    why: 'the largest command must fit a segment',
  },
  {
    subject: 'wal.segmentBytes',
    than: 'wal.batchBytesMax',
    least: twice,
    why: 'a segment holds more than one full batch',
  },
  {
    subject: 'wal.reserveBytes',
    than: 'wal.segmentBytes',
    least: twice,
    why: 'the reserve holds a segment and the next one',
  },
  {
    subject: 'host.electionTicks',
    than: 'host.heartbeatTicks',
    least: (ticks) => ticks + 1,
    why: 'followers would campaign before they hear from their leader',
  },
  {
    subject: 'host.tickMs',
    than: 'host.phases',
    least: asMuch,
    why: 'each phase of a tick takes a millisecond or more',
  },
  {
    subject: 'host.hibernateAfterTicks',
    than: 'host.electionTicks',
    least: asMuch,
    why: 'shards hibernate when nobody campaigns any more',
  },
  {
    subject: 'host.lostTicks',
    than: 'host.electionTicks',
    least: asMuch,
    why: 'whoever is taken for lost must have no lease any more',
  },
];

/** Why a member cannot run with these; undefined when it can. */
export function refusalOfNumbers(settings: ReplicaNumbers): ParleyError | undefined {
  const numbers = numbersOf(settings);
  for (const name of Object.keys(RANGES) as Name[]) {
    const { isWhole, max, min, why } = RANGES[name];
    const value = numbers[name];
    const isRight = isWhole ? Number.isInteger(value) : Number.isFinite(value);
    if (isRight && value >= min && value <= max) continue;
    const what = isWhole ? 'a whole number' : 'a number';
    return refuse(name, `${value}`, why, `Give ${what} from ${min} to ${max}.`);
  }
  for (const { least, subject, than, why } of RELATIONS) {
    const [value, other] = [numbers[subject], numbers[than]];
    if (value >= least(other)) continue;
    const advice = `Give ${subject} ${least(other)} or more, or lower ${than}.`;
    return refuse(subject, `${value}, and ${than} is ${other}`, why, advice);
  }
  return undefined;
}

/** All of them, with the defaults of those that are not given. */
function numbersOf(settings: ReplicaNumbers): Numbers {
  const groups: Readonly<Record<string, object>> = {
    wal: { ...DEFAULT_WAL, ...settings.wal },
    host: { ...DEFAULT_HOST_SETTINGS, ...settings.host },
    snapshots: { ...DEFAULT_SNAPSHOT_LIMITS, ...settings.snapshots },
  };
  return Object.fromEntries(
    Object.entries(groups).flatMap(([group, values]) =>
      Object.entries(values).map(([key, value]) => [`${group}.${key}`, value]),
    ),
  ) as Numbers;
}

function whole(min: number, max: number, why: string): Range {
  return { min, max, isWhole: true, why };
}

function time(min: number): Range {
  return { min, max: YEAR_MS, isWhole: false, why: 'such a time does not pass, or not in a year' };
}

function twice(value: number): number {
  return 2 * value;
}

function asMuch(value: number): number {
  return value;
}

function refuse(subject: Name, found: string, why: string, advice: string): ParleyError {
  return new ParleyError('E_CONFIG', `${subject} is ${found}: ${why}.`, { subject, advice });
}
