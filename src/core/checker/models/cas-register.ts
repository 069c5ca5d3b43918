// A register that also takes compare-and-set.

import type { Model } from '../model.ts';
import { type RegisterAction, type RegisterValue, registerModel } from './register.ts';

export type CasRegisterAction =
  | RegisterAction
  | {
      readonly kind: 'cas';
      readonly from: RegisterValue;
      readonly to: RegisterValue;
      /** `unknown` for one that never returned: it sets `to` if it finds `from`. */
      readonly answer: 'swapped' | 'mismatch' | 'unknown';
    };

export const casRegisterModel: Model<CasRegisterAction, RegisterValue> = {
  name: 'cas-register',
  init: () => registerModel.init(),
  step(state, action) {
    if (action.kind !== 'cas') return registerModel.step(state, action);
    const matches = state === action.from;
    if (action.answer === 'mismatch') return matches ? undefined : state;
    if (action.answer === 'swapped') return matches ? action.to : undefined;
    return matches ? action.to : state;
  },
  observes: (action) =>
    action.kind === 'cas' ? action.answer === 'mismatch' : registerModel.observes(action),
  describe(action) {
    if (action.kind !== 'cas') return registerModel.describe(action);
    const asked = `cas ${JSON.stringify(action.from)} to ${JSON.stringify(action.to)}`;
    return action.answer === 'unknown' ? asked : `${asked} -> ${action.answer}`;
  },
};
