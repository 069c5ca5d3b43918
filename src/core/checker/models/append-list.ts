// A list that grows at its end and is read whole. Reads show the order of all appends before
// them, which makes this the most telling workload for its price.

import type { Model } from '../model.ts';
import { addItem, type Item, listItems, NO_ITEMS } from './items.ts';

export type AppendListAction =
  | { readonly kind: 'append'; readonly item: Item }
  | { readonly kind: 'read'; readonly items: readonly Item[] };

export const appendListModel: Model<AppendListAction, string> = {
  name: 'append-list',
  init: () => NO_ITEMS,
  step(state, action) {
    if (action.kind === 'append') return addItem(state, action.item);
    return state === listItems(action.items) ? state : undefined;
  },
  foresight: {
    hopeless: (state, action) =>
      action.kind === 'read' && !listItems(action.items).startsWith(state),
    resets: () => false,
  },
  observes: (action) => action.kind === 'read',
  describe: (action) =>
    action.kind === 'append'
      ? `append ${JSON.stringify(action.item)}`
      : `read -> ${JSON.stringify(action.items)}`,
};
