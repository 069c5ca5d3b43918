// How clients use each of the checker's models: requests from small domains, so that values
// repeat and histories get hard.

import {
  type AppendListAction,
  appendListModel,
} from '../../src/core/checker/models/append-list.ts';
import {
  type CasRegisterAction,
  casRegisterModel,
} from '../../src/core/checker/models/cas-register.ts';
import { type KvAction, kvModel } from '../../src/core/checker/models/kv.ts';
import { type QueueAction, queueModel } from '../../src/core/checker/models/queue.ts';
import {
  type RegisterAction,
  type RegisterValue,
  registerModel,
} from '../../src/core/checker/models/register.ts';
import { type StreamAction, streamModel } from '../../src/core/checker/models/stream.ts';
import type { Workload } from './simulated-object.ts';

const DOMAIN = 3;

/** A read's request carries no value yet; this one stands in until it is answered. */
const UNANSWERED: RegisterValue = null;

export const registerWorkload: Workload<RegisterAction, RegisterValue> = {
  model: registerModel,
  ask: (random) =>
    random.below(2) === 0
      ? { kind: 'read', value: UNANSWERED }
      : { kind: 'write', value: random.below(DOMAIN) },
  answer: (state, asked) => (asked.kind === 'read' ? { kind: 'read', value: state } : asked),
};

export const casRegisterWorkload: Workload<CasRegisterAction, RegisterValue> = {
  model: casRegisterModel,
  ask(random, serial) {
    if (random.below(2) === 0) return registerWorkload.ask(random, serial);
    const [from, to] = [random.below(DOMAIN), random.below(DOMAIN)];
    return { kind: 'cas', from, to, answer: 'unknown' };
  },
  answer(state, asked) {
    if (asked.kind === 'read') return { kind: 'read', value: state };
    if (asked.kind === 'write') return asked;
    return { ...asked, answer: state === asked.from ? 'swapped' : 'mismatch' };
  },
};

export const kvWorkload: Workload<KvAction, string> = {
  model: kvModel,
  ask(random, serial) {
    const choice = random.below(20);
    if (choice < 9) return { kind: 'get', value: '' };
    return { kind: choice < 18 ? 'append' : 'put', value: `x${serial}y` };
  },
  answer: (state, asked) => (asked.kind === 'get' ? { kind: 'get', value: state } : asked),
};

export const appendListWorkload: Workload<AppendListAction, string> = {
  model: appendListModel,
  ask: (random, serial) =>
    random.below(2) === 0 ? { kind: 'read', items: [] } : { kind: 'append', item: serial },
  answer: (state, asked) =>
    asked.kind === 'read' ? { kind: 'read', items: linesOf(state) } : asked,
};

export const queueWorkload: Workload<QueueAction, string> = {
  model: queueModel,
  ask: (random, serial) =>
    random.below(2) === 0
      ? { kind: 'enqueue', item: serial }
      : { kind: 'dequeue', answer: 'unknown' },
  answer(state, asked) {
    if (asked.kind === 'enqueue') return asked;
    const item = linesOf(state)[0];
    return { kind: 'dequeue', answer: item === undefined ? 'none' : { item } };
  },
};

export const streamWorkload: Workload<StreamAction, string> = {
  model: streamModel,
  ask: (random, serial) =>
    random.below(2) === 0
      ? { kind: 'append', item: serial, offset: 'unknown' }
      : { kind: 'read', offset: random.below(1 + (serial >> 1)), answer: 'end' },
  answer(state, asked) {
    const items = linesOf(state);
    if (asked.kind === 'append') return { ...asked, offset: items.length };
    const item = items[asked.offset];
    return { ...asked, answer: item === undefined ? 'end' : { item } };
  },
};

function linesOf(state: string): number[] {
  return state
    .split('\n')
    .slice(0, -1)
    .map((line) => Number(line));
}
