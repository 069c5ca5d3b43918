// The key-value machine: keys, values, and which command wrote each.
//
//   stored key    =  1 key
//   stored value  =  version(u64) value

import { ByteSlab, equalBytes, readU64le, writeU64le } from '../../base/bytes.ts';
import { LIMITS } from '../../base/limits.ts';
import {
  answered,
  type MachineCommand,
  type MachineQuestion,
  type MachineState,
  type MachineView,
  type QueryAnswer,
  type ShardMachine,
} from '../../core/machine.ts';
import {
  decodeKvCommand,
  encodeKvResult,
  type KvCommand,
  type KvCondition,
  PAIR_SPACE,
} from './commands.ts';
import { KV_EDITIONS } from './editions.ts';
import {
  ANSWER,
  decodeKvQuery,
  encodeKvPairs,
  type KvPair,
  type KvQuery,
  kvPairBytes,
} from './queries.ts';

const VERSION_BYTES = 8;
const DIGITS_MAX = 17;
const END_OF_PAIRS = Uint8Array.of(PAIR_SPACE + 1);

/**
 * Memory to write records into, and no state: what is cut holds zeros whatever came before. Records
 * live as long as their keys are not written again; a store in memory copies them.
 */
const slab = new ByteSlab(64 * 1024);

/** The event of a key that was deleted: what is stored is longer. */
const GONE = new Uint8Array(0);
const MALFORMED = encodeKvResult({ kind: 'malformed' });
const NOT_NUMBER = encodeKvResult({ kind: 'notNumber' });

export const kvMachine: ShardMachine = {
  kind: 'kv',
  editions: KV_EDITIONS,

  apply({ body, edition, ordinal }: MachineCommand, state: MachineState): Uint8Array {
    const command = decodeKvCommand(body, edition);
    if (command === undefined) return MALFORMED;
    switch (command.kind) {
      case 'put':
        return put(command, ordinal, state);
      case 'delete':
        return remove(command, state);
      case 'add':
        return add(command, ordinal, state);
    }
  },

  query(question: MachineQuestion, view: MachineView): QueryAnswer {
    const query = decodeKvQuery(question.body, question.edition);
    if (query === undefined) return answered(Uint8Array.of(ANSWER.malformed));
    switch (query.kind) {
      case 'get':
        return answered(get(view.get(query.key)));
      case 'await':
        return awaitChange(query, question, view);
      case 'range':
        return answered(range(query, question, view));
    }
  },
};

type Put = Extract<KvCommand, { kind: 'put' }>;
type Delete = Extract<KvCommand, { kind: 'delete' }>;
type Add = Extract<KvCommand, { kind: 'add' }>;
type Await = Extract<KvQuery, { kind: 'await' }>;
type Range = Extract<KvQuery, { kind: 'range' }>;

// --- changes ------------------------------------------------------------------------------------

function put({ key, value, condition }: Put, version: number, state: MachineState): Uint8Array {
  if (condition.kind !== 'always') {
    const present = state.get(key);
    if (!holds(condition, present)) return mismatch(present);
  }
  store(state, key, record(version, value));
  return versioned('stored', version);
}

function remove({ key, condition }: Delete, state: MachineState): Uint8Array {
  const present = state.get(key);
  if (!holds(condition, present)) return mismatch(present);
  if (present !== undefined) {
    state.delete(key);
    state.emit(key, GONE);
  }
  return versioned('deleted', versionOf(present));
}

/** [K4] Exact or not at all: sums beyond the safe integers would depend on the order. */
function add({ key, amount }: Add, version: number, state: MachineState): Uint8Array {
  const before = numberIn(state.get(key));
  if (before === undefined || !Number.isSafeInteger(before + amount)) return NOT_NUMBER;
  const sum = before + amount;
  const digits = String(sum);
  const value = new Uint8Array(digits.length);
  for (let at = 0; at < digits.length; at++) value[at] = digits.charCodeAt(at);
  store(state, key, record(version, value));
  return encodeKvResult({ kind: 'sum', version, sum });
}

/** [K7] What is stored is what followers hear. */
function store(state: MachineState, key: Uint8Array, stored: Uint8Array): void {
  state.put(key, stored);
  state.emit(key, stored);
}

/** [K3] A condition is about the key as it was before this command, and nothing else. */
function holds(condition: KvCondition, present: Uint8Array | undefined): boolean {
  switch (condition.kind) {
    case 'always':
      return true;
    case 'absent':
      return present === undefined;
    case 'version':
      return present !== undefined && versionOf(present) === condition.version;
    case 'value':
      return present !== undefined && equalBytes(valueOf(present), condition.value);
  }
}

function mismatch(present: Uint8Array | undefined): Uint8Array {
  return versioned('mismatch', versionOf(present));
}

function versioned(kind: 'stored' | 'deleted' | 'mismatch', version: number): Uint8Array {
  return encodeKvResult({ kind, version });
}

/** Undefined unless the value is a whole number as `add` writes it. */
function numberIn(present: Uint8Array | undefined): number | undefined {
  if (present === undefined) return 0;
  if (present.length > VERSION_BYTES + DIGITS_MAX) return undefined;
  const text = String.fromCharCode(...valueOf(present));
  const number = Number(text);
  return Number.isSafeInteger(number) && String(number) === text ? number : undefined;
}

function record(version: number, value: Uint8Array): Uint8Array {
  const bytes = slab.cut(VERSION_BYTES + value.length);
  writeU64le(bytes, 0, version);
  bytes.set(value, VERSION_BYTES);
  return bytes;
}

function versionOf(present: Uint8Array | undefined): number {
  return present === undefined ? 0 : readU64le(present, 0);
}

function valueOf(present: Uint8Array): Uint8Array {
  return present.subarray(VERSION_BYTES);
}

// --- questions ----------------------------------------------------------------------------------

/** What is stored is what is answered, behind the kind of the answer. */
function get(present: Uint8Array | undefined): Uint8Array {
  if (present === undefined) return Uint8Array.of(ANSWER.absent);
  const answer = new Uint8Array(1 + present.length);
  answer[0] = ANSWER.found;
  answer.set(present, 1);
  return answer;
}

/** [K8] Answers like `get` once the key has another version. */
function awaitChange({ key, version }: Await, asked: MachineQuestion, view: MachineView) {
  const present = view.get(key);
  if (asked.mayWait && versionOf(present) === version) return { kind: 'wait', topic: key } as const;
  return answered(get(present));
}

function range({ low, high, limit }: Range, asked: MachineQuestion, view: MachineView): Uint8Array {
  const { bytesMax, stepsMax } = asked.budget;
  const pairsMax = Math.min(limit, stepsMax);
  const pairsBytesMax = Math.min(LIMITS.kv.rangeBytesMax, bytesMax);
  const pairs: KvPair[] = [];
  let bytes = 0;
  for (const { key, value } of view.range(low, high ?? END_OF_PAIRS)) {
    const pair = { key: key.subarray(1), value: valueOf(value), version: versionOf(value) };
    bytes += kvPairBytes(pair);
    const isFull = pairs.length === pairsMax || bytes > pairsBytesMax;
    // [K6] One pair always fits, so that whoever asks on gets on.
    if (isFull && pairs.length > 0) return encodeKvPairs(pairs, true);
    pairs.push(pair);
  }
  return encodeKvPairs(pairs, false);
}
