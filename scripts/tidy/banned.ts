// Names and modules that a part of the house does without. Every message names the replacement.

import { edgesOf } from './imports.ts';
import { type Finding, isScript, isTestLike, type Rule, type Source } from './source.ts';
import { syntaxOf } from './syntax.ts';

interface Zone {
  readonly where: RegExp;
  readonly except?: RegExp;
  /** Name -> what to use instead. */
  readonly names: Readonly<Record<string, string>>;
  /** Module -> what to use instead. */
  readonly modules: Readonly<Record<string, string>>;
  readonly async?: string;
}

const CLOCK = 'take the time as an argument (`now`), or a `Clock` from src/base/capabilities.ts';
const TIMER = 'use `clock.setTimer` of src/base/capabilities.ts';
const RANDOM = 'take a `Random` from src/base/capabilities.ts';
const RETURN = 'a core returns what is to be done, and is told when it is done';

const WORLD: Readonly<Record<string, string>> = {
  Date: CLOCK,
  performance: CLOCK,
  'process.hrtime': CLOCK,
  'process.uptime': CLOCK,
  setTimeout: TIMER,
  setInterval: TIMER,
  setImmediate: TIMER,
  'Math.random': RANDOM,
  'crypto.randomUUID': RANDOM,
  'crypto.getRandomValues': RANDOM,
};

const WORLD_MODULES: Readonly<Record<string, string>> = {
  'node:fs': 'use `disk` of src/base/capabilities.ts',
  'node:fs/promises': 'use `disk` of src/base/capabilities.ts',
  'node:net': 'use `net` of src/base/capabilities.ts',
  'node:dgram': 'use `net` of src/base/capabilities.ts',
  'node:dns': 'use `net.resolve` of src/base/capabilities.ts',
  'node:dns/promises': 'use `net.resolve` of src/base/capabilities.ts',
  'node:timers': TIMER,
  'node:timers/promises': TIMER,
  'node:perf_hooks': CLOCK,
};

/** Single uses that are right, as `path name`, each with its reason. */
const ALLOWED = new Set([
  // Between two events of virtual time the promises that the first one settled must run.
  'sim/scheduler.ts setImmediate',
]);

const ZONES: readonly Zone[] = [
  {
    where: /^src\/(base|core)\//,
    names: {
      ...WORLD,
      queueMicrotask: RETURN,
      process: 'take what it tells as an argument',
      console: RETURN,
    },
    modules: {},
    async: RETURN,
  },
  {
    where: /^src\/core\//,
    names: { Promise: RETURN },
    modules: {},
  },
  {
    // The client runs outside the members, where the world is the world.
    where: /^(src\/(replica|service|cluster|edge|cli)|sim)\//,
    except: /^sim\/main\.ts$/,
    names: WORLD,
    modules: WORLD_MODULES,
  },
  {
    where: /^src\/(replica|service|cluster|edge)\//,
    names: { process: 'only the command line talks to the process; take it as an argument' },
    modules: {},
  },
];

export const bannedRule: Rule = (tree) => [
  ...tree.filter(({ path }) => isScript(path) && !isTestLike(path)).flatMap(bannedNames),
  ...bannedModules(tree),
];

function zonesOf(path: string): readonly Zone[] {
  return ZONES.filter(({ where, except }) => where.test(path) && except?.test(path) !== true);
}

function bannedNames(source: Source): Finding[] {
  const findings: Finding[] = [];
  const { path } = source;
  const seen = new Set<string>();
  for (const zone of zonesOf(path)) {
    const { uses, declared } = syntaxOf(source);
    for (const { name, line } of uses) {
      if (declared.has(name.split('.')[0] as string) || ALLOWED.has(`${path} ${name}`)) continue;
      // One finding per name and line: `new Date(Date.now())` is one mistake.
      const instead = Object.hasOwn(zone.names, name) ? zone.names[name] : undefined;
      if (instead === undefined || seen.has(`${name}:${line}`)) continue;
      seen.add(`${name}:${line}`);
      findings.push({ path, line, message: `${name} is banned here: ${instead}` });
    }
    if (zone.async === undefined) continue;
    for (const line of syntaxOf(source).asyncLines) {
      findings.push({ path, line, message: `async is banned here: ${zone.async}` });
    }
  }
  return findings;
}

function bannedModules(tree: readonly Source[]): Finding[] {
  const findings: Finding[] = [];
  for (const { from, line, to } of edgesOf(tree)) {
    if (isTestLike(from)) continue;
    for (const { modules } of zonesOf(from)) {
      const instead = Object.hasOwn(modules, to) ? modules[to] : undefined;
      if (instead === undefined) continue;
      findings.push({ path: from, line, message: `${to} is banned here: ${instead}` });
    }
  }
  return findings;
}
