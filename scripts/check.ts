// `npm run check -- FILE --model register|kv`: judges a recorded history.
//
// The last line is the verdict: `linearizable` (exit 0), `not linearizable` (exit 1) or
// `unknown: why` (exit 2), the last also for files that cannot be read. A history that is not
// linearizable is drawn into an HTML file, whose name is printed before the verdict.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import {
  casRegisterModel,
  checkHistory,
  drawFailure,
  kvModel,
  type Model,
  type ParsedHistory,
  parseJepsenLog,
  parseKvLog,
  type StateValue,
} from '../src/core/checker/index.ts';
import { readFlags } from './flags.ts';

const USAGE = `usage: npm run check -- FILE --model register|kv [options]

  --model register      log lines of Jepsen's etcd test: read, write, cas
  --model kv            EDN maps: get, put, append
  --picture FILE        where to draw a failure (default target/checker/NAME.html)
  --budget-seconds N    give up after this time (default 60)
  --budget-mib N        give up beyond this memory (default 1024)`;

interface Options {
  readonly file: string;
  readonly picture: string;
  readonly budgetSeconds: number;
  readonly budgetMib: number;
}

type Judge = (text: string, options: Options) => string;

const JUDGES: Readonly<Record<string, Judge>> = {
  register: (text, options) => judge(parseJepsenLog(text), casRegisterModel, options),
  kv: (text, options) => judge(parseKvLog(text), kvModel, options),
};

const EXIT_CODES = new Map([
  ['linearizable', 0],
  ['not linearizable', 1],
]);

/** The last line. */
function judge<Action, State extends StateValue>(
  parsed: ParsedHistory<Action>,
  model: Model<Action, State>,
  { file, picture, budgetSeconds, budgetMib }: Options,
): string {
  if (parsed.kind === 'malformed') {
    return `unknown: ${file}:${parsed.line}: ${parsed.problem}`;
  }
  const { operations } = parsed;
  const keys = new Set(operations.map(({ key }) => key)).size;
  const started = performance.now();
  const verdict = checkHistory(model, operations, {
    shouldStop: () => performance.now() > started + budgetSeconds * 1000,
    bytesMax: budgetMib * 1024 * 1024,
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(3);
  const onKeys = `${keys} ${keys === 1 ? 'key' : 'keys'}`;
  console.log(`${operations.length} operations on ${onKeys}, searched for ${seconds} s`);
  if (verdict.kind === 'linearizable') return 'linearizable';
  if (verdict.kind === 'notLinearizable') {
    mkdirSync(dirname(picture), { recursive: true });
    writeFileSync(picture, drawFailure(model, verdict.part));
    const { order, stuck } = verdict.part.reach;
    const { key, operations: own } = verdict.part;
    const at = own[stuck];
    if (at !== undefined) {
      console.log(`key ${JSON.stringify(key)}: an order explains ${order.length} of ${own.length}`);
      console.log(`operations, but not process ${at.process}: ${model.describe(at.action)}`);
    }
    console.log(`picture: ${picture}`);
    return 'not linearizable';
  }
  const spent = verdict.ranOut === 'time' ? `${budgetSeconds} s` : `${budgetMib} MiB`;
  const named = verdict.keys.slice(0, 5).map((key) => JSON.stringify(key));
  return `unknown: not decided within ${spent}: key ${named.join(', ')} of ${keys}`;
}

const FLAGS = {
  allowPositionals: true,
  options: {
    model: { type: 'string' },
    picture: { type: 'string' },
    'budget-seconds': { type: 'string', default: '60' },
    'budget-mib': { type: 'string', default: '1024' },
  },
} as const;

type CommandLine = { readonly options: Options; readonly judgeOf: Judge } | { wrong: string };

function readCommandLine(): CommandLine {
  const { values, positionals } = readFlags(USAGE, FLAGS, (why) => {
    throw new Error(why);
  });
  const { model } = values;
  const judgeOf = JUDGES[model ?? ''];
  const budgetSeconds = Number(values['budget-seconds']);
  const budgetMib = Number(values['budget-mib']);
  const [file, another] = positionals;
  if (file === undefined) return { wrong: 'which FILE should be judged?' };
  if (another !== undefined) return { wrong: `one FILE at a time, not ${file} and ${another}` };
  if (model === undefined) return { wrong: '--model is missing: register or kv' };
  if (judgeOf === undefined) return { wrong: `there is no model ${model}: register or kv` };
  if (!(budgetSeconds >= 0)) return { wrong: '--budget-seconds needs a number of seconds' };
  if (!(budgetMib >= 0)) return { wrong: '--budget-mib needs a number of MiB' };
  const picture = values.picture ?? join('target', 'checker', `${basename(file)}.html`);
  return { options: { file, picture, budgetSeconds, budgetMib }, judgeOf };
}

function run(): string {
  const command = readCommandLine();
  if ('wrong' in command) {
    console.log(USAGE);
    return `unknown: ${command.wrong}`;
  }
  return command.judgeOf(readFileSync(command.options.file, 'utf8'), command.options);
}

function describeError(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n')[0] as string;
}

let lastLine: string;
try {
  lastLine = run();
} catch (error) {
  lastLine = `unknown: ${describeError(error)}`;
}
console.log(lastLine);
process.exitCode = EXIT_CODES.get(lastLine) ?? 2;
