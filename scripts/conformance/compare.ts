// Expected against actual, for one block, on three levels:
//
//   1 outcome   who is in which state, what the logs hold, what was applied, errors, the last hard
//               state, every configuration; per node, whatever the way there
//   2 content   what each Ready and each delivery carries, as a bag; per node and activity
//   3 sequence  everything, line by line
//
// A difference on a level says what differs and what stands there.

import { facts, groups } from './facts.ts';
import type { PlacedEvent } from './model.ts';
import { renderPlaced } from './render.ts';

export type Level = 1 | 2 | 3;

export const LEVELS: readonly Level[] = [1, 2, 3];

export interface Difference {
  readonly what: string;
  readonly expected: string;
  readonly actual: string;
}

export type Differences = Readonly<Partial<Record<Level, Difference>>>;

const NOTHING = '(nothing)';

/** Events, and what they say on each level. Made once for what is compared several times. */
export interface Account {
  readonly events: readonly PlacedEvent[];
  /** One text per event. */
  readonly texts: readonly string[];
  readonly facts: Lists;
  readonly groups: Lists;
}

/** `node` is whom the output is about as long as no line says otherwise. */
export function accountOf(events: readonly PlacedEvent[], node: number): Account {
  const texts = events.map((event) => renderPlaced(event).join('\n'));
  return { events, texts, facts: facts(events, node), groups: groups(events, node) };
}

export function compareAccounts(expected: Account, actual: Account): Differences {
  const first = compareMaps(expected.facts, actual.facts);
  const second = compareMaps(expected.groups, actual.groups);
  const third = compareSequence(expected, actual);
  return {
    ...(first === undefined ? {} : { 1: first }),
    ...(second === undefined ? {} : { 2: second }),
    ...(third === undefined ? {} : { 3: third }),
  };
}

type Lists = ReadonlyMap<string, readonly string[]>;

function compareMaps(expected: Lists, actual: Lists): Difference | undefined {
  for (const what of new Set([...expected.keys(), ...actual.keys()])) {
    const wanted = expected.get(what) ?? [];
    const got = actual.get(what) ?? [];
    const length = Math.max(wanted.length, got.length);
    for (let i = 0; i < length; i++) {
      if (wanted[i] === got[i]) continue;
      return { what, expected: wanted[i] ?? NOTHING, actual: got[i] ?? NOTHING };
    }
  }
  return undefined;
}

function compareSequence(expected: Account, actual: Account): Difference | undefined {
  const length = Math.max(expected.events.length, actual.events.length);
  for (let i = 0; i < length; i++) {
    if (expected.texts[i] === actual.texts[i]) continue;
    const wanted = expected.events[i];
    const got = actual.events[i];
    if (wanted !== undefined && got !== undefined && isStricterSync(expected.events, i, got)) {
      continue;
    }
    const line = wanted?.line ?? expected.events.at(-1)?.line;
    return {
      what: line === undefined ? 'output' : `line ${line}`,
      expected: expected.texts[i] ?? NOTHING,
      actual: actual.texts[i] ?? NOTHING,
    };
  }
  return undefined;
}

/**
 * A Ready whose only durable work is a snapshot needs no sync by the files. Syncing it is safer and
 * not a deviation; not syncing where they demand it is one.
 */
function isStricterSync(expected: readonly PlacedEvent[], at: number, got: PlacedEvent): boolean {
  const wanted = expected[at];
  if (wanted?.event.kind !== 'ready' || wanted.event.mustSync) return false;
  if (got.event.kind !== 'ready' || got.indented !== wanted.indented) return false;
  for (const { event } of expected.slice(at + 1)) {
    if (event.kind === 'snapshot') return true;
    if (event.kind === 'ready' || event.kind === 'header') return false;
  }
  return false;
}
