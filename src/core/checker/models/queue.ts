// First in, first out; each item is handed out once.

import type { Model } from '../model.ts';
import { addItem, type Item, itemAt, NO_ITEMS, withoutFirst } from './items.ts';

export type QueueAction =
  | { readonly kind: 'enqueue'; readonly item: Item }
  /** `none`: the queue was empty. `unknown`: never returned, takes what is first if it happens. */
  | { readonly kind: 'dequeue'; readonly answer: { readonly item: Item } | 'none' | 'unknown' };

export const queueModel: Model<QueueAction, string> = {
  name: 'queue',
  init: () => NO_ITEMS,
  step(state, action) {
    if (action.kind === 'enqueue') return addItem(state, action.item);
    const first = itemAt(state, 0);
    if (action.answer === 'none') return first === undefined ? state : undefined;
    if (action.answer === 'unknown') return first === undefined ? state : withoutFirst(state);
    return first === JSON.stringify(action.answer.item) ? withoutFirst(state) : undefined;
  },
  observes: (action) => action.kind === 'dequeue' && action.answer === 'none',
  describe(action) {
    if (action.kind === 'enqueue') return `enqueue ${JSON.stringify(action.item)}`;
    if (action.answer === 'unknown') return 'dequeue';
    if (action.answer === 'none') return 'dequeue -> none';
    return `dequeue -> ${JSON.stringify(action.answer.item)}`;
  },
};
