// Histories drawn as text, judged. A line is a process, a bracket is an operation from its call to
// its return; one that ends in `>` never returns. Columns are the time.

import { transcriptTests } from '../../../test/support/transcript.ts';
import type { Command } from '../../base/transcript.ts';
import { checkHistory, type Verdict } from './checker.ts';
import { type Model, NEVER, type Operation, type StateValue } from './model.ts';
import { type AppendListAction, appendListModel } from './models/append-list.ts';
import { type CasRegisterAction, casRegisterModel } from './models/cas-register.ts';
import { type KvAction, kvModel } from './models/kv.ts';
import { type QueueAction, queueModel } from './models/queue.ts';
import { type StreamAction, streamModel } from './models/stream.ts';
import type { VersionedAction } from './versioned.ts';
import { checkVersions } from './versions.ts';

type ReadAction<Action> = (words: readonly string[], returns: boolean) => Action;

interface Drawn<Action> {
  readonly names: readonly string[];
  readonly operations: Operation<Action>[];
}

function readDrawing<Action>(input: string, readAction: ReadAction<Action>): Drawn<Action> {
  const names: string[] = [];
  const operations: Operation<Action>[] = [];
  for (const line of input.split('\n')) {
    const process = names.push(line.slice(0, line.indexOf(':'))) - 1;
    for (const match of line.matchAll(/\[([^\]>]*)([\]>])/g)) {
      const [whole, text, end] = match;
      const returns = end === ']';
      const returnAt = returns ? match.index + whole.length - 1 : NEVER;
      const words = (text as string).split(/[\s-]+/).filter((word) => word !== '');
      const action = readAction(words, returns);
      operations.push({ process, key: '', action, callAt: match.index, returnAt });
    }
  }
  operations.sort((a, b) => a.callAt - b.callAt);
  return { names, operations };
}

function unreadable(words: readonly string[]): never {
  throw new Error(`cannot read the operation: ${words.join(' ')}`);
}

/** `1` is a number, `nil` is nothing, anything else a text. */
function readValue(word: string | undefined): string | number | null {
  if (word === undefined || word === 'nil') return null;
  return /^\d+$/.test(word) ? Number(word) : word;
}

function readItem(word: string | undefined): string | number {
  return readValue(word) ?? unreadable([]);
}

function judge<Action, State extends StateValue>(
  model: Model<Action, State>,
  input: string,
  readAction: ReadAction<Action>,
): string {
  const { names, operations } = readDrawing(input, readAction);
  const show = ({ process, action }: Operation<Action>): string =>
    `${names[process]} ${model.describe(action)}`;
  return describeVerdict(checkHistory(model, operations), show);
}

function describeVerdict<Action, State extends StateValue>(
  verdict: Verdict<Action, State>,
  show: (operation: Operation<Action>) => string,
): string {
  if (verdict.kind === 'unknown') return 'unknown';
  const part = verdict.kind === 'linearizable' ? verdict.parts[0] : verdict.part;
  if (part === undefined) return verdict.kind;
  const { operations, reach } = part;
  const at = (index: number): string => show(operations[index] as Operation<Action>);
  const steps = reach.order.map((index, i) => `  ${at(index)}  (${showState(reach.states[i])})`);
  if (verdict.kind === 'linearizable') return ['linearizable', ...steps].join('\n');
  return ['not linearizable', ...steps, `  stuck: ${at(reach.stuck)}`].join('\n');
}

function showState(state: StateValue | undefined): string {
  return typeof state === 'string' ? state.trimEnd().replaceAll('\n', ' ') : `${state}`;
}

function judgeVersions(input: string): string {
  const { names, operations } = readDrawing(input, readVersioned);
  const verdict = checkVersions(operations);
  if (verdict.kind === 'linearizable') return 'linearizable';
  const parties = [verdict.operation, ...(verdict.other === undefined ? [] : [verdict.other])];
  const named = parties.map(({ process }) => names[process]).join(' and ');
  return `not linearizable by ${verdict.rule}, ${named}: ${verdict.problem}`;
}

function readVersioned(words: readonly string[]): VersionedAction {
  const [kind, first, second, ...rest] = words;
  const version = (word: string | undefined): number => Number(word?.slice(1));
  if (kind === 'lost') return { kind, value: readValue(first) };
  if (kind === 'unseen') return { kind, version: version(first) };
  const known = { value: readValue(first), version: version(second) };
  if (kind === 'read' || kind === 'seen') return { kind, ...known };
  if (kind !== 'write') return unreadable(words);
  return rest[0] === 'after' ? { kind, ...known, after: version(rest[1]) } : { kind, ...known };
}

function readRegister(words: readonly string[], returns: boolean): CasRegisterAction {
  const [kind, first, second, answer] = words;
  if (kind === 'read' || kind === 'write') return { kind, value: readValue(first) };
  if (kind !== 'cas') return unreadable(words);
  const asked = { kind, from: readValue(first), to: readValue(second) } as const;
  if (!returns) return { ...asked, answer: 'unknown' };
  return { ...asked, answer: answer === 'yes' ? 'swapped' : 'mismatch' };
}

function readKv(words: readonly string[]): KvAction {
  const [kind, value = ''] = words;
  if (kind !== 'get' && kind !== 'put' && kind !== 'append') return unreadable(words);
  return { kind, value };
}

function readList(words: readonly string[]): AppendListAction {
  const [kind, ...items] = words;
  if (kind === 'append') return { kind, item: readItem(items[0]) };
  return kind === 'read' ? { kind, items: items.map(readItem) } : unreadable(words);
}

function readQueue(words: readonly string[], returns: boolean): QueueAction {
  const [kind, word] = words;
  if (kind === 'enqueue') return { kind, item: readItem(word) };
  if (kind !== 'dequeue') return unreadable(words);
  if (!returns) return { kind, answer: 'unknown' };
  return { kind, answer: word === 'none' ? 'none' : { item: readItem(word) } };
}

function readStream(words: readonly string[], returns: boolean): StreamAction {
  const [kind, first, second] = words;
  const offset = (word: string | undefined): number => Number(word?.slice(1));
  if (kind === 'append') {
    return { kind, item: readItem(first), offset: returns ? offset(second) : 'unknown' };
  }
  if (kind !== 'read') return unreadable(words);
  const answer = second === 'end' ? 'end' : { item: readItem(second) };
  return { kind, offset: offset(first), answer };
}

const JUDGES: Readonly<Record<string, (input: string) => string>> = {
  register: (input) => judge(casRegisterModel, input, readRegister),
  kv: (input) => judge(kvModel, input, readKv),
  'append-list': (input) => judge(appendListModel, input, readList),
  queue: (input) => judge(queueModel, input, readQueue),
  stream: (input) => judge(streamModel, input, readStream),
  versions: judgeVersions,
};

transcriptTests(
  new URL('testdata/', import.meta.url),
  () =>
    ({ name, input }: Command) =>
      JUDGES[name]?.(input) ?? unreadable([name]),
);
