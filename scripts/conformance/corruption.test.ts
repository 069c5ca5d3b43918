// The runner must notice whatever is wrong with an output. So every line of every file is damaged
// in several ways, one at a time, and each damage must be reported on the level that its line
// belongs to.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTranscript } from '../../src/base/transcript.ts';
import { runCommand } from './commands.ts';
import { accountOf } from './compare.ts';
import type { SourceFile } from './conformance-files.ts';
import { NO_ORIGINALS, ORIGINAL_FILES, OWN_FILES } from './conformance-files.ts';
import { Environment } from './environment.ts';
import { parseExpected } from './expect.ts';
import type { PlacedCommand } from './interaction-file.ts';
import { compareBlock, nodeOf } from './interaction-file.ts';
import type { OutputEvent, PlacedEvent } from './model.ts';
import { REAL_CORE } from './real-core.ts';
import { failsAt } from './result.ts';
import { placeOutput, runFile } from './run-file.ts';

interface Damage {
  readonly name: string;
  /** The lines with the one at `at` damaged; undefined when that line cannot be damaged so. */
  readonly damage: (lines: readonly string[], at: number) => string[] | undefined;
  /** True when the line itself changes: then the level of its kind must report it. */
  readonly isSharp: boolean;
}

const DAMAGES: readonly Damage[] = [
  {
    name: 'a line is gone',
    damage: (lines, at) => lines.toSpliced(at, 1),
    isSharp: true,
  },
  {
    name: 'a line stands twice',
    damage: (lines, at) => lines.toSpliced(at, 0, lines[at] as string),
    isSharp: false,
  },
  {
    name: 'two lines are swapped',
    damage: (lines, at) => {
      const [first, second] = [lines[at] as string, lines[at + 1]];
      if (second === undefined || second === first || isLogText(second)) return undefined;
      return lines.toSpliced(at, 2, second, first);
    },
    isSharp: false,
  },
  {
    name: 'the last number is one more',
    damage: (lines, at) => changeLine(lines, at, /\d+(?!.*\d)/, increment),
    isSharp: true,
  },
  {
    name: 'the first number is one more',
    damage: (lines, at) => changeLine(lines, at, /\d+/, increment),
    isSharp: true,
  },
  {
    name: 'a state is another',
    damage: (lines, at) => changeLine(lines, at, /State(?:Probe|Follower)/, () => 'StateReplicate'),
    isSharp: true,
  },
  {
    name: 'a sync is not needed',
    damage: (lines, at) => changeLine(lines, at, /MustSync=true/, () => 'MustSync=false'),
    isSharp: true,
  },
  {
    name: 'a sync is needed',
    damage: (lines, at) => changeLine(lines, at, /MustSync=false/, () => 'MustSync=true'),
    isSharp: true,
  },
];

function increment(number: string): string {
  return String(Number(number) + 1);
}

function changeLine(
  lines: readonly string[],
  at: number,
  part: RegExp,
  change: (part: string) => string,
): string[] | undefined {
  const line = lines[at] as string;
  return part.test(line) ? lines.with(at, line.replace(part, change)) : undefined;
}

/** Log text is not compared, except for the three kinds that are. */
function isLogText(line: string): boolean {
  const { events, unreadable } = parseExpected(line.trimStart(), 1);
  return events.length === 0 && unreadable.length === 0;
}

const OUTCOMES: ReadonlySet<OutputEvent['kind'] | undefined> = new Set([
  'raftState',
  'progress',
  'emptyLog',
  'error',
  'notice',
  'configured',
  'changeIgnored',
  'unpromotable',
]);

const CONTENT: ReadonlySet<OutputEvent['kind'] | undefined> = new Set([
  'message',
  'snapshot',
  'entry',
]);

/** The level on which a change of this event must be reported at least. */
function levelOf(event: OutputEvent | undefined): 1 | 2 | 3 {
  if (OUTCOMES.has(event?.kind)) return 1;
  return CONTENT.has(event?.kind) ? 2 : 3;
}

/** Every way in which `file` can be damaged that the runner does not report as it should. */
function unnoticed(file: SourceFile): { tried: number; missed: string[] } {
  const env = new Environment(REAL_CORE);
  const missed: string[] = [];
  let tried = 0;
  for (const section of parseTranscript(file.source)) {
    if (section.kind !== 'command') continue;
    const placed = placeOutput(section);
    const actual = accountOf(runCommand(env, section.command), nodeOf(section.command));
    for (const { name, text, level } of damaged(placed)) {
      tried += 1;
      const command = { ...placed.command, expected: text };
      if (failsAt(compareBlock({ ...placed, command }, actual, undefined), level)) continue;
      missed.push(`${file.name}:${placed.outputLine} ${name}, level ${level}\n${text}`);
    }
  }
  return { tried, missed };
}

function* damaged({
  command,
}: PlacedCommand): Generator<{ name: string; text: string; level: 1 | 2 | 3 }> {
  const lines = command.expected.split('\n');
  const { events } = parseExpected(command.expected, 0);
  for (const [at, line] of lines.entries()) {
    if (line === 'ok' || isLogText(line)) continue;
    const event = events.findLast((placed) => placed.line <= at)?.event;
    for (const { name, damage, isSharp } of DAMAGES) {
      const changed = damage(lines, at);
      if (changed === undefined || isHarmless(name, events, at)) continue;
      const level = isSharp ? levelOf(event) : 3;
      yield { name: `${name}: ${line}`, text: changed.join('\n'), level };
    }
  }
}

/** A sync more than the file wants is accepted where a snapshot is at stake (compare.ts). */
function isHarmless(name: string, events: readonly PlacedEvent[], at: number): boolean {
  if (name !== 'a sync is not needed') return false;
  const start = events.findIndex((placed) => placed.line === at);
  const rest = events.slice(start + 1).map((placed) => placed.event.kind);
  const end = rest.findIndex((kind) => kind === 'ready' || kind === 'header');
  return rest.slice(0, end < 0 ? rest.length : end).includes('snapshot');
}

function isInteraction({ name, source }: SourceFile): boolean {
  return runFile(name, source, REAL_CORE).kind === 'interaction';
}

for (const file of OWN_FILES.filter(isInteraction)) {
  test(`every damage to ${file.name} is noticed`, () => {
    const { tried, missed } = unnoticed(file);
    assert.deepEqual(missed, []);
    assert.ok(tried > 10, `${tried} damages are not worth the name`);
  });
}

test('every damage to the original files is noticed', { skip: NO_ORIGINALS }, (context) => {
  const results = ORIGINAL_FILES.filter(isInteraction).map(unnoticed);
  assert.deepEqual(
    results.flatMap(({ missed }) => missed),
    [],
  );
  context.diagnostic(`${results.reduce((sum, { tried }) => sum + tried, 0)} damages`);
});

test('every damage to a quorum or confchange file is noticed', () => {
  for (const file of OWN_FILES.filter((candidate) => !isInteraction(candidate))) {
    for (const [at, line] of file.source.split('\n').entries()) {
      if (!/^(?:\d+$|Vote|voters=|\d+: |removed|config)/.test(line)) continue;
      const changed = file.source.split('\n').with(at, `${line}0`).join('\n');
      const { blocks } = runFile(file.name, changed, REAL_CORE);
      assert.equal(blocks.filter((block) => failsAt(block, 1)).length, 1, `${file.name}:${at + 1}`);
    }
  }
});
