// Runs a quorum file: `committed` and `vote` over one majority or two joint ones.
//
//   committed cfg=(1,2,3) idx=(12,5,_)      `_`: nothing known of that voter
//   ----
//          idx
//   xx>     12    (id=1)                    a bar per voter, as long as its rank
//   x>       5    (id=2)
//   ?        0    (id=3)
//   5
//
// Besides the result, each case checks laws that must not change it; a broken law is printed.

import type { Command } from '../../src/base/transcript.ts';
import { Arguments, CommandProblem, parseNumber } from './arguments.ts';
import type { QuorumUnderTest, Voters } from './core-under-test.ts';
import type { BlockResult } from './result.ts';
import type { TextRules } from './text-compare.ts';
import { compareText } from './text-compare.ts';

export const QUORUM_COMMANDS: ReadonlySet<string> = new Set(['committed', 'vote']);

const BAR = /^(?:\?|x*>) +\d+ {4}\(id=\d+\)$/;
const RESULT = /^(?:<empty majority quorum>)?(?:\d+|∞)$/;
const VERDICT = /^Vote(?:Won|Lost|Pending)$/;
const MISMATCH = /^error: mismatched input .*$/;

const RULES: TextRules = {
  isKnown: (line) =>
    /^ +idx$/.test(line) || [BAR, RESULT, VERDICT, MISMATCH].some((form) => form.test(line)),
  // Broken laws are outcome too: they match no form above but do not belong to the table.
  outcome: (line) => (/^ +idx$/.test(line) || BAR.test(line) ? undefined : line),
};

export function runQuorum(quorum: QuorumUnderTest, commands: readonly Command[]): BlockResult[] {
  return commands.map((command) =>
    compareText(command, RULES, () => answerQuorum(quorum, command)),
  );
}

interface Case<Value> {
  readonly voters: Voters;
  readonly isJoint: boolean;
  /** By voter; those of which nothing is known are not in it. */
  readonly known: ReadonlyMap<number, Value>;
}

/** The text of one command. */
export function answerQuorum(quorum: QuorumUnderTest, { name, args }: Command): string {
  const read = new Arguments(args);
  if (name !== 'committed' && name !== 'vote') throw new CommandProblem(`unknown command ${name}`);
  const values = read.values(name === 'committed' ? 'idx' : 'votes') ?? [];
  const { voters, isJoint } = readVoters(read);
  read.finish();
  const ids = unionOf(voters);
  if (new Set(ids).size !== values.length) return describeMismatch(ids, name, values);
  if (name === 'vote') {
    return judgeVote(quorum, { voters, isJoint, known: assign(ids, values, parseVote) });
  }
  return judgeCommitted(quorum, { voters, isJoint, known: assign(ids, values, parseIndex) });
}

function readVoters(args: Arguments): Pick<Case<never>, 'voters' | 'isJoint'> {
  const incoming = args.integers('cfg') ?? [];
  const second = args.values('cfgj');
  const outgoing = second === undefined || second[0] === 'zero' ? [] : second.map(parseNumber);
  return { voters: { incoming, outgoing }, isJoint: second !== undefined };
}

/** In the order in which the ids first appear, which is the order of the values. */
function unionOf({ incoming, outgoing }: Voters): number[] {
  return [...new Set([...incoming, ...outgoing])];
}

function assign<Value>(
  ids: readonly number[],
  values: readonly string[],
  parse: (text: string) => Value | undefined,
): Map<number, Value> {
  const known = new Map<number, Value>();
  for (const [at, id] of ids.entries()) {
    const value = parse(values[at] as string);
    if (value !== undefined) known.set(id, value);
  }
  return known;
}

function parseIndex(text: string): number | undefined {
  return text === '_' ? undefined : parseNumber(text);
}

function parseVote(text: string): boolean | undefined {
  if (text !== '_' && text !== 'y' && text !== 'n') throw new CommandProblem(`vote ${text}`);
  return text === '_' ? undefined : text === 'y';
}

function describeMismatch(ids: readonly number[], name: string, values: readonly string[]): string {
  const sorted = ids.toSorted((a, b) => a - b).join(' ');
  const code = (text: string): string => (text === '_' ? '0' : text === 'y' ? '2' : '1');
  const given = name === 'vote' ? values.map(code) : values.map((text) => parseIndex(text) ?? 0);
  return `error: mismatched input (explicit or _) for voters (${sorted}): [${given.join(' ')}]`;
}

function judgeVote(quorum: QuorumUnderTest, { voters, isJoint, known }: Case<boolean>): string {
  const result = quorum.voteResult(voters, known);
  const lines =
    isJoint && quorum.voteResult(swap(voters), known) !== result ? ['via symmetry'] : [];
  const verdict = { won: 'VoteWon', lost: 'VoteLost', pending: 'VotePending' }[result];
  return [...lines, verdict].join('\n');
}

function judgeCommitted(quorum: QuorumUnderTest, test: Case<number>): string {
  const { voters, isJoint, known } = test;
  const index = quorum.committedIndex(voters, known);
  const laws = isJoint ? brokenJointLaws(quorum, test, index) : brokenLaws(quorum, test, index);
  const text = index === Number.POSITIVE_INFINITY ? '∞' : String(index);
  return table(unionOf(voters), known) + [...laws, text].join('\n');
}

function brokenJointLaws(
  quorum: QuorumUnderTest,
  { voters, known }: Case<number>,
  index: number,
): string[] {
  return quorum.committedIndex(swap(voters), known) === index ? [] : ['via symmetry'];
}

function brokenLaws(
  quorum: QuorumUnderTest,
  { voters, known }: Case<number>,
  index: number,
): string[] {
  const { incoming } = voters;
  const broken: string[] = [];
  if (countedCommitted(incoming, known) !== index) broken.push('via alternative computation');
  if (quorum.committedIndex({ incoming: [], outgoing: incoming }, known) !== index) {
    broken.push('via zero-joint quorum');
  }
  if (quorum.committedIndex({ incoming, outgoing: incoming }, known) !== index) {
    broken.push('via self-joint quorum');
  }
  for (const [id, acked] of known) {
    if (acked >= index) continue;
    // What lies below the result does not bear it, so lowering it further changes nothing.
    for (const lower of [acked - 1, 0]) {
      const overlaid = quorum.committedIndex(voters, new Map(known).set(id, lower));
      if (overlaid !== index) broken.push(`overlaying ${id}->${lower}`);
    }
  }
  return broken;
}

/** The dumb way: the highest index that enough voters have. */
function countedCommitted(ids: readonly number[], known: ReadonlyMap<number, number>): number {
  if (ids.length === 0) return Number.POSITIVE_INFINITY;
  const indexes = ids.map((id) => known.get(id) ?? 0);
  const needed = Math.floor(ids.length / 2) + 1;
  return Math.max(0, ...indexes.filter((i) => indexes.filter((j) => j >= i).length >= needed));
}

function swap({ incoming, outgoing }: Voters): Voters {
  return { incoming: outgoing, outgoing: incoming };
}

function table(ids: readonly number[], known: ReadonlyMap<number, number>): string {
  if (ids.length === 0) return '<empty majority quorum>';
  const width = ids.length;
  const lines = [`${' '.repeat(width)}    idx`];
  for (const id of ids.toSorted((a, b) => a - b)) {
    const index = known.get(id);
    // The rank counts the voters below; equal indexes have equal bars.
    const rank = ids.filter((other) => (known.get(other) ?? 0) < (index ?? 0)).length;
    const bar = index === undefined ? '?' : `${'x'.repeat(rank)}>`;
    lines.push(`${bar.padEnd(width + 1)} ${String(index ?? 0).padStart(5)}    (id=${id})`);
  }
  return `${lines.join('\n')}\n`;
}
