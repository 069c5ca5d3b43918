// The parts of tidy: our own rules, and the tools that do their share better than we would. Each
// part answers its findings as lines; none means that all is well.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bannedRule } from './banned.ts';
import { commandRule } from './commands.ts';
import { cycleRule } from './cycles.ts';
import { faceRule, layerRule } from './layers.ts';
import { linkRule } from './links.ts';
import { namingRule } from './naming.ts';
import { type Ratchet, ratchetRule, slack } from './ratchet.ts';
import { type Finding, type Rule, readTree } from './source.ts';
import { specRule } from './specs.ts';
import { textRule } from './text.ts';

export interface Outcome {
  readonly findings: readonly string[];
  /** Worth knowing, but no reason to fail. */
  readonly notes: readonly string[];
}

export interface Part {
  readonly name: string;
  run(root: string): Promise<Outcome>;
}

export const RATCHET_FILE = 'scripts/tidy/ratchet.json';

export const PARTS: readonly Part[] = [
  {
    name: 'format',
    run: tool('biome', ['ci', '--colors=off', '--reporter=concise', '--max-diagnostics=200'], {
      finding: /^. (?<path>\S+): (?<message>.*)/,
    }),
  },
  {
    name: 'lint',
    run: tool('oxlint', ['--type-aware', '--deny-warnings', '--format=unix'], {
      finding: /^(?<path>\S+:\d+):\d+: (?<message>.*)/,
    }),
  },
  {
    name: 'types',
    run: tool('tsc', ['--noEmit', '--pretty', 'false'], {
      finding: /^(?<path>\S+)\((?<line>\d+),\d+\): error (?<message>.*)/,
    }),
  },
  {
    name: 'dead code',
    run: tool('knip', ['--no-progress', '--no-config-hints', '--reporter=compact'], {
      heading: /^(?<heading>[A-Z][A-Za-z ]+) \(\d+\)$/,
      finding: /^(?<path>\S+): (?<message>.*)/,
    }),
  },
  { name: 'rules', run: runRules },
];

const RULES: readonly Rule[] = [
  layerRule,
  faceRule,
  cycleRule,
  bannedRule,
  commandRule,
  linkRule,
  namingRule,
  textRule,
  specRule,
];

function runRules(root: string): Promise<Outcome> {
  const tree = readTree(root);
  const ratchet = JSON.parse(readFileSync(join(root, RATCHET_FILE), 'utf8')) as Ratchet;
  const findings = [...RULES, ratchetRule(ratchet)].flatMap((rule) => rule(tree));
  const shrunk = slack(tree, ratchet).map((entry) => `lower the ratchet: ${entry}`);
  return Promise.resolve({ findings: findings.map(describeFinding), notes: shrunk });
}

function describeFinding({ path, line, message }: Finding): string {
  return line === 0 ? `${path}: ${message}` : `${path}:${line}: ${message}`;
}

interface Shape {
  /** Lines of output that are findings, with the groups `path`, `message` and perhaps `line`. */
  readonly finding: RegExp;
  /** Lines that give the findings after them a name. */
  readonly heading?: RegExp;
}

/** Runs a program of node_modules/.bin and picks the findings out of what it prints. */
function tool(program: string, args: readonly string[], shape: Shape): Part['run'] {
  return async (root) => {
    const { code, output } = await capture(join(root, 'node_modules', '.bin', program), args, root);
    const findings = readFindings(output, shape);
    if (code === 0) return { findings: [], notes: [] };
    // A tool that fails without a finding we can read must not pass for one that found nothing.
    return { findings: findings.length > 0 ? findings : output.trim().split('\n'), notes: [] };
  };
}

export function readFindings(output: string, shape: Shape): string[] {
  const findings: string[] = [];
  let heading = '';
  for (const line of output.split('\n')) {
    const title = shape.heading?.exec(line)?.groups?.['heading'];
    if (title !== undefined) heading = `${title.toLowerCase()}: `;
    const found = shape.finding.exec(line)?.groups;
    if (title !== undefined || found === undefined) continue;
    const where = found['line'] === undefined ? found['path'] : `${found['path']}:${found['line']}`;
    const message = (found['message'] as string).slice(0, 200);
    findings.push(`${where}: ${heading}${message}`);
  }
  return findings;
}

interface Captured {
  readonly code: number | null;
  readonly output: string;
}

function capture(program: string, args: readonly string[], cwd: string): Promise<Captured> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const append = (chunk: Buffer): void => {
      output += chunk.toString('utf8');
    };
    child.stdout.on('data', append);
    child.stderr.on('data', append);
    child.on('error', (error) => resolve({ code: null, output: String(error) }));
    child.on('close', (code) => resolve({ code, output }));
  });
}
