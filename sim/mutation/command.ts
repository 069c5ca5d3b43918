// `npm run sim -- mutants`: does anything notice when the product is wrong?

import { readFlags, refuse } from '../../scripts/flags.ts';
import { coreMutantsCommand } from './core-command.ts';
import { hostMutantsCommand } from './host-command.ts';
import { HOST_MUTANTS } from './host-mutants.ts';
import { CORE_MUTANTS } from './mutants.ts';

export const MUTANTS_USAGE = `\
mutants [NAME...]        patches the core in ${CORE_MUTANTS.length} wrong ways; each must be noticed
mutants --by sim         by simulation alone
mutants --host [NAME...] whole members in ${HOST_MUTANTS.length} wrong ways, by up to 150 seeds each
mutants --host --known   by the seeds and tests that noticed them before`;

export function mutantsCommand(args: string[], nowMs: () => number): Promise<number> {
  const { positionals, values } = readFlags(MUTANTS_USAGE, {
    args,
    allowPositionals: true,
    options: { by: { type: 'string' }, host: { type: 'boolean' }, known: { type: 'boolean' } },
  });
  const known = values.host === true ? HOST_MUTANTS : CORE_MUTANTS;
  const strange = positionals.filter((name) => !known.some((mutant) => mutant.name === name));
  if (strange.length > 0) {
    const kind = values.host === true ? 'whole members' : 'the core';
    return refuse(`there is no mutant of ${kind} called ${strange.join(', ')}`);
  }
  if (values.by !== undefined && values.by !== 'sim') {
    return refuse(`--by takes the word sim, not ${JSON.stringify(values.by)}`);
  }
  if (values.host !== true) return coreMutantsCommand(positionals, values.by === 'sim', nowMs);
  return hostMutantsCommand(positionals, values.known === true ? 'again' : 'search', nowMs);
}
