// The arguments of one command. Whatever a handler does not ask for is an error at the end: an
// argument that is silently ignored would make the run look better than it is.

import type { Argument } from '../../src/base/transcript.ts';

/** The file asks for something that the runner does not know. Fails the block. */
export class CommandProblem extends Error {
  override readonly name = 'CommandProblem';
}

const TRUE: ReadonlySet<string> = new Set(['1', 't', 'T', 'true', 'True', 'TRUE']);
const FALSE: ReadonlySet<string> = new Set(['0', 'f', 'F', 'false', 'False', 'FALSE']);

export class Arguments {
  readonly #args: readonly Argument[];
  readonly #used = new Set<Argument>();

  constructor(args: readonly Argument[]) {
    this.#args = args;
  }

  /** All that was not asked for by name, in its order. */
  rest(): readonly Argument[] {
    const free = this.#args.filter((arg) => !this.#used.has(arg));
    for (const arg of free) this.#used.add(arg);
    return free;
  }

  /** The words without a value that were not asked for by name. */
  words(): string[] {
    const free = this.#args.filter((arg) => arg.values.length === 0 && !this.#used.has(arg));
    for (const arg of free) this.#used.add(arg);
    return free.map((arg) => arg.key);
  }

  /** Positional numbers, at least one. */
  numbers(): number[] {
    return this.words().map((word) => parseNumber(word));
  }

  /** The only positional number. */
  number(what: string): number {
    const [first, ...others] = this.numbers();
    if (first === undefined || others.length > 0) throw new CommandProblem(`expects one ${what}`);
    return first;
  }

  /** All values of `key`, undefined when it is not there. */
  values(key: string): readonly string[] | undefined {
    const found = this.#args.filter((arg) => arg.key === key);
    for (const arg of found) this.#used.add(arg);
    return found.length === 0 ? undefined : found.flatMap((arg) => arg.values);
  }

  text(key: string): string | undefined {
    const values = this.values(key);
    if (values === undefined) return undefined;
    const [first, ...others] = values;
    if (first === undefined || others.length > 0) throw new CommandProblem(`${key}: one value`);
    return first;
  }

  integer(key: string): number | undefined {
    const text = this.text(key);
    return text === undefined ? undefined : parseNumber(text);
  }

  integers(key: string): number[] | undefined {
    return this.values(key)?.map(parseNumber);
  }

  /** `key=true`, `key=false`; `key` alone means true. */
  boolean(key: string): boolean | undefined {
    const values = this.values(key);
    if (values === undefined) return undefined;
    const text = values[0] ?? 'true';
    if (TRUE.has(text)) return true;
    if (FALSE.has(text)) return false;
    throw new CommandProblem(`${key}: ${text} is neither true nor false`);
  }

  /** Call when everything known was asked for. */
  finish(): void {
    const left = this.#args.filter((arg) => !this.#used.has(arg)).map((arg) => arg.key);
    if (left.length > 0) throw new CommandProblem(`unknown argument ${left.join(', ')}`);
  }
}

export function parseNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new CommandProblem(`"${text}" is not a number`);
  return Number(text);
}
