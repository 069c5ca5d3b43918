// What the two file formats have in common: one event per line, four types of event. A process
// invokes a function and later the outcome is reported as ok, fail or info.

import type { EdnValue } from './edn.ts';
import { HistoryRecorder } from './history.ts';
import type { Operation } from './model.ts';

export interface Event {
  readonly process: number;
  readonly type: 'invoke' | 'ok' | 'fail' | 'info';
  /** The function, such as read. */
  readonly verb: string;
  readonly key: string;
  readonly value: EdnValue;
}

export type ParsedHistory<Action> =
  | { readonly kind: 'history'; readonly operations: Operation<Action>[] }
  | { readonly kind: 'malformed'; readonly line: number; readonly problem: string };

/** How one format says its actions. Undefined stands for an event it does not know. */
export interface EventReader<Action> {
  parseLine(line: string): Event | undefined;
  /** What an invocation asks for, in the form that says what it would do. */
  asked(event: Event): Action | undefined;
  /** The action with the answer of an `ok`. */
  answered(event: Event, asked: Action): Action | undefined;
  /** What a `fail` tells: an action if it is an answer, `nothing` if there was no effect. */
  failed(event: Event, asked: Action): Action | 'nothing' | undefined;
}

interface Asked<Action> {
  readonly event: Event;
  readonly action: Action;
}

/** Reads all lines; one that cannot be understood spoils the history, none is skipped [C10]. */
export function parseEventLines<Action>(
  text: string,
  reader: EventReader<Action>,
): ParsedHistory<Action> {
  const recorder = new HistoryRecorder<Action>();
  const openByProcess = new Map<number, Asked<Action>>();
  for (const [i, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '') continue;
    const event = reader.parseLine(line);
    const problem =
      event === undefined
        ? `not an event of a known kind: ${line.slice(0, 80)}`
        : recordEvent(event, reader, recorder, openByProcess);
    if (problem !== undefined) return { kind: 'malformed', line: i + 1, problem };
  }
  return { kind: 'history', operations: recorder.operations() };
}

/** What is wrong with the event, or undefined. */
function recordEvent<Action>(
  event: Event,
  reader: EventReader<Action>,
  recorder: HistoryRecorder<Action>,
  openByProcess: Map<number, Asked<Action>>,
): string | undefined {
  const { process, type, verb, key } = event;
  const open = openByProcess.get(process);
  if (type === 'invoke') {
    if (open !== undefined) return `process ${process} invokes while its ${verb} is open`;
    const action = reader.asked(event);
    if (action === undefined) return `cannot read what ${verb} asks for`;
    openByProcess.set(process, { event, action });
    recorder.begin(process, key, action);
    return undefined;
  }
  if (open === undefined) return `process ${process} reports ${type} without an open operation`;
  if (open.event.verb !== verb || open.event.key !== key) {
    return `process ${process} reports ${verb}, but ${open.event.verb} is open`;
  }
  openByProcess.delete(process);
  // The outcome is unknown for good: whatever the process does next is another operation [C2].
  if (type === 'info') {
    recorder.abandon(process);
    return undefined;
  }
  const outcome =
    type === 'ok' ? reader.answered(event, open.action) : reader.failed(event, open.action);
  if (outcome === undefined) return `${type} of ${verb} does not fit what was asked`;
  if (outcome === 'nothing') recorder.withdraw(process);
  else recorder.complete(process, outcome);
  return undefined;
}
