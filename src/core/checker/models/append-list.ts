// A list that grows at its end and is read whole. Reads show the order of all appends before
// them, which makes this the most telling workload for its price.

import type { Model } from '../model.ts';
import { addItem, type Item, listItems, NO_ITEMS } from './items.ts';

export type AppendListAction =
  | { readonly kind: 'append'; readonly item: Item }
  | { readonly kind: 'read'; readonly items: readonly Item[] };

const texts = new WeakMap<readonly Item[], string>();

/** Remembered, because the search asks about the same reads over and over. */
function textOf(items: readonly Item[]): string {
  let text = texts.get(items);
  if (text === undefined) {
    text = listItems(items);
    texts.set(items, text);
  }
  return text;
}

export const appendListModel: Model<AppendListAction, string> = {
  name: 'append-list',
  init: () => NO_ITEMS,
  step(state, action) {
    if (action.kind === 'append') return addItem(state, action.item);
    return state === textOf(action.items) ? state : undefined;
  },
  foresight: {
    hopeless: (state, action) => action.kind === 'read' && !textOf(action.items).startsWith(state),
    blind: (action) => action.kind === 'append',
    resets: () => false,
  },
  observes: (action) => action.kind === 'read',
  describe: (action) =>
    action.kind === 'append'
      ? `append ${JSON.stringify(action.item)}`
      : `read -> ${JSON.stringify(action.items)}`,
};
