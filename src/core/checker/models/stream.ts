// A log whose records have offsets, counted from 0 without gaps: an append answers where its
// record went, a read at an offset answers the record there or that the log ends before it.

import type { Model } from '../model.ts';
import { addItem, countItems, type Item, itemAt, NO_ITEMS } from './items.ts';

export type StreamAction =
  | { readonly kind: 'append'; readonly item: Item; readonly offset: number | 'unknown' }
  | {
      readonly kind: 'read';
      readonly offset: number;
      readonly answer: { readonly item: Item } | 'end';
    };

export const streamModel: Model<StreamAction, string> = {
  name: 'stream',
  init: () => NO_ITEMS,
  step(state, action) {
    if (action.kind === 'append') {
      if (action.offset !== 'unknown' && action.offset !== countItems(state)) return undefined;
      return addItem(state, action.item);
    }
    const found = itemAt(state, action.offset);
    const answered = action.answer === 'end' ? undefined : JSON.stringify(action.answer.item);
    return found === answered ? state : undefined;
  },
  foresight: {
    // What stands at an offset stays there.
    hopeless(state, action) {
      if (action.offset === 'unknown' || action.offset >= countItems(state)) return false;
      return streamModel.step(state, action) === undefined;
    },
    // Appends whose answer is known are not, and the others are few.
    blind: () => false,
    resets: () => false,
  },
  observes: (action) => action.kind === 'read',
  describe(action) {
    if (action.kind === 'append') {
      const asked = `append ${JSON.stringify(action.item)}`;
      return action.offset === 'unknown' ? asked : `${asked} -> offset ${action.offset}`;
    }
    const answer = action.answer === 'end' ? 'end' : JSON.stringify(action.answer.item);
    return `read at ${action.offset} -> ${answer}`;
  },
};
