// The commands of the transcripts in ../testdata. A transcript is a lesson: it begins by saying
// what it teaches, shows what replicas say and do, one line each, and ends with the state. All that
// commands print comes from real cores; the README beside this file lists the commands.

import { must } from '../../../base/assert.ts';
import type { Argument, Command } from '../../../base/transcript.ts';
import type { RaftEvent } from '../events.ts';
import { MemoryLog } from '../memory-log.ts';
import type { Message, NodeId } from '../types.ts';
import { type LossFact, Network, plainConfig } from './network.support.ts';
import type { Fact, Options } from './replica.support.ts';
import {
  bytesOf,
  describeConfig,
  describeEntries,
  describeEntry,
  describeMessage,
  parseChange,
} from './wording.support.ts';

/** What it returns is printed if it is a text. */
type Handler = (repl: Repl, words: Words) => unknown;

/** The words of a command: `1 2 a key=value key=(v1,v2)`. */
class Words {
  readonly plain: readonly string[];
  /** All of them, as they were written. */
  readonly text: string;
  readonly #named: ReadonlyMap<string, readonly string[]>;

  constructor(command: Command) {
    this.plain = command.args.filter(({ values }) => values.length === 0).map(({ key }) => key);
    this.text = command.args.map(wordOf).join(' ');
    this.#named = new Map(command.args.map(({ key, values }) => [key, values]));
  }

  has(flag: string): boolean {
    return this.plain.includes(flag);
  }

  values(key: string): readonly string[] | undefined {
    return this.#named.get(key);
  }

  numbers(key: string): readonly number[] | undefined {
    return this.values(key)?.map(Number);
  }

  number(at: number): number {
    return Number(must(this.plain[at], 'the command has that many words'));
  }

  /** All plain words from `at` on that are numbers. */
  ids(at = 0): readonly NodeId[] {
    return this.plain
      .slice(at)
      .filter((word) => /^\d+$/.test(word))
      .map(Number);
  }
}

function wordOf({ key, values }: Argument): string {
  return values.length === 0 ? key : `${key}=${values.join(',')}`;
}

export class Repl {
  readonly net: Network;
  readonly #lines: string[] = [];
  #isQuiet = false;

  constructor() {
    this.net = new Network({
      voters: [],
      onFact: (id, fact) => {
        if (this.#isQuiet) return;
        if (fact.kind === 'stepped') this.#addOutcome(fact.message, fact.outcome);
        const line = describeFact(id, fact);
        if (line !== undefined) this.#lines.push(line);
      },
    });
    // Here the transcript says what the host reports.
    this.net.reportsSnapshots = false;
  }

  /** Runs one command. `quietly command ...` prints only what the command itself answers. */
  run(command: Command): string {
    this.#lines.length = 0;
    this.#isQuiet = command.name === 'quietly';
    const [first, ...rest] = command.args;
    const inner = this.#isQuiet
      ? { ...command, name: must(first, 'a command to be quiet about').key, args: rest }
      : command;
    const handler = HANDLERS[inner.name];
    if (handler === undefined) throw new Error(`no command is called ${inner.name}`);
    const answer = handler(this, new Words(inner));
    if (typeof answer === 'string' && answer !== '') this.#lines.push(answer);
    return this.#lines.join('\n');
  }

  /** A message was not simply handled: that stands behind it, though consequences follow it. */
  #addOutcome(message: Message, outcome: string): void {
    const line = describeMessage(message);
    const at = this.#lines.lastIndexOf(line);
    if (at >= 0 && outcome !== 'handled') this.#lines[at] = `${line} (${outcome})`;
  }

  state(ids: readonly NodeId[]): string {
    return ids.map((id) => this.#stateOf(id)).join('\n');
  }

  #stateOf(id: NodeId): string {
    const replica = this.net.at(id);
    if (!replica.isUp) return `${id} down`;
    const { applied, commit, config, firstIndex, lastIndex, lead, role, term } =
      replica.core.basicStatus();
    const words = [`${id} ${role} term=${term} lead=${lead} log=${firstIndex}..${lastIndex}`];
    words.push(`commit=${commit} applied=${applied} ${describeConfig(config)}`);
    if (replica.values.length > 0) words.push(`holds ${replica.values.join(' ')}`);
    return words.join(' ');
  }
}

// --- what is printed ----------------------------------------------------------------------------

function describeFact(id: NodeId, fact: Fact | LossFact): string | undefined {
  switch (fact.kind) {
    case 'event':
      return describeEvent(id, fact.event);
    case 'hears':
      // What the disk and the machine answer is seen in what follows.
      return isLocal(fact.message) ? undefined : describeMessage(fact.message);
    case 'applied':
      return `${id} applies ${describeEntry(fact.entry)}`;
    case 'restored':
      return `${id} restores ${fact.snapshot.term}/${fact.snapshot.index}`;
    case 'read':
      return `${id} may read at ${fact.index} (ticket ${fact.ticket})`;
    case 'readDropped':
      return `${id} must ask again (ticket ${fact.ticket}, ${fact.reason})`;
    case 'lost':
      return `${describeMessage(fact.message)} (lost)`;
    case 'stepped':
    case 'wrote':
    case 'sent':
      // Messages are shown when they arrive.
      return undefined;
  }
}

function isLocal({ from, to }: Message): boolean {
  return from < 0 || from === to;
}

function describeEvent(id: NodeId, event: RaftEvent): string | undefined {
  switch (event.kind) {
    case 'roleChanged':
      return `${id} is ${event.role} of term ${event.term}`;
    case 'configSwitched':
      return `${id} has ${describeConfig(event.config)}`;
    case 'confChangeIgnored':
      return `${id} puts an empty entry at ${event.index}: ${event.reason}`;
    case 'autoLeaveProposed':
      return `${id} proposes at ${event.index} to leave the joint config`;
    case 'notPromotable':
      return `${id} may not campaign: no voter, or restoring`;
    case 'campaignRefused':
      return `${id} may not campaign: ${event.reason}`;
    case 'steppedDown':
      return `${id} steps down: ${event.cause}`;
    case 'transferStarted':
      return `${id} hands over to ${event.to}`;
    case 'transferAborted':
      return `${id} ends the transfer to ${event.to}`;
    case 'snapshotWithheld':
      return `${id} sends ${event.peer} no snapshot: ${event.reason}`;
    case 'snapshotReported':
      return `${id} hears that the snapshot to ${event.peer} ${event.ok ? 'arrived' : 'failed'}`;
    case 'peerRecovered':
      return `${id} goes on with entries for ${event.peer}`;
    case 'snapshotIgnored':
      return `${id} ignores snapshot ${event.index}: ${event.reason}`;
    case 'contradiction':
      return `${id} is contradicted by ${event.from}: ${event.detail}`;
    case 'leaderForgotten':
      return `${id} lets go of leader ${event.lead}`;
    case 'voteIgnored':
      return `${id} ignores ${event.from}: a leader was heard, ${event.remainingTicks} ticks left`;
    case 'campaignStarted':
    case 'voteCast':
    case 'voteRefused':
    case 'appendRejected':
    case 'peerProbed':
    case 'snapshotSent':
    case 'snapshotRestored':
      // Seen in the messages.
      return undefined;
  }
}

function describeProgress(repl: Repl, id: NodeId): string {
  const { peers } = repl.net.at(id).core.status();
  const lines = peers.map((peer) => {
    const flags = [
      peer.isLearner ? ' learner' : '',
      peer.isPaused ? ' paused' : '',
      peer.isRecentlyActive ? '' : ' silent',
      peer.pendingSnapshot > 0 ? ` snapshot=${peer.pendingSnapshot}` : '',
      peer.inflightMessages > 0 ? ` window=${peer.inflightMessages}` : '',
      peer.isInflightFull ? ' full' : '',
    ];
    return `${peer.id} ${peer.state} match=${peer.match} next=${peer.next}${flags.join('')}`;
  });
  return lines.join('\n');
}

// --- commands -----------------------------------------------------------------------------------

/** `add-nodes 1 2 voters=(1,2) learners=(4) terms=(2,2) term=3 key=value`: they begin alike. */
function addNodes(repl: Repl, words: Words): undefined {
  const voters = words.numbers('voters');
  const config = plainConfig(voters ?? [], words.numbers('learners') ?? []);
  const terms = words.numbers('terms') ?? [];
  const term = words.numbers('term')?.[0] ?? terms.at(-1) ?? 1;
  const founding = { config, terms, hardState: { term } };
  for (const id of words.ids()) {
    repl.net.add(id, voters === undefined ? undefined : founding, optionsOf(words));
  }
}

const NUMBERS = [
  'electionTicks',
  'uncommittedBytesMax',
  'appendBytesMax',
  'inflightMessagesMax',
  'inflightBytesMax',
  'applyBytesMax',
  'pendingReadsMax',
  'leaseMarginTicks',
  'priority',
] as const;
const SWITCHES = [
  'preVote',
  'checkQuorum',
  'stepDownOnRemoval',
  'commitInVotes',
  'asyncStorageWrites',
  'validateConfChanges',
] as const;

function optionsOf(words: Words): Options {
  const numbers = NUMBERS.flatMap((key) => words.numbers(key)?.map((n) => [key, n]) ?? []);
  const switches = SWITCHES.flatMap(
    (key) => words.values(key)?.map((v) => [key, v === 'true']) ?? [],
  );
  const reads = words.has('lease') ? [['reads', 'lease']] : [];
  return Object.fromEntries([...numbers, ...switches, ...reads]) as Options;
}

function crash(repl: Repl, words: Words): undefined {
  const replica = repl.net.at(words.number(0));
  // At which step of the work that is due: before it is written, or before anyone is told.
  if (words.has('unwritten')) replica.takeReady();
  if (words.has('unsent')) {
    replica.takeReady();
    replica.write();
  }
  repl.net.crash(replica.id);
}

/** `deliver`, `deliver to=(2,3) kind=append count=1`: of what is on the way, what fits. */
function deliver(
  repl: Repl,
  words: Words,
  act = (message: Message) => repl.net.deliver(message),
): void {
  const to = words.numbers('to');
  const from = words.numbers('from');
  const kinds = words.values('kind');
  let left = words.numbers('count')?.[0] ?? Number.POSITIVE_INFINITY;
  const kept: Message[] = [];
  for (const message of repl.net.queue.splice(0)) {
    const fits =
      left > 0 &&
      (to?.includes(message.to) ?? true) &&
      (from?.includes(message.from) ?? true) &&
      (kinds?.includes(message.kind) ?? true);
    if (fits) left -= 1;
    if (fits) act(message);
    else kept.push(message);
  }
  repl.net.queue.unshift(...kept);
}

function readIndex(repl: Repl, id: NodeId): string {
  const ticket = repl.net.askRead(id);
  return typeof ticket === 'string' ? `refused: ${ticket}` : `ticket ${ticket}`;
}

const HANDLERS: Readonly<Record<string, Handler>> = {
  'add-nodes': addNodes,
  // --- time and work
  tick: ({ net }, words) => {
    const [id = 0, count = 1] = words.ids();
    net.tick(id, count);
  },
  'tick-all': ({ net }, words) => net.tickAll(words.ids()[0]),
  work: ({ net }, words) => net.work(...words.ids()),
  ready: ({ net }, words) => {
    net.at(words.number(0)).handleReady();
    net.invariants.check(net);
  },
  disk: ({ net }, words) => {
    const replica = net.at(words.number(0));
    const next = replica.diskQueue[0];
    if (next === undefined) return 'nothing to write';
    replica.runDisk();
    net.invariants.check(net);
    return `${replica.id} has written ${describeEntries(next.entries)}`;
  },
  machine: ({ net }, words) => net.at(words.number(0)).runMachine(),
  settle: ({ net }) => net.settle(),
  // --- the wires
  deliver: (repl, words) => deliver(repl, words),
  lose: (repl, words) => deliver(repl, words, (message) => repl.net.lose(message)),
  duplicate: (repl, words) => {
    const copies: Message[] = [];
    deliver(repl, words, (message) => copies.push(message, message));
    repl.net.queue.push(...copies);
  },
  reverse: ({ net }) => {
    net.queue = net.queue.toReversed();
  },
  pending: ({ net }) => net.queue.map(describeMessage).join('\n'),
  inject: ({ net }, words) => net.inject(words.text),
  partition: ({ net }, words) => {
    net.partition(...words.plain.map((side) => side.split('').map(Number)));
  },
  cut: ({ net }, words) => net.cut(words.number(0), ...words.ids(1)),
  isolate: ({ net }, words) => net.isolate(words.number(0)),
  heal: ({ net }) => net.heal(),
  // --- life and disks
  crash,
  restart: ({ net }, words) => {
    const replica = net.at(words.number(0));
    replica.options = { ...replica.options, ...optionsOf(words) };
    net.restart(replica.id);
  },
  wipe: ({ net }, words) => net.at(words.number(0)).wipe(new MemoryLog()),
  compact: ({ net }, words) => net.at(words.number(0)).compact(words.ids(1)[0]),
  evict: ({ net }, words) => {
    const replica = net.at(words.number(0));
    replica.log.evictBelow(words.number(1));
    replica.holdsFetches = true;
  },
  fetch: ({ net }, words) => {
    const replica = net.at(words.number(0));
    const asked = replica.fetches.map(({ high, low, peer, purpose }) => {
      return `${purpose}${peer === 0 ? '' : ` for ${peer}`} ${low}..${high - 1}`;
    });
    replica.answerFetches();
    return asked.join('\n') || 'nothing is asked for';
  },
  'withhold-snapshots': ({ net }, words) => {
    net.at(words.number(0)).log.snapshotOverride = () => 'pending';
  },
  'offer-snapshots': ({ net }, words) => {
    net.at(words.number(0)).log.snapshotOverride = undefined;
  },
  // --- asking
  campaign: ({ net }, words) => answered(net.at(words.number(0)).core.campaign(), 'started'),
  elect: ({ net }, words) => net.elect(words.number(0)),
  propose: ({ net }, words) => {
    const payloads = words.plain.slice(1).map(bytesOf);
    const outcome = net.at(words.number(0)).core.propose(payloads);
    return outcome.kind === 'refused' ? `refused: ${outcome.reason}` : undefined;
  },
  change: ({ net }, words) => {
    const change = parseChange(words.plain.slice(1).join(' '));
    const outcome = net.at(words.number(0)).core.proposeConfChange(change);
    return outcome.kind === 'refused' ? `refused: ${outcome.reason}` : undefined;
  },
  read: (repl, words) => readIndex(repl, words.number(0)),
  transfer: ({ net }, words) => {
    const outcome = net.at(words.number(0)).core.transferLeader(words.number(1));
    return 'reason' in outcome ? `refused: ${outcome.reason}` : answered(outcome.kind, 'started');
  },
  forget: ({ net }, words) => answered(net.at(words.number(0)).core.forgetLeader(), 'forgotten'),
  'report-snapshot': ({ net }, words) => {
    net.at(words.number(0)).core.reportSnapshot(words.number(1), words.has('ok'));
  },
  unreachable: ({ net }, words) => {
    net.at(words.number(0)).core.reportUnreachable(words.number(1));
  },
  timeout: ({ net }, words) => {
    net.at(words.number(0)).core.setElectionTimeout(words.number(1));
  },
  // --- looking
  state: (repl, words) => repl.state(words.ids().length > 0 ? words.ids() : repl.net.ids),
  progress: (repl, words) => describeProgress(repl, words.number(0)),
  log: ({ net }, words) => {
    const { log } = net.at(words.number(0));
    const all = log.entries(log.firstIndex(), log.lastIndex() + 1, Number.POSITIVE_INFINITY);
    return typeof all === 'string' ? all : describeEntries(all);
  },
  'check-invariants': ({ net }) => {
    net.invariants.check(net);
    const { commits, leaders, reads } = net.invariants.counts;
    return `hold, with ${leaders} leaders, ${commits} commits, ${reads} reads seen`;
  },
};

function answered(answer: string, usual: string): string | undefined {
  return answer === usual ? undefined : answer;
}
