// Values back to text, in the grammar of the expected outputs. `expect.ts` is the inverse: every
// line that it reads must come out of here unchanged, which each run checks again.

import { unreachable } from '../../src/base/assert.ts';
import type {
  ChangeRefusal,
  ConfState,
  EntryLine,
  MessageLine,
  OutputEvent,
  Party,
  PlacedEvent,
  ProgressLine,
  SnapshotLine,
} from './model.ts';

const INDENT = '  ';

/** The lines of one event. Only messages take more than one. */
export function renderEvent(event: OutputEvent): string[] {
  switch (event.kind) {
    case 'header':
      return [`> ${event.node} ${event.activity}`];
    case 'emptyReady':
      return ['<empty Ready>'];
    case 'ready':
      return [`Ready MustSync=${event.mustSync}:`];
    case 'softState':
      return [`Lead:${event.lead} State:${event.role}`];
    case 'hardState':
      return [`HardState Term:${event.term}${votePart(event.vote)} Commit:${event.commit}`];
    case 'readStates':
      return [`ReadStates ${event.text}`];
    case 'label':
      return [`${event.label}:`];
    case 'entry':
      return [renderEntry(event.entry)];
    case 'snapshot':
      return [`Snapshot ${renderSnapshot(event.snapshot)}`];
    case 'message':
      return renderMessage(event.message, event.dropped);
    case 'progress':
      return [`${event.progress.id}: ${renderProgress(event.progress)}`];
    case 'emptyLog':
      return [`log is empty: first index=${event.first}, last index=${event.last}`];
    case 'notice':
    case 'error':
      return [event.text];
    case 'raftState': {
      const voter = event.voter ? '(Voter)' : '(Non-Voter)';
      return [`${event.node}: ${event.role} ${voter} Term:${event.term} Lead:${event.lead}`];
    }
    case 'configured':
    case 'changeIgnored':
    case 'unpromotable':
      return [renderOutcomeLog(event)];
    default:
      return unreachable(event);
  }
}

const REFUSALS: Readonly<Record<ChangeRefusal, string>> = {
  pending: 'possible unapplied conf change',
  inJoint: 'must transition out of joint config first',
  notInJoint: 'not in joint state; refusing empty conf change',
};

/** Log text is not compared, but what these three tell is. The refused change is left out. */
function renderOutcomeLog(
  event: OutputEvent & { kind: 'configured' | 'changeIgnored' | 'unpromotable' },
): string {
  const node = renderParty(event.node);
  if (event.kind === 'configured') return `INFO ${node} switched to configuration ${event.config}`;
  if (event.kind === 'unpromotable') return `WARN ${node} is unpromotable and can not campaign`;
  const reason = REFUSALS[event.refusal];
  return `INFO ${node} ignoring conf change at config ${event.config}: ${reason}`;
}

export function isOutcomeLog(event: OutputEvent): boolean {
  return (
    event.kind === 'configured' || event.kind === 'changeIgnored' || event.kind === 'unpromotable'
  );
}

/** The event as its lines stand in a file. */
export function renderPlaced(placed: PlacedEvent): string[] {
  const lines = renderEvent(placed.event);
  return placed.indented ? lines.map((line) => INDENT + line) : lines;
}

function renderParty(party: Party): string {
  return typeof party === 'number' ? party.toString(16) : party;
}

function votePart(vote: number): string {
  return vote === 0 ? '' : ` Vote:${vote}`;
}

function renderMessage(message: MessageLine, dropped: boolean): string[] {
  const lines = messageLines(message, '');
  if (dropped) lines[0] = `dropped: ${lines[0]}`;
  return lines;
}

/**
 * Parts stand in this order: head, entries, snapshot, responses. What follows a part that ended a
 * line goes on at that line's end, so `Responses:[` may stand behind a snapshot.
 */
function messageLines(message: MessageLine, indent: string): string[] {
  const lines = [indent + messageHead(message)];
  const extend = (text: string): void => {
    lines[lines.length - 1] += text;
  };
  const [first] = message.entries;
  if (message.entries.length === 1 && first !== undefined) {
    extend(` Entries:[${renderEntry(first)}]`);
  } else if (message.entries.length > 1) {
    extend(' Entries:[');
    for (const entry of message.entries) lines.push(indent + INDENT + renderEntry(entry));
    lines.push(`${indent}]`);
  }
  if (message.snapshot !== undefined) {
    lines.push(`${indent}${INDENT}Snapshot: ${renderSnapshot(message.snapshot)}`);
  }
  if (message.responses.length > 0) {
    extend(' Responses:[');
    for (const response of message.responses) {
      lines.push(...messageLines(response, indent + INDENT));
    }
    lines.push(`${indent}]`);
  }
  return lines;
}

function messageHead(message: MessageLine): string {
  const parties = `${renderParty(message.from)}->${renderParty(message.to)}`;
  const log = `${message.logTerm}/${message.index}`;
  let text = `${parties} ${message.type} Term:${message.term} Log:${log}`;
  if (message.reject) text += ` Rejected (Hint: ${message.rejectHint})`;
  if (message.commit !== 0) text += ` Commit:${message.commit}`;
  return text + votePart(message.vote);
}

function renderEntry(entry: EntryLine): string {
  const payload = entry.payload === '' ? '' : ` ${entry.payload}`;
  return `${entry.term}/${entry.index} ${entry.kind}${payload}`;
}

function renderSnapshot(snapshot: SnapshotLine): string {
  const config = renderConfState(snapshot.confState);
  return `Index:${snapshot.index} Term:${snapshot.term} ConfState:${config}`;
}

function renderConfState(config: ConfState): string {
  const list = (ids: readonly number[]): string => `[${ids.join(' ')}]`;
  return [
    `Voters:${list(config.voters)}`,
    `VotersOutgoing:${list(config.votersOutgoing)}`,
    `Learners:${list(config.learners)}`,
    `LearnersNext:${list(config.learnersNext)}`,
    `AutoLeave:${config.autoLeave}`,
  ].join(' ');
}

function renderProgress(progress: ProgressLine): string {
  let text = `${progress.state} match=${progress.match} next=${progress.next}`;
  if (progress.learner) text += ' learner';
  if (progress.paused) text += ' paused';
  if (progress.pendingSnapshot > 0) text += ` pendingSnap=${progress.pendingSnapshot}`;
  if (progress.inactive) text += ' inactive';
  if (progress.inflight > 0) text += ` inflight=${progress.inflight}`;
  return progress.inflight > 0 && progress.full ? `${text}[full]` : text;
}

/** A configuration as log lines and confchange files print it: `voters=(1 2)&&(3) autoleave`. */
export function renderConfig(config: ConfState): string {
  const set = (ids: readonly number[]): string => `(${ids.toSorted((a, b) => a - b).join(' ')})`;
  let text = `voters=${set(config.voters)}`;
  if (config.votersOutgoing.length > 0) text += `&&${set(config.votersOutgoing)}`;
  if (config.learners.length > 0) text += ` learners=${set(config.learners)}`;
  if (config.learnersNext.length > 0) text += ` learners_next=${set(config.learnersNext)}`;
  return config.autoLeave ? `${text} autoleave` : text;
}
