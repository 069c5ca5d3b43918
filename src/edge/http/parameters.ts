// The parameters of a route against what it declares. Parameters are text and their limits are the
// cluster's own business, so there is little to check, and each mistake gets a sentence: what is
// missing, empty, given twice, or not known.

import type { TObject } from 'typebox';
import { ParleyError } from '../../base/errors.ts';
import type { ParameterFault } from './problem.ts';
import type { Query } from './query.ts';

interface Declared {
  readonly name: string;
  readonly required: boolean;
  readonly mayBeEmpty: boolean;
}

export class Parameters {
  readonly #declared: readonly Declared[];

  constructor(schema: TObject | undefined) {
    const required = new Set<string>(schema?.required ?? []);
    this.#declared = Object.entries(schema?.properties ?? {}).map(([name, property]) => ({
      name,
      required: required.has(name),
      mayBeEmpty: !('minLength' in property),
    }));
  }

  /** Refuses with all mistakes at once, or returns. */
  check(query: Query): void {
    let known = 0;
    let faults: ParameterFault[] | undefined;
    for (const { name, required, mayBeEmpty } of this.#declared) {
      const given = query[name];
      if (given !== undefined) known += 1;
      const detail = mistakeIn(given, required, mayBeEmpty);
      if (detail !== undefined) (faults ??= []).push({ parameter: name, detail });
    }
    const names = Object.keys(query);
    if (faults === undefined && names.length === known) return;
    const unknown = names.filter((name) => !this.#declared.some((one) => one.name === name));
    const strange = unknown.map((parameter) => ({ parameter, detail: this.#describeUnknown() }));
    throw new ParameterRefusal([...(faults ?? []), ...strange]);
  }

  #describeUnknown(): string {
    const names = this.#declared.map(({ name }) => name);
    if (names.length === 0) return 'is not known: this address takes no parameters';
    return `is not known: this address takes ${names.join(' and ')}`;
  }
}

function mistakeIn(
  given: string | readonly string[] | undefined,
  required: boolean,
  mayBeEmpty: boolean,
): string | undefined {
  if (given === undefined) return required ? 'is missing' : undefined;
  if (typeof given !== 'string') return 'is given more than once';
  return given === '' && !mayBeEmpty ? 'is empty' : undefined;
}

/** One refusal that names every parameter at fault. */
export class ParameterRefusal extends ParleyError {
  readonly faults: readonly ParameterFault[];

  constructor(faults: readonly ParameterFault[]) {
    const list = faults.map(({ parameter, detail }) => `the parameter ${parameter} ${detail}`);
    super('E_BAD_PARAMETER', `${list.join('; ')}.`);
    this.faults = faults;
  }
}
