// Commands of package.json: one word each, and all of them work on a fresh clone.

import type { Finding, Rule } from './source.ts';

interface Manifest {
  readonly scripts?: Readonly<Record<string, string>>;
}

export const commandRule: Rule = (tree) => {
  const manifest = tree.find(({ path }) => path === 'package.json');
  if (manifest === undefined) return [];
  const findings: Finding[] = [];
  const find = (message: string): void => {
    findings.push({ path: manifest.path, line: 0, message });
  };
  const { scripts = {} } = JSON.parse(manifest.text) as Manifest;
  for (const [name, command] of Object.entries(scripts)) {
    if (!/^[a-z]+$/.test(name)) find(`command "${name}": commands are one word each`);
    const hook = /^(pre|post)(?<of>.+)/.exec(name)?.groups?.['of'];
    if (hook !== undefined && Object.hasOwn(scripts, hook)) {
      find(`command "${name}": npm leaves pre and post scripts out where ignore-scripts is set`);
    }
    if (!/^(node scripts\/bootstrap\.js |(exec )?\.\/[a-z-]+\.sh)/.test(command)) {
      find(
        `command "${name}": start it by node scripts/bootstrap.js, which installs what it needs`,
      );
    }
  }
  return findings;
};
