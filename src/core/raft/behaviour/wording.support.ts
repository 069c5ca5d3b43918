// Messages, entries and configs as words, both ways. What a test says and what a transcript shows
// is the same text:
//
//   1->2 append term=2 log=1/1 [2/2,2/3:a] commit=1
//
//   log=1/1      term and index of the entry that the message speaks of; entries likewise
//   2/3:a        an entry with payload "a"; 2/2 has none; 2/4:{v4 r1} is a config change
//   {v4 l5 r1 u2 implicit}   add voter 4 and learner 5, remove 1, update 2; {leave} leaves a joint

import { must } from '../../../base/assert.ts';
import { decodeConfChange, encodeConfChange } from '../confchange-codec.ts';
import { type Draft, draftMessage } from '../message.ts';
import type {
  ConfChange,
  ConfState,
  Entry,
  Message,
  MessageKind,
  NodeChange,
  NodeChangeKind,
  NodeId,
} from '../types.ts';

const LETTERS: Readonly<Record<NodeChangeKind, string>> = {
  addVoter: 'v',
  addLearner: 'l',
  remove: 'r',
  update: 'u',
};
const KINDS = new Map(Object.entries(LETTERS).map(([kind, letter]) => [letter, kind]));

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

// --- configs ------------------------------------------------------------------------------------

export function describeConfig(config: ConfState): string {
  const { voters, votersOutgoing, learners, learnersNext, autoLeave } = config;
  const parts = [`voters(${voters.join(' ')})`];
  if (votersOutgoing.length > 0) parts.push(`outgoing(${votersOutgoing.join(' ')})`);
  if (learners.length > 0) parts.push(`learners(${learners.join(' ')})`);
  if (learnersNext.length > 0) parts.push(`next(${learnersNext.join(' ')})`);
  if (autoLeave) parts.push('auto');
  return parts.join(' ');
}

/** `voters(1 2 3) outgoing(1 2) learners(4) next(2) auto`. */
export function parseConfig(text: string): ConfState {
  const list = (name: string): NodeId[] => {
    const found = new RegExp(`\\b${name}\\(([\\d ]*)\\)`).exec(text)?.[1] ?? '';
    return found.split(' ').filter(Boolean).map(Number);
  };
  return {
    voters: list('voters'),
    votersOutgoing: list('outgoing'),
    learners: list('learners'),
    learnersNext: list('next'),
    autoLeave: /\bauto$/.test(text.trim()),
  };
}

/** `v4 l5 r1 u2`, with `implicit` or `explicit`, or `v1` first for the old form; `leave`. */
export function parseChange(text: string): ConfChange {
  const words = text.split(/[ ,]+/).filter((word) => word !== '' && word !== 'leave');
  const transition = words.includes('explicit')
    ? 'explicit'
    : words.includes('implicit')
      ? 'implicit'
      : 'auto';
  const version = words.includes('old') ? 1 : 2;
  const changes: NodeChange[] = [];
  for (const word of words) {
    const kind = KINDS.get(word.charAt(0)) as NodeChangeKind | undefined;
    if (kind !== undefined && /^.\d+$/.test(word)) {
      changes.push({ kind, node: Number(word.slice(1)) });
    }
  }
  return { version, transition, changes, context: new Uint8Array(0) };
}

function describeChange({ version, transition, changes }: ConfChange): string {
  const words = changes.map(({ kind, node }) => `${LETTERS[kind]}${node}`);
  if (words.length === 0) return 'leave';
  if (transition !== 'auto') words.push(transition);
  if (version === 1) words.push('old');
  return words.join(' ');
}

// --- entries ------------------------------------------------------------------------------------

export function describeEntry({ index, kind, payload, term }: Entry): string {
  const id = `${term}/${index}`;
  if (kind === 'normal') return payload.length === 0 ? id : `${id}:${textOf(payload)}`;
  const change = decodeConfChange(kind, payload);
  return `${id}:{${change === undefined ? 'unreadable' : describeChange(change)}}`;
}

export function describeEntries(entries: readonly Entry[]): string {
  return `[${entries.map(describeEntry).join(',')}]`;
}

function parseEntry(text: string): Entry {
  const [, term, index, payload = ''] = must(
    /^(\d+)\/(\d+)(?::(.*))?$/.exec(text),
    `an entry is written 2/3:a, not ${text}`,
  );
  const id = { term: Number(term), index: Number(index) };
  if (!payload.startsWith('{')) return { ...id, kind: 'normal', payload: bytesOf(payload) };
  const change = parseChange(payload.slice(1, -1));
  const bytes = must(encodeConfChange(change), 'the change of an entry can be encoded');
  return { ...id, kind: change.version === 1 ? 'confChange' : 'confChangeV2', payload: bytes };
}

/** `[2/2,2/3:a]`. */
export function parseEntries(text: string): Entry[] {
  return text
    .slice(1, -1)
    .split(',')
    .filter((part) => part !== '')
    .map(parseEntry);
}

// --- messages -----------------------------------------------------------------------------------

const ANSWERS: ReadonlySet<MessageKind> = new Set<MessageKind>(['voteResponse', 'preVoteResponse']);

export function describeMessage(message: Message): string {
  const { commit, context, entries, from, index, kind, logTerm, reject, term, to } = message;
  const words = [`${from}->${to}`, kind];
  if (term > 0) words.push(`term=${term}`);
  if (kind === 'append' || kind === 'vote' || kind === 'preVote') {
    words.push(`log=${logTerm}/${index}`);
  }
  if (kind === 'appendResponse') {
    if (reject) words.push('rejected');
    words.push(`index=${index}`);
    if (reject) words.push(`hint=${logTerm}/${message.rejectHint}`);
  }
  if (entries.length > 0) words.push(describeEntries(entries));
  if (message.commitTerm > 0) words.push(`commit=${message.commitTerm}/${commit}`);
  else if (kind === 'append' || kind === 'heartbeat') words.push(`commit=${commit}`);
  if (ANSWERS.has(kind)) words.push(reject ? 'refused' : 'granted');
  if (message.forced) words.push('forced');
  if (message.priority !== 0) words.push(`priority=${message.priority}`);
  if (kind === 'transferLeader') words.push(`target=${message.vote}`);
  if (kind.startsWith('heartbeat') && context > 0) words.push(`round=${context}`);
  if (kind.startsWith('readIndex')) words.push(`ticket=${context}`);
  if (kind === 'readIndexResponse') words.push(reject ? 'refused' : `index=${index}`);
  const { snapshot } = message;
  if (snapshot !== undefined && kind === 'snapshot') {
    words.push(`state=${snapshot.term}/${snapshot.index} ${describeConfig(snapshot.confState)}`);
  }
  return words.join(' ');
}

/** The message that `describeMessage` would describe so; what is not said is 0. */
export function parseMessage(text: string): Message {
  const [, from, to, kind, rest] = must(
    /^(-?\d+)->(-?\d+) (\w+) ?(.*)$/.exec(text.trim()),
    `a message begins with 1->2 and its kind, unlike ${text}`,
  );
  const draft = draftMessage(kind as MessageKind, Number(from), Number(to), 0);
  const words = must(rest, 'the pattern has four groups').match(/\[[^\]]*\]|\S+\([^)]*\)|\S+/g);
  for (const word of words ?? []) parseWord(draft, word, text);
  return draft;
}

function parseWord(draft: Draft, word: string, text: string): void {
  if (word.startsWith('[')) {
    draft.entries = parseEntries(word);
    return;
  }
  if (word === 'rejected' || word === 'refused') draft.reject = true;
  if (word === 'forced') draft.forced = true;
  const [name, value = ''] = word.split('=');
  const [first, second] = value.split('/').map(Number);
  const number = first ?? 0;
  if (name === 'term') draft.term = number;
  if (name === 'index') draft.index = number;
  if (name === 'priority') draft.priority = number;
  if (name === 'target') draft.vote = number;
  if (name === 'round' || name === 'ticket') draft.context = number;
  if (name === 'log') [draft.logTerm, draft.index] = [number, second ?? 0];
  if (name === 'hint') [draft.logTerm, draft.rejectHint] = [number, second ?? 0];
  if (name === 'commit')
    [draft.commitTerm, draft.commit] = second === undefined ? [0, number] : [number, second];
  if (name === 'state') {
    const confState = parseConfig(text.slice(text.indexOf('voters(')));
    draft.snapshot = { term: number, index: second ?? 0, confState, data: bytesOf('[]') };
  }
}
