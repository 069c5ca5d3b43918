// A shard's state under test: a machine that speaks in words, a store on a disk in memory, and
// entries made of a line each.

import type { CrashDisk } from '../../../test/support/wal-crash-disk.ts';
import { ManualClock } from '../../../test/support/wal-scenario.ts';
import { Prng } from '../../base/prng.ts';
import {
  answered,
  type MachineCommand,
  type MachineQuestion,
  type MachineState,
  type MachineView,
  PLAIN_EDITIONS,
  type QueryAnswer,
  type ShardMachine,
} from '../../core/machine.ts';
import type { ConfState, Entry, Snapshot } from '../../core/raft/index.ts';
import { openMemoryStore, type Store } from '../../engine/store/index.ts';
import { type Command, decodeResult, encodeCommand, stampCommand } from './commands.ts';
import type { SessionLimits } from './editions.ts';
import { endOfPrefix } from './layout.ts';
import { openStateStore } from './state-store.ts';
import type { ReplicaState, StateStore, StateStoreOptions } from './types.ts';

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/**
 *   set KEY VALUE, add KEY NUMBER, del KEY, say LENGTH, write KEY LENGTH
 *   breakAfter KEY VALUE: sets, then throws, as only a machine with a bug does
 */
export const wordMachine: ShardMachine = {
  kind: 'words',
  editions: PLAIN_EDITIONS,
  apply({ body }: MachineCommand, state: MachineState): Uint8Array {
    const [verb = '', key = '', value = ''] = textOf(body).split(' ');
    if (verb === 'set') state.put(utf8(key), utf8(value));
    else if (verb === 'del') state.delete(utf8(key));
    else if (verb === 'say') return utf8('x'.repeat(Number(key)));
    else if (verb === 'write') state.put(utf8(key), new Uint8Array(Number(value)).fill(120));
    else if (verb === 'add') {
      const sum = Number(textOf(state.get(utf8(key)) ?? utf8('0'))) + Number(value);
      state.put(utf8(key), utf8(String(sum)));
      return utf8(String(sum));
    } else if (verb === 'breakAfter') {
      state.put(utf8(key), utf8(value));
      throw new Error('a bug');
    } else return utf8('what?');
    return utf8('ok');
  },
  query({ body }: MachineQuestion, view: MachineView): QueryAnswer {
    const text = textOf(body);
    if (text !== 'all') return answered(view.get(utf8(text)) ?? utf8('-'));
    const pairs = [...view.range(new Uint8Array(0), undefined)];
    const list = pairs.map(({ key, value }) => `${textOf(key)}=${textOf(value)}`).join(' ');
    return answered(utf8(list));
  },
};

export interface OpenState {
  readonly disk: CrashDisk;
  readonly clock: ManualClock;
  readonly store: Store;
  readonly states: StateStore;
}

export async function openState(
  disk: CrashDisk,
  sessions: Partial<SessionLimits> = {},
  seed = 1,
  more: Pick<StateStoreOptions, 'feed' | 'rules'> = {},
): Promise<OpenState> {
  const clock = new ManualClock();
  return openStateOf(await openTestStore(disk, clock), disk, clock, sessions, seed, more);
}

export function openStateOf(
  store: Store,
  disk: CrashDisk,
  clock: ManualClock,
  sessions: Partial<SessionLimits> = {},
  seed = 1,
  more: Pick<StateStoreOptions, 'feed' | 'rules'> = {},
): OpenState {
  const random = Prng.from(seed, 'names');
  const opening = openStateStore({ store, clock, random, sessions, ...more });
  if (opening.kind === 'refused') throw new Error(opening.message);
  return { disk, clock, store, states: opening.states };
}

export async function openTestStore(disk: CrashDisk, clock: ManualClock): Promise<Store> {
  const options = { clock, disk, directory: 'store', flushDelayMs: 1e9 };
  const opening = await openMemoryStore(options, { onDurable: () => {}, onFailure: () => {} });
  if (opening.kind === 'refused') throw new Error(opening.message);
  return opening.store;
}

/** As if it had come over the network. */
export function copyState(
  view: MachineView,
  prefix: Uint8Array,
  to: ReplicaState,
  snapshot: Snapshot,
): void {
  const staging = to.stage(snapshot);
  const pairs = [...view.range(prefix, endOfPrefix(prefix))].map(({ key, value }) => {
    return { key: key.subarray(prefix.length), value };
  });
  const lastKey = pairs.at(-1)?.key ?? new Uint8Array(0);
  staging.add(pairs, { ...staging.progress, lastKey });
  staging.complete();
}

export function votersOf(...voters: number[]): ConfState {
  return { voters, votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false };
}

export function entryOf(index: number, payload: Uint8Array, term = 1): Entry {
  return { index, term, kind: 'normal', payload };
}

/**
 * A line as a payload: `100 set a 1`, `100 open`, `100 close 5`, `100 5/2 set a 1` (session 5,
 * sequence 2), `-` (an empty entry), `raw FF 00`.
 */
export function payloadOf(line: string): Uint8Array {
  const words = line.split(' ');
  if (line === '-') return new Uint8Array(0);
  if (words[0] === 'raw') return Uint8Array.from(words.slice(1), (hex) => Number.parseInt(hex, 16));
  const payload = encodeCommand(commandOf(words.slice(1)));
  stampCommand(payload, Number(words[0]));
  return payload;
}

function commandOf(words: string[]): Command {
  const [first = '', second = ''] = words;
  if (first === 'open') return { kind: 'open' };
  if (first === 'close') return { kind: 'close', client: Number(second) };
  const session = /^(\d+)\/(\d+)$/.exec(first);
  if (session === null) return { kind: 'plain', body: utf8(words.join(' ')) };
  return {
    kind: 'session',
    client: Number(session[1]),
    sequence: Number(session[2]),
    body: utf8(words.slice(1).join(' ')),
  };
}

export function describeResult(bytes: Uint8Array): string {
  const result = decodeResult(bytes);
  if (result === undefined) return `no result: ${bytes.join(' ')}`;
  if (result.kind === 'opened') return `opened ${result.client}`;
  return result.kind === 'done' ? `done ${shorten(textOf(result.body))}`.trim() : result.kind;
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 8)}... (${text.length})` : text;
}
