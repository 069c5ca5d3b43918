// The command line: reads flags, starts a member, and says in one sentence why it could not.

import { createRequire } from 'node:module';
import { Command, CommanderError, InvalidArgumentError, type Option } from 'commander';
import { type ErrorCode, ParleyError } from '../../base/errors.ts';
import {
  dropEmptyVariables,
  type FlagValues,
  memberOptions,
  settingsOf,
  unifySpelling,
} from './flags.ts';

const EPILOGUE = `
Every flag can also be set in the environment, as PARLEY_LISTEN_ADDR for --listen_addr (the log
level as PARLEY_LOG); dashes and underscores in flags mean the same.

Two members on this machine:
  parley --listen_addr 127.0.0.1:10001
  parley --listen_addr 127.0.0.1:10002 --seed 127.0.0.1:10001
  curl -s 127.0.0.1:10002
`;

function versionOfPackage(): string {
  const manifest: unknown = createRequire(import.meta.url)('../../../package.json');
  return (manifest as { version: string }).version;
}

function createProgram(version: string): Command {
  const program = new Command('parley')
    .description('Starts one member of a Parley cluster.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', EPILOGUE)
    .allowExcessArguments(false)
    .configureHelp({ optionDescription: describeOption })
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(oneSentence(text)) });
  for (const option of memberOptions((wrong) => new InvalidArgumentError(wrong))) {
    program.addOption(option);
  }
  program.action(async (flags: FlagValues) => {
    // Loaded here so that `--help` and a mistyped flag answer at once.
    const { serve } = await import('./serve.ts');
    await serve({ settings: settingsOf(flags), logLevel: flags.log_level, version });
  });
  return program;
}

/** Without the variable of each flag: the text below the list says how they are called. */
function describeOption({ description, defaultValueDescription }: Option): string {
  const fallback = defaultValueDescription;
  return fallback === undefined ? description : `${description} (default: ${fallback})`;
}

/** Commander writes `error: ...` and puts its guess on a line of its own. */
function oneSentence(text: string): string {
  const sentence = text
    .replace(/^error: /, '')
    .trim()
    .replace(/\s*\n\s*/g, ' ');
  return `parley: ${sentence} [${'E_CONFIG' satisfies ErrorCode}]\n`;
}

/** Runs the command; answers the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    dropEmptyVariables(process.env);
    await createProgram(versionOfPackage()).parseAsync(unifySpelling(args), { from: 'user' });
    return 0;
  } catch (error) {
    // Commander has printed what it had to say: help, the version, or a mistake.
    if (error instanceof CommanderError) return error.exitCode;
    if (!(error instanceof ParleyError)) throw error;
    process.stderr.write(`parley: ${error.line}\n`);
    return 1;
  }
}
