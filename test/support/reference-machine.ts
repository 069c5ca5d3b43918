// A machine that makes use of everything in the contract: values that expire, prefixes that are
// dropped bit by bit, counts that take several turns, questions that wait.
//
//   put KEY VALUE [MS]   keeps VALUE, for MS only     drop PREFIX   deletes all keys that begin so
//   get KEY   await KEY VALUE   count                 questions
//
//   v KEY -> VALUE [space EXPIRY]    x EXPIRY KEY -> KEY    d -> the prefix that is being dropped

import {
  answered,
  limitOf,
  type MachineCommand,
  type MachineEdition,
  type MachineMoment,
  type MachineQuestion,
  type MachineState,
  type MachineView,
  NEVER_MS,
  type QueryAnswer,
  type ShardMachine,
} from '../../src/core/machine.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('latin1');
const utf8 = (text: string): Uint8Array => encoder.encode(text);
const textOf = (bytes: Uint8Array | undefined): string => decoder.decode(bytes);

const DROPPING = utf8('d');
const NOTHING = new Uint8Array(0);
const EXPIRIES = 'x';
/** Digits of a time, so that they sort. */
const TIME_DIGITS = 15;
/** Values that one wake lets go of. */
const EXPIRED_MAX = 4;

const FIRST_RELEASE: readonly MachineEdition[] = [
  { version: 1, limits: { keyChars: 8, valueChars: 8 } },
];
/** A later release: longer values, and keys may not be dropped by an empty prefix any more. */
const SECOND_RELEASE: readonly MachineEdition[] = [
  ...FIRST_RELEASE,
  { version: 2, limits: { keyChars: 8, valueChars: 16 } },
];

export class ReferenceMachine implements ShardMachine {
  readonly kind = 'reference';
  readonly editions: readonly MachineEdition[];

  constructor(editions: readonly MachineEdition[] = SECOND_RELEASE) {
    this.editions = editions;
  }

  apply({ body, edition, timeMs }: MachineCommand, state: MachineState): Uint8Array {
    const [verb, key = '', value = '', ms = '', ...rest] = textOf(body).split(' ');
    const isKey = /^[a-z]*$/.test(key) && key.length <= limitOf(edition, 'keyChars');
    if (!isKey || rest.length > 0) return utf8('malformed');
    if (verb === 'put' && /^[0-9]{0,9}$/.test(ms) && /^[a-z0-9]+$/.test(value)) {
      if (value.length > limitOf(edition, 'valueChars')) return utf8('malformed');
      return put(key, value, ms === '' ? NEVER_MS : timeMs + Number(ms), state);
    }
    if (verb !== 'drop' || value !== '') return utf8('malformed');
    if (edition.version >= 2 && key === '') return utf8('malformed');
    if (state.get(DROPPING) !== undefined) return utf8('busy');
    state.put(DROPPING, utf8(key));
    goOn(key, timeMs, state);
    return utf8('dropping');
  }

  wake({ timeMs }: MachineMoment, state: MachineState): void {
    const prefix = state.get(DROPPING);
    if (prefix !== undefined) goOn(textOf(prefix), timeMs, state);
    let expired = 0;
    for (const { key, value } of Array.from(state.range(utf8(EXPIRIES), utf8('y')))) {
      const expiry = textOf(key.subarray(1, 1 + TIME_DIGITS));
      if (Number(expiry) > timeMs || expired === EXPIRED_MAX) break;
      expired += 1;
      state.delete(key);
      const name = textOf(value);
      if (!textOf(state.get(utf8(`v${name}`))).endsWith(` ${expiry}`)) continue;
      state.delete(utf8(`v${name}`));
      state.emit(utf8(name), NOTHING);
    }
    setAlarm(timeMs, state);
  }

  query(question: MachineQuestion, view: MachineView): QueryAnswer {
    const [verb, key = '', value = ''] = textOf(question.body).split(' ');
    if (verb === 'count') return count(question, view);
    const present = textOf(view.get(utf8(`v${key}`))).split(' ')[0] ?? '';
    if (verb === 'await' && present === value && question.mayWait) {
      return { kind: 'wait', topic: utf8(key) };
    }
    return answered(utf8(verb === 'get' || verb === 'await' ? present : 'malformed'));
  }
}

function put(key: string, value: string, expiryMs: number, state: MachineState): Uint8Array {
  const expiry = String(expiryMs).padStart(TIME_DIGITS, '0');
  const isMortal = expiryMs !== NEVER_MS;
  state.put(utf8(`v${key}`), utf8(isMortal ? `${value} ${expiry}` : value));
  state.emit(utf8(key), utf8(value));
  if (isMortal) state.put(utf8(`${EXPIRIES}${expiry}${key}`), utf8(key));
  setAlarm(expiryMs, state);
  return utf8('ok');
}

/** One slice. Followers hear of every key that goes. */
function goOn(prefix: string, timeMs: number, state: MachineState): void {
  const [low, high] = [utf8(`v${prefix}`), utf8(`v${prefix}{`)];
  const before = [...state.range(low, high)].map(({ key }) => key.slice());
  const next = state.deleteRange(low, high);
  for (const key of before) {
    if (state.get(key) === undefined) state.emit(key.subarray(1), NOTHING);
  }
  if (next === undefined) state.delete(DROPPING);
  setAlarm(timeMs, state);
}

/** The one alarm is for whatever comes first. */
function setAlarm(timeMs: number, state: MachineState): void {
  if (state.get(DROPPING) !== undefined) return state.wakeAt(timeMs);
  for (const { key } of state.range(utf8(EXPIRIES), utf8('y'))) {
    return state.wakeAt(Number(textOf(key.subarray(1, 1 + TIME_DIGITS))));
  }
  return state.wakeAt(NEVER_MS);
}

/** The cursor: how many so far, and behind which key. */
function count({ budget, cursor }: MachineQuestion, view: MachineView): QueryAnswer {
  const [soFar = '0', last = ''] = textOf(cursor).split(' ');
  const low = last === '' ? utf8('v') : utf8(`${last}\0`);
  let [counted, steps] = [Number(soFar), 0];
  for (const { key } of view.range(low, utf8('w'))) {
    counted += 1;
    steps += 1;
    if (steps < budget.stepsMax) continue;
    return { kind: 'more', part: NOTHING, cursor: utf8(`${counted} ${textOf(key)}`) };
  }
  return answered(utf8(String(counted)));
}
