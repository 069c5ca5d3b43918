// Assertions are always on. A failed one means a bug in Parley, never bad input: input is refused
// with an outcome value or a catalogued error (errors.ts) before it can reach an assertion.

export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

/** Stops with `why` unless `condition` holds. `why` says what must be true, with the rule's id. */
export function assert(condition: boolean, why: string): asserts condition {
  if (!condition) throw new AssertionError(why);
}

/** `premise` implies `conclusion`. Reads better than `assert(!premise || conclusion)`. */
export function implies(premise: boolean, conclusion: boolean, why: string): void {
  if (premise && !conclusion) throw new AssertionError(why);
}

/** The value, which must be there. For map look-ups and array reads whose key is known to exist. */
export function must<T>(value: T | undefined | null, why: string): T {
  if (value === undefined || value === null) throw new AssertionError(why);
  return value;
}

/** Says to the reader that both outcomes are expected here. Checks nothing, on purpose. */
export function maybe(_condition: boolean): void {}

/** Closes a switch over a union: adding a member to the union stops the compiler here. */
export function unreachable(value: never, why = 'a case that the types exclude'): never {
  throw new AssertionError(`${why}: ${String(value)}`);
}
