// `npm run sim -- mutants`: does anything notice when the product is wrong?

import { parseArgs } from 'node:util';
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
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { by: { type: 'string' }, host: { type: 'boolean' }, known: { type: 'boolean' } },
  });
  if (values.host !== true) return coreMutantsCommand(positionals, values.by === 'sim', nowMs);
  return hostMutantsCommand(positionals, values.known === true ? 'again' : 'search', nowMs);
}
