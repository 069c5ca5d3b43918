// The file format of transcript tests, in the shape made popular by CockroachDB's datadriven:
//
//   # a comment
//   command positional key=value key=(v1,v2)
//   optional input lines
//   ----
//   expected output, up to a blank line
//
// Output that itself contains blank lines is set between doubled dashes. This file only parses and
// prints; test/support/transcript.ts runs files and rewrites them with --update.

export interface Argument {
  readonly key: string;
  /** Empty for a positional argument. */
  readonly values: readonly string[];
}

export interface Command {
  readonly name: string;
  readonly args: readonly Argument[];
  readonly input: string;
  readonly expected: string;
  /** 1-based, of the command line. */
  readonly line: number;
}

export type Section =
  | { readonly kind: 'text'; readonly lines: readonly string[] }
  | { readonly kind: 'command'; readonly lines: readonly string[]; readonly command: Command };

const DASHES = '----';

/** Splits a transcript into commands and the text between them. Throws on a malformed file. */
export function parseTranscript(source: string): Section[] {
  const lines = source.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const sections: Section[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at] as string;
    if (line.trim() === '' || line.startsWith('#')) {
      sections.push({ kind: 'text', lines: [line] });
      at += 1;
      continue;
    }
    const parsed = parseCommand(lines, at);
    sections.push(parsed.section);
    at = parsed.next;
  }
  return sections;
}

function parseCommand(lines: readonly string[], start: number): { section: Section; next: number } {
  let dashes = start;
  while (dashes < lines.length && lines[dashes] !== DASHES) {
    if (lines[dashes]?.trim() === '') break;
    dashes += 1;
  }
  if (lines[dashes] !== DASHES) throw new Error(`line ${start + 1}: a command without ${DASHES}`);
  const doubled = lines[dashes + 1] === DASHES;
  const outputStart = dashes + (doubled ? 2 : 1);
  let outputEnd = outputStart;
  while (outputEnd < lines.length && !endsOutput(lines, outputEnd, doubled)) outputEnd += 1;
  const directive = parseDirective(lines[start] as string, start + 1);
  const command: Command = {
    ...directive,
    input: lines.slice(start + 1, dashes).join('\n'),
    expected: lines.slice(outputStart, outputEnd).join('\n'),
    line: start + 1,
  };
  const next = doubled ? Math.min(outputEnd + 2, lines.length) : outputEnd;
  return { section: { kind: 'command', lines: lines.slice(start, next), command }, next };
}

function endsOutput(lines: readonly string[], at: number, doubled: boolean): boolean {
  if (doubled) return lines[at] === DASHES && lines[at + 1] === DASHES;
  return lines[at]?.trim() === '';
}

/** Reads one command line; `line` is for the error message. */
export function parseDirective(text: string, line: number): { name: string; args: Argument[] } {
  const words = splitWords(text, line);
  const [name, ...rest] = words;
  if (name === undefined) throw new Error(`line ${line}: an empty command`);
  return { name, args: rest.map(parseArgument) };
}

/** Splits at blanks, except inside round brackets. Quotes mean nothing, as in datadriven. */
function splitWords(text: string, line: number): string[] {
  const words: string[] = [];
  let word = '';
  let depth = 0;
  for (const char of text) {
    if (char === '(') depth += 1;
    if (char === ')') depth -= 1;
    if (/\s/.test(char) && depth === 0) {
      if (word !== '') words.push(word);
      word = '';
    } else word += char;
  }
  if (depth !== 0) throw new Error(`line ${line}: round brackets do not match`);
  if (word !== '') words.push(word);
  return words;
}

function parseArgument(word: string): Argument {
  const equals = word.indexOf('=');
  if (equals < 0) return { key: word, values: [] };
  const value = word.slice(equals + 1);
  if (!value.startsWith('(') || !value.endsWith(')')) {
    return { key: word.slice(0, equals), values: [value] };
  }
  const items = value.slice(1, -1).split(/[\s,]+/);
  return { key: word.slice(0, equals), values: items.filter((item) => item !== '') };
}

/** A command with new output, as file lines. The blank line after it belongs to the text. */
export function printCommand(section: Section & { kind: 'command' }, output: string): string[] {
  const dashes = section.lines.indexOf(DASHES);
  const head = section.lines.slice(0, dashes + 1);
  const body = output === '' ? [] : output.split('\n');
  if (!body.some((line) => line.trim() === '')) return [...head, ...body];
  return [...head, DASHES, ...body, DASHES, DASHES];
}
