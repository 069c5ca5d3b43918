// How the commands of package.json read their words. `--help` prints the usage and ends with 0.
// What cannot be read is answered with one line and exit code 2, never with a stack.

import { type ParseArgsConfig, parseArgs } from 'node:util';

const WRONG_USAGE = 2;

/**
 * `config.args` as `parseArgs` of Node reads them; without them those of the process. `onMistake`
 * is for commands that say in a way of their own what is wrong.
 */
export function readFlags<const Config extends ParseArgsConfig>(
  usage: string,
  config: Config,
  onMistake: (why: string) => never = refuse,
): ReturnType<typeof parseArgs<Config>> {
  if ((config.args ?? process.argv.slice(2)).some((word) => word === '--help' || word === '-h')) {
    console.log(usage);
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    return onMistake(mistakeIn(error));
  }
}

/** What is wrong with the words, in one line, if `error` is of `parseArgs`. */
function mistakeIn(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (!code.startsWith('ERR_PARSE_ARGS')) throw error;
  const [sentence = ''] = (error as Error).message.split(/\n|\. /);
  // Node writes `Option '--seed <value>' argument missing`.
  return `${sentence.replace(/\.$/, '')}; --help lists what there is`;
}

export function refuse(why: string): never {
  console.error(why);
  process.exit(WRONG_USAGE);
}

/** Written in digits: neither `1e3` nor `0x10`, which `Number` would take, nor nothing at all. */
export function wholeNumber(flag: string, text: string, least = 0): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= least) return value;
  const bound = least === 0 ? '' : ` from ${least} on`;
  return refuse(`${flag} takes a whole number${bound}, not ${JSON.stringify(text)}`);
}

/** `A..B`: the first and the last. */
export function wholeRange(flag: string, text: string): [number, number] {
  const [first, last, ...rest] = text.split('..');
  if (first === undefined || last === undefined || rest.length > 0) {
    return refuse(`${flag} takes a range like 1..100, not ${JSON.stringify(text)}`);
  }
  const bounds: [number, number] = [wholeNumber(flag, first), wholeNumber(flag, last)];
  if (bounds[0] > bounds[1]) return refuse(`${flag} takes the smaller number first, not ${text}`);
  return bounds;
}
