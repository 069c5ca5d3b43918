// What a list of events says, told independently of the order of its parts: outcomes per node
// (level 1), and what each Ready and delivery carries (level 2). The same code reads expected and
// actual events, so a fact that it overlooks is overlooked on both sides alike.

import type { Activity, Label, OutputEvent, PlacedEvent } from './model.ts';
import { renderEvent } from './render.ts';

/** Where an event stands: who does what, and under which label. */
interface Context {
  readonly node: number;
  readonly activity: Activity | 'a command';
  /** Undefined outside a Ready or a piece of thread work. */
  readonly label: Label | undefined;
}

/** Calls `visit` with each event and its context. `starts` marks the first line of a group. */
function walk(
  events: readonly PlacedEvent[],
  defaultNode: number,
  visit: (event: OutputEvent, context: Context, starts: boolean) => void,
): void {
  let context: Context = { node: defaultNode, activity: 'a command', label: undefined };
  for (const { event, indented } of events) {
    if (event.kind === 'header') {
      context = { node: event.node, activity: event.activity, label: undefined };
      visit(event, context, true);
      continue;
    }
    if (!indented) context = outsideHeaders(context, event, defaultNode);
    const starts = startsGroup(event);
    if (starts) context = { ...context, label: undefined };
    if (event.kind === 'label') context = { ...context, label: event.label };
    visit(event, context, starts);
  }
}

function startsGroup(event: OutputEvent): boolean {
  if (event.kind === 'label') return event.label === 'Processing';
  return event.kind === 'ready' || event.kind === 'emptyReady';
}

/** Commands for one node print without a header: what they print tells what they do. */
function outsideHeaders(before: Context, event: OutputEvent, node: number): Context {
  if (event.kind === 'ready' || event.kind === 'emptyReady') {
    return { node, activity: 'handling Ready', label: undefined };
  }
  if (event.kind === 'label' && event.label === 'Processing') {
    return { node, activity: 'processing append thread', label: undefined };
  }
  const isLoose = event.kind === 'message' && before.label === undefined;
  if (isLoose && typeof event.message.to === 'number') {
    return { node: event.message.to, activity: 'receiving messages', label: undefined };
  }
  return before;
}

/** Level 1. Lists by what they are about, in the order of events. */
export function facts(
  events: readonly PlacedEvent[],
  defaultNode: number,
): Map<string, readonly string[]> {
  const found = new Map<string, string[]>();
  walk(events, defaultNode, (event, context) => {
    const about = aboutWhat(event, context);
    if (about === undefined) return;
    const text = renderEvent(event).join('\n');
    const list = found.get(about);
    // Of hard states only the last one of a block is an outcome: steps on the way may differ.
    if (list === undefined || event.kind === 'hardState') found.set(about, [text]);
    else list.push(text);
  });
  return found;
}

const ABOUT: Readonly<Partial<Record<OutputEvent['kind'], string>>> = {
  progress: 'progress at',
  emptyLog: 'log of',
  hardState: 'last hard state of',
  notice: 'answers at',
  error: 'answers at',
  raftState: 'state of',
  configured: 'configurations of',
  changeIgnored: 'refusals of',
  unpromotable: 'refusals of',
};

/** Undefined for what is no outcome. */
function aboutWhat(event: OutputEvent, { node, label }: Context): string | undefined {
  if (event.kind === 'entry') {
    if (label === 'CommittedEntries') return `entries applied by ${node}`;
    return label === undefined ? `log of ${node}` : undefined;
  }
  const what = ABOUT[event.kind];
  if (what === undefined) return undefined;
  return `${what} ${'node' in event ? event.node : node}`;
}

/** Level 2. Groups by node and activity; inside a group order does not matter. */
export function groups(
  events: readonly PlacedEvent[],
  defaultNode: number,
): Map<string, readonly string[]> {
  const found = new Map<string, string[][]>();
  walk(events, defaultNode, (event, { node, activity, label }, starts) => {
    const about = `${activity} at ${node}`;
    const list = found.get(about) ?? [];
    found.set(about, list);
    if (starts || list.length === 0) list.push([]);
    const text = carried(event, label);
    if (text !== undefined) list.at(-1)?.push(text);
  });
  return new Map([...found].map(([about, list]) => [about, list.flatMap(sealGroup)]));
}

function carried(event: OutputEvent, label: Label | undefined): string | undefined {
  const lines = (): string => renderEvent(event).join('\n');
  if (event.kind === 'snapshot') return lines();
  if (event.kind === 'message' || event.kind === 'entry') {
    return label === undefined ? lines() : `${label}: ${lines()}`;
  }
  return undefined;
}

/** A group as a list that starts with its size, so that groups cannot run into one another. */
function sealGroup(group: readonly string[]): string[] {
  if (group.length === 0) return [];
  return [`a group of ${group.length}`, ...group.toSorted()];
}
