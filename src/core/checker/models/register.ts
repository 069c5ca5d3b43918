// One value that is read and written.

import type { Model } from '../model.ts';

/** What a register holds; null for nothing. */
export type RegisterValue = string | number | null;

export type RegisterAction =
  | { readonly kind: 'read'; readonly value: RegisterValue }
  | { readonly kind: 'write'; readonly value: RegisterValue };

export const registerModel: Model<RegisterAction, RegisterValue> = {
  name: 'register',
  init: () => null,
  step(state, action) {
    if (action.kind === 'write') return action.value;
    return state === action.value ? state : undefined;
  },
  foresight: {
    hopeless: (state, action) => action.kind === 'read' && action.value !== state,
    blind: (action) => action.kind === 'write',
    resets: (action) => action.kind === 'write',
  },
  observes: (action) => action.kind === 'read',
  describe: (action) =>
    action.kind === 'read'
      ? `read -> ${JSON.stringify(action.value)}`
      : `write ${JSON.stringify(action.value)}`,
};
