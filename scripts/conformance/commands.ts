// The commands of interaction files. Each handler reads its arguments, acts on the environment and
// answers an error text or nothing; output goes to the environment as work is done.

import { encodeText } from '../../src/base/bytes.ts';
import type { Argument, Command } from '../../src/base/transcript.ts';
import { parseDirective } from '../../src/base/transcript.ts';
import { addNodes } from './add-nodes.ts';
import { Arguments, CommandProblem, parseNumber } from './arguments.ts';
import { parseConfChange } from './change-tokens.ts';
import { describeProgress, describeRole, entryEvent, messageEvent } from './describe.ts';
import type { Environment, Recipient } from './environment.ts';
import type { LogLevel, MessageType, PlacedEvent } from './model.ts';
import { ERROR_TEXTS, MESSAGE_TYPES } from './model.ts';
import type { CommandError } from './node.ts';
import { ELECTION_TICKS, HEARTBEAT_TICKS } from './node.ts';
import { LOG_LEVELS } from './output.ts';
import { snapshotMessage } from './send-snapshot.ts';

type Handler = (env: Environment, args: Arguments, input: string) => CommandError;

const HANDLERS: Readonly<Record<string, Handler>> = {
  _breakpoint: () => undefined,
  'add-nodes': addNodes,
  campaign: (env, args) => {
    env.node(args.number('id')).core.campaign();
    return undefined;
  },
  compact,
  'deliver-msgs': deliverMessages,
  'forget-leader': (env, args) => {
    env.node(args.number('id')).core.forgetLeader();
    return undefined;
  },
  'log-level': (env, args) => setLevel(env, args.words()[0] ?? ''),
  'process-append-thread': (env, args) =>
    eachNode(env, args, 'processing append thread', (id) => env.processAppendThread(id)),
  'process-apply-thread': (env, args) =>
    eachNode(env, args, 'processing apply thread', (id) => {
      env.processApplyThread(id);
      return undefined;
    }),
  'process-ready': (env, args) =>
    eachNode(env, args, 'handling Ready', (id) => env.processReady(id)),
  propose,
  'propose-conf-change': proposeConfChange,
  'raft-log': (env, args) => printLog(env, args.number('id')),
  'raft-state': printState,
  'report-unreachable': (env, args) => {
    const [reporter, peer] = twoNodes(args);
    env.node(reporter).core.reportUnreachable(env.node(peer).id);
    return undefined;
  },
  'send-snapshot': (env, args) => {
    const [from, to] = twoNodes(args);
    const message = snapshotMessage(env.node(from), to);
    env.send(message);
    env.output.print(messageEvent(message));
    return undefined;
  },
  'set-randomized-election-timeout': setElectionTimeout,
  stabilize,
  status: printStatus,
  'tick-election': (env, args) => tick(env, args, ELECTION_TICKS),
  'tick-heartbeat': (env, args) => tick(env, args, HEARTBEAT_TICKS),
  'transfer-leadership': transferLeadership,
};

export const INTERACTION_COMMANDS: ReadonlySet<string> = new Set(Object.keys(HANDLERS));

/** Runs a block. Lines of input, except for configuration changes, are further commands. */
export function runCommand(env: Environment, command: Command): PlacedEvent[] {
  env.output.take();
  const more = command.name === 'propose-conf-change' ? [] : command.input.split('\n');
  const error = runOne(env, command, command.input);
  // Errors are always printed, that of the first command ends the block.
  if (error !== undefined) env.output.printAlways({ kind: 'error', text: error });
  for (const line of error === undefined ? more.filter((text) => text !== '') : []) {
    const failed = runOne(env, parseDirective(line, command.line), '');
    if (failed !== undefined) env.output.printAlways({ kind: 'error', text: failed });
  }
  return env.output.take();
}

function runOne(env: Environment, { name, args }: Pick<Command, 'name' | 'args'>, input: string) {
  const handler = HANDLERS[name];
  if (handler === undefined) throw new CommandProblem(`unknown command ${name}`);
  const read = new Arguments(args);
  const error = handler(env, read, input);
  read.finish();
  return error;
}

function eachNode(
  env: Environment,
  args: Arguments,
  activity: 'handling Ready' | 'processing append thread' | 'processing apply thread',
  work: (id: number) => CommandError,
): CommandError {
  const ids = args.numbers();
  for (const id of ids) {
    const error = ids.length > 1 ? env.under(id, activity, () => work(id)) : work(id);
    if (error !== undefined) return error;
  }
  return undefined;
}

function twoNodes(args: Arguments): [number, number] {
  const ids = args.numbers();
  if (ids.length !== 2) throw new CommandProblem('expects two nodes');
  return ids as [number, number];
}

function tick(env: Environment, args: Arguments, ticks: number): CommandError {
  const { core } = env.node(args.number('id'));
  for (let i = 0; i < ticks; i++) core.tick();
  return undefined;
}

function setLevel(env: Environment, name: string): CommandError {
  const level = name.toUpperCase() as LogLevel;
  if (!LOG_LEVELS.includes(level)) {
    return `log levels must be either of [${LOG_LEVELS.join(' ')}]`;
  }
  env.output.level = level;
  return undefined;
}

function compact(env: Environment, args: Arguments): CommandError {
  const [id, index] = twoNodes(args);
  if (!env.node(id).log.compact(index)) return ERROR_TEXTS.compacted;
  return printLog(env, id);
}

function printLog(env: Environment, id: number): CommandError {
  const { log } = env.node(id);
  const [first, last] = [log.firstIndex(), log.lastIndex()];
  if (last < first) {
    env.output.print({ kind: 'emptyLog', first, last });
    return undefined;
  }
  const entries = log.entries(first, last + 1, Number.POSITIVE_INFINITY);
  if (typeof entries === 'string') return ERROR_TEXTS.compacted;
  env.output.print(...entries.map(entryEvent));
  return undefined;
}

function printState(env: Environment): CommandError {
  for (const node of env.nodes) {
    const { role, term, lead } = node.core.status();
    const voter = node.isVoter();
    const state = { node: node.id, role: describeRole(role), voter, term, lead };
    env.output.print({ kind: 'raftState', ...state });
  }
  return undefined;
}

function printStatus(env: Environment, args: Arguments): CommandError {
  for (const peer of env.node(args.number('id')).core.status().peers) {
    env.output.print({ kind: 'progress', progress: describeProgress(peer) });
  }
  return undefined;
}

function propose(env: Environment, args: Arguments): CommandError {
  const [id, data, ...others] = args.words();
  if (id === undefined || data === undefined || others.length > 0) {
    throw new CommandProblem('expects a node and one word');
  }
  const outcome = env.node(parseNumber(id)).core.propose([encodeText(data)]);
  return outcome.kind === 'refused' ? ERROR_TEXTS.proposalDropped : undefined;
}

function proposeConfChange(env: Environment, args: Arguments, input: string): CommandError {
  const node = env.node(args.number('id'));
  const isVersion1 = args.boolean('v1') ?? false;
  const change = parseConfChange(isVersion1, args.text('transition') ?? 'auto', input);
  if (typeof change === 'string') return change;
  const outcome = node.core.proposeConfChange(change);
  return outcome.kind === 'refused' ? ERROR_TEXTS.proposalDropped : undefined;
}

function setElectionTimeout(env: Environment, args: Arguments): CommandError {
  const timeout = args.integer('timeout');
  if (timeout === undefined) throw new CommandProblem('expects timeout=ticks');
  env.node(args.number('id')).core.setElectionTimeout(timeout);
  return undefined;
}

function transferLeadership(env: Environment, args: Arguments): CommandError {
  const from = args.integer('from');
  const to = args.integer('to');
  if (from === undefined || to === undefined) throw new CommandProblem('expects from= and to=');
  env.node(from).core.transferLeader(to);
  return undefined;
}

function deliverMessages(env: Environment, args: Arguments): CommandError {
  const type = args.text('type');
  if (type !== undefined && !MESSAGE_TYPES.some((known) => known === type)) {
    throw new CommandProblem(`unknown message type ${type}`);
  }
  const recipients = args.rest().flatMap(readRecipients);
  const delivered = new Set(recipients.filter(({ drop }) => !drop).map(({ id }) => id));
  if (recipients.some(({ id, drop }) => drop && delivered.has(id))) {
    throw new CommandProblem('cannot both deliver and drop to a node');
  }
  const count = env.deliver(recipients, type as MessageType | undefined);
  if (count === 0) env.output.print({ kind: 'notice', text: 'no messages' });
  return undefined;
}

/** Recipients are served in the order of the arguments, whether they receive or drop. */
function readRecipients({ key, values }: Argument): Recipient[] {
  if (values.length === 0) return [{ id: parseNumber(key), drop: false }];
  if (key !== 'drop') throw new CommandProblem(`unknown argument ${key}`);
  return values.map((value) => ({ id: parseNumber(value), drop: true }));
}

function stabilize(env: Environment, args: Arguments): CommandError {
  const ids = args.numbers();
  const level = args.text('log-level');
  const before = env.output.level;
  const refused = level === undefined ? undefined : setLevel(env, level);
  if (refused !== undefined) return refused;
  const error = env.stabilize(ids.length === 0 ? env.nodes : ids.map((id) => env.node(id)));
  env.output.level = before;
  return error;
}
