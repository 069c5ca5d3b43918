// What the command line sets otherwise than a seed drew it.

import { parseArgs } from 'node:util';
import { refuse, wholeNumber } from '../../scripts/flags.ts';
import { FAULT_CLASSES, type FaultClass, parseFaultClass } from './fault-classes.ts';
import type { Overrides } from './scenario.ts';

export const OVERRIDE_OPTIONS = {
  only: { type: 'string' },
  without: { type: 'string' },
  members: { type: 'string' },
  shards: { type: 'string' },
  clients: { type: 'string' },
  seconds: { type: 'string' },
} as const;

export interface OverrideValues {
  readonly only?: string | undefined;
  readonly without?: string | undefined;
  readonly members?: string | undefined;
  readonly shards?: string | undefined;
  readonly clients?: string | undefined;
  readonly seconds?: string | undefined;
}

export function parseOverrides(args: string[]): Overrides {
  return overridesOf(parseArgs({ args, options: OVERRIDE_OPTIONS }).values);
}

export function overridesOf(values: OverrideValues): Overrides {
  const { clients, members, only, seconds, shards, without } = values;
  return {
    ...(only === undefined ? {} : { only: classesOf('--only', only) }),
    ...(without === undefined ? {} : { without: classesOf('--without', without) }),
    ...(members === undefined ? {} : { members: wholeNumber('--members', members, 1) }),
    ...(shards === undefined ? {} : { shards: wholeNumber('--shards', shards, 1) }),
    ...(clients === undefined ? {} : { clients: wholeNumber('--clients', clients, 1) }),
    ...(seconds === undefined ? {} : { safetyMs: millisecondsOf(seconds) }),
  };
}

function classesOf(flag: string, text: string): readonly FaultClass[] {
  return text.split(',').flatMap((name) => {
    if (name === 'all') return FAULT_CLASSES;
    const found = parseFaultClass(name);
    if (found !== undefined) return [found];
    const known = `all, ${FAULT_CLASSES.join(', ')}`;
    return refuse(`${flag}: there is no class ${name}; there are: ${known}`);
  });
}

function millisecondsOf(seconds: string): number {
  const value = Number(seconds);
  if (value > 0 && Number.isFinite(value)) return value * 1_000;
  return refuse(`--seconds takes a number of seconds, not ${JSON.stringify(seconds)}`);
}

/** The same overrides as words of a command line. */
export function overrideArgs(overrides: Overrides): string[] {
  const { clients, members, only, safetyMs, shards, without } = overrides;
  return [
    ...(only === undefined || only.length === 0 ? [] : ['--only', only.join(',')]),
    ...(without === undefined || without.length === 0 ? [] : ['--without', without.join(',')]),
    ...(members === undefined ? [] : ['--members', String(members)]),
    ...(shards === undefined ? [] : ['--shards', String(shards)]),
    ...(clients === undefined ? [] : ['--clients', String(clients)]),
    ...(safetyMs === undefined ? [] : ['--seconds', String(safetyMs / 1_000)]),
  ];
}
