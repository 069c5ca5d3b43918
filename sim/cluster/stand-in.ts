import type { ShardMachine } from '../../src/replica/types.ts';

const enc = (v: unknown) => Buffer.from(JSON.stringify(v));
const dec = (b: Uint8Array) => JSON.parse(Buffer.from(b).toString());
export const standInMachine: ShardMachine = {
  apply({ body }, state) {
    const { op, key, value, from, to } = dec(body);
    const k = Buffer.from(key);
    const had = state.get(k);
    const now = had === undefined ? null : dec(had);
    if (op === 'put') {
      state.put(k, enc(value));
      return enc(true);
    }
    if (op === 'cas') {
      if (now !== from) return enc('mismatch');
      state.put(k, enc(to));
      return enc('swapped');
    }
    if (op === 'add') {
      state.put(k, enc((now ?? 0) + 1));
      return enc((now ?? 0) + 1);
    }
    return enc(false);
  },
  query(question, view) {
    const had = view.get(question);
    return had === undefined ? enc(null) : new Uint8Array(had);
  },
};
