// Texts by key, which can be set, extended and read. A key that was never set reads as the empty
// text. The history's partition is the key, so the model sees one text.

import type { Model } from '../model.ts';

export type KvAction =
  | { readonly kind: 'get'; readonly value: string }
  | { readonly kind: 'put'; readonly value: string }
  | { readonly kind: 'append'; readonly value: string };

export const kvModel: Model<KvAction, string> = {
  name: 'kv',
  init: () => '',
  step(state, action) {
    if (action.kind === 'put') return action.value;
    if (action.kind === 'append') return state + action.value;
    return state === action.value ? state : undefined;
  },
  foresight: {
    hopeless: (state, action) => action.kind === 'get' && !action.value.startsWith(state),
    blind: (action) => action.kind !== 'get',
    resets: (action) => action.kind === 'put',
  },
  observes: (action) => action.kind === 'get',
  describe(action) {
    const value = JSON.stringify(action.value);
    return action.kind === 'get' ? `get -> ${value}` : `${action.kind} ${value}`;
  },
};
