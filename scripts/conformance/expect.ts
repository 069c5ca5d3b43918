// Reads expected output into events. A line that no rule knows is an error: nothing is skipped in
// silence. Log lines are the exception by design: the files record another implementation's log
// texts, of which only three kinds carry an outcome (model.ts); the others are counted and dropped.

import { parseMessageLines } from './expect-message.ts';
import { CONFIG, parseEntry, parseProgress, parseRole, parseSnapshot } from './expect-parts.ts';
import type { Activity, ChangeRefusal, Label, OutputEvent, PlacedEvent } from './model.ts';
import { ERROR_TEXTS, NOTICES } from './model.ts';
import { isOutcomeLog, renderPlaced } from './render.ts';

export interface ExpectedOutput {
  readonly events: readonly PlacedEvent[];
  /** Lines dropped because they are log text. */
  readonly logLines: number;
  /** Why the text could not be read, with its line; empty when it could. */
  readonly unreadable: readonly string[];
}

const INDENT = '  ';
const LOG = /^(?:DEBUG|INFO|WARN|ERROR|FATAL) (.*)$/;
const HEADER =
  /^> (\d+) (handling Ready|receiving messages|processing append thread|processing apply thread)$/;
const CONFIGURED = new RegExp(`^([0-9a-f]+) switched to configuration (${CONFIG})$`);
const IGNORED = new RegExp(
  `^([0-9a-f]+) ignoring conf change(?: .*)? at config (${CONFIG}): (.*)$`,
);
const UNPROMOTABLE = /^([0-9a-f]+) is unpromotable and can not campaign$/;

const REFUSALS: readonly (readonly [string, ChangeRefusal])[] = [
  ['possible unapplied conf change', 'pending'],
  ['must transition out of joint config first', 'inJoint'],
  ['not in joint state; refusing empty conf change', 'notInJoint'],
];

const ERRORS: ReadonlySet<string> = new Set(Object.values(ERROR_TEXTS));

/** Errors about the command itself, with a varying part. */
const COMMAND_ERRORS = [
  /^unknown command.*$/,
  /^unknown transition .*$/,
  /^unknown input: .*$/,
  /^unknown token .*$/,
  /^invalid read-only option ".*"$/,
  /^log levels must be either of \[.*\]$/,
];

/** `firstLine` is the file line of the first line of `text`. */
export function parseExpected(text: string, firstLine: number): ExpectedOutput {
  const lines = text === '' ? [] : text.split('\n');
  const events: PlacedEvent[] = [];
  const unreadable: string[] = [];
  let logLines = 0;
  let underHeader = false;
  for (let at = 0; at < lines.length; ) {
    const indented = underHeader && (lines[at] as string).startsWith(INDENT);
    const rest = indented ? unindent(lines, at) : lines.slice(at);
    const read = readEvent(rest);
    const line = firstLine + at;
    at += read.lines;
    if (read.outcome === 'unknown') unreadable.push(`line ${line}: ${rest[0]}`);
    else if (read.outcome === 'log') logLines += 1;
    else if (read.outcome !== 'ok') {
      events.push({ event: read.outcome, indented, line });
      if (read.outcome.kind === 'header') underHeader = true;
    }
  }
  return { events, logLines, unreadable: [...unreadable, ...roundTrip(lines, firstLine, events)] };
}

/** The run of indented lines from `at` on, without their indentation. */
function unindent(lines: readonly string[], at: number): string[] {
  const run = lines.slice(at);
  const end = run.findIndex((line) => !line.startsWith(INDENT));
  return run.slice(0, end < 0 ? run.length : end).map((line) => line.slice(INDENT.length));
}

interface ReadEvent {
  readonly outcome: OutputEvent | 'log' | 'ok' | 'unknown';
  readonly lines: number;
}

function readEvent(lines: readonly string[]): ReadEvent {
  const line = lines[0] as string;
  if (line === 'ok') return { outcome: 'ok', lines: 1 };
  const log = LOG.exec(line);
  if (log !== null) return { outcome: parseOutcomeLog(log[1] as string) ?? 'log', lines: 1 };
  const message = parseMessageLines(lines);
  if (message !== undefined) {
    const { dropped } = message;
    return {
      outcome: { kind: 'message', message: message.message, dropped },
      lines: message.lines,
    };
  }
  return { outcome: parseLine(line) ?? 'unknown', lines: 1 };
}

/** 'unknown': one of the three kinds, but not as we know it. Undefined: another log line. */
function parseOutcomeLog(text: string): OutputEvent | 'unknown' | undefined {
  const configured = CONFIGURED.exec(text);
  if (configured !== null) {
    const [, node, config] = configured as unknown as [string, string, string];
    return { kind: 'configured', node: Number.parseInt(node, 16), config };
  }
  const ignored = IGNORED.exec(text);
  if (ignored !== null) {
    const [, node, config, reason] = ignored as unknown as [string, string, string, string];
    const refusal = REFUSALS.find(([start]) => reason.startsWith(start))?.[1];
    if (refusal === undefined) return 'unknown';
    return { kind: 'changeIgnored', node: Number.parseInt(node, 16), config, refusal };
  }
  const unpromotable = UNPROMOTABLE.exec(text);
  if (unpromotable === null) return undefined;
  return { kind: 'unpromotable', node: Number.parseInt(unpromotable[1] as string, 16) };
}

function parseLine(line: string): OutputEvent | undefined {
  return parseReadyLine(line) ?? parseStateLine(line) ?? parsePlainLine(line);
}

function parseReadyLine(line: string): OutputEvent | undefined {
  const header = HEADER.exec(line);
  if (header !== null) {
    return { kind: 'header', node: Number(header[1]), activity: header[2] as Activity };
  }
  if (line === '<empty Ready>') return { kind: 'emptyReady' };
  const ready = /^Ready MustSync=(true|false):$/.exec(line);
  if (ready !== null) return { kind: 'ready', mustSync: ready[1] === 'true' };
  const soft = /^Lead:(\d+) State:(\w+)$/.exec(line);
  if (soft !== null) {
    const role = parseRole(soft[2] as string);
    return role === undefined ? undefined : { kind: 'softState', lead: Number(soft[1]), role };
  }
  const hard = /^HardState Term:(\d+)(?: Vote:(\d+))? Commit:(\d+)$/.exec(line);
  if (hard !== null) {
    const [term, vote, commit] = [hard[1], hard[2] ?? 0, hard[3]].map(Number);
    return { kind: 'hardState', term, vote, commit } as OutputEvent;
  }
  const reads = /^ReadStates (.+)$/.exec(line);
  if (reads !== null) return { kind: 'readStates', text: reads[1] as string };
  const label = /^(Entries|CommittedEntries|Messages|Processing|Responses):$/.exec(line);
  if (label !== null) return { kind: 'label', label: label[1] as Label };
  if (!line.startsWith('Snapshot ')) return undefined;
  const snapshot = parseSnapshot(line.slice('Snapshot '.length));
  return snapshot === undefined ? undefined : { kind: 'snapshot', snapshot };
}

function parseStateLine(line: string): OutputEvent | undefined {
  const entry = parseEntry(line);
  if (entry !== undefined) return { kind: 'entry', entry };
  const state = /^(\d+): (State\w+) \((Voter|Non-Voter)\) Term:(\d+) Lead:(\d+)$/.exec(line);
  if (state !== null) {
    const role = parseRole(state[2] as string);
    if (role === undefined) return undefined;
    const [node, term, lead] = [state[1], state[4], state[5]].map(Number);
    return {
      kind: 'raftState',
      node,
      role,
      voter: state[3] === 'Voter',
      term,
      lead,
    } as OutputEvent;
  }
  const progress = parseProgress(line);
  if (progress !== undefined) return { kind: 'progress', progress };
  const empty = /^log is empty: first index=(\d+), last index=(\d+)$/.exec(line);
  if (empty === null) return undefined;
  return { kind: 'emptyLog', first: Number(empty[1]), last: Number(empty[2]) };
}

function parsePlainLine(line: string): OutputEvent | undefined {
  if (NOTICES.includes(line)) return { kind: 'notice', text: line };
  if (ERRORS.has(line)) return { kind: 'error', text: line };
  if (COMMAND_ERRORS.some((form) => form.test(line))) return { kind: 'error', text: line };
  return undefined;
}

/**
 * A parser may misread and not notice, for instance by dropping the tail of a line. Rendering what
 * was read must give back every line that is not log text.
 */
function roundTrip(
  lines: readonly string[],
  firstLine: number,
  events: readonly PlacedEvent[],
): string[] {
  const problems: string[] = [];
  for (const placed of events) {
    if (isOutcomeLog(placed.event)) continue;
    for (const [offset, rendered] of renderPlaced(placed).entries()) {
      const original = lines[placed.line - firstLine + offset];
      if (original === rendered) continue;
      problems.push(`line ${placed.line + offset}: read as "${rendered}", is "${original}"`);
    }
  }
  return problems;
}
