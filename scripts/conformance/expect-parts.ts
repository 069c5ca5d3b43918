// The pieces that several kinds of expected lines share: entries, snapshots, progress, roles.
// Every function answers undefined when its text has another form.

import type {
  EntryKind,
  EntryLine,
  ProgressLine,
  ProgressName,
  RoleName,
  SnapshotLine,
} from './model.ts';
import { QUOTED } from './quote.ts';

/** Tokens of a configuration change: `v2 l3 r4 u5`, possibly none. */
const TOKENS = String.raw`[vlru]\d+(?: [vlru]\d+)*`;

/** An entry anywhere in a line; three groups: term, index, and the rest as kind and payload. */
export const ENTRY =
  String.raw`\d+\/\d+ ` + `(?:EntryNormal ${QUOTED}|EntryConfChange(?:V2)?(?: ${TOKENS})?)`;

/** A configuration as `renderConfig` prints it, anywhere in a line. */
export const CONFIG =
  String.raw`voters=\([\d ]*\)(?:&&\([\d ]*\))?` +
  String.raw`(?: learners=\([\d ]+\))?(?: learners_next=\([\d ]+\))?(?: autoleave)?`;

const ENTRY_PARTS = /^(\d+)\/(\d+) (Entry\w+)(?: (.*))?$/;
const WHOLE_ENTRY = new RegExp(`^${ENTRY}$`);

export function parseEntry(text: string): EntryLine | undefined {
  if (!WHOLE_ENTRY.test(text)) return undefined;
  const parts = ENTRY_PARTS.exec(text);
  if (parts === null) return undefined;
  const kind = parts[3] as EntryKind;
  return { term: Number(parts[1]), index: Number(parts[2]), kind, payload: parts[4] ?? '' };
}

const LIST = String.raw`\[([\d ]*)\]`;
const SNAPSHOT = new RegExp(
  String.raw`^Index:(\d+) Term:(\d+) ConfState:Voters:${LIST} VotersOutgoing:${LIST} ` +
    String.raw`Learners:${LIST} LearnersNext:${LIST} AutoLeave:(true|false)$`,
);

export function parseSnapshot(text: string): SnapshotLine | undefined {
  const parts = SNAPSHOT.exec(text);
  if (parts === null) return undefined;
  const list = (group: number): number[] => numbers(parts[group] as string);
  return {
    index: Number(parts[1]),
    term: Number(parts[2]),
    confState: {
      voters: list(3),
      votersOutgoing: list(4),
      learners: list(5),
      learnersNext: list(6),
      autoLeave: parts[7] === 'true',
    },
  };
}

function numbers(text: string): number[] {
  return text === '' ? [] : text.split(' ').map(Number);
}

const PROGRESS = new RegExp(
  String.raw`^(\d+): (StateProbe|StateReplicate|StateSnapshot) match=(\d+) next=(\d+)` +
    String.raw`( learner)?( paused)?(?: pendingSnap=(\d+))?( inactive)?` +
    String.raw`(?: inflight=(\d+)(\[full\])?)?$`,
);

export function parseProgress(line: string): ProgressLine | undefined {
  const parts = PROGRESS.exec(line);
  if (parts === null) return undefined;
  return {
    id: Number(parts[1]),
    state: parts[2] as ProgressName,
    match: Number(parts[3]),
    next: Number(parts[4]),
    learner: parts[5] !== undefined,
    paused: parts[6] !== undefined,
    pendingSnapshot: Number(parts[7] ?? 0),
    inactive: parts[8] !== undefined,
    inflight: Number(parts[9] ?? 0),
    full: parts[10] !== undefined,
  };
}

const ROLES: ReadonlySet<string> = new Set<RoleName>([
  'StateFollower',
  'StateCandidate',
  'StateLeader',
  'StatePreCandidate',
]);

export function parseRole(text: string): RoleName | undefined {
  return ROLES.has(text) ? (text as RoleName) : undefined;
}
