// One line per event of a run, for people. Every column has its place.

import type { Message } from '../../src/core/raft/index.ts';
import { TICK } from './scenario.ts';
import type { SimEvent } from './timeline.ts';
import type { World } from './world.ts';

export const LEGEND = `\
   tick  when, in ticks of a clock that is right
   who   the replica (or client c0, c1 ...) that the event is for
   role  F follower  P pre-candidate  C candidate  L leader  - down  z paused, after the event
   term  its term
   log   applied/committed/last
   event tick, deliver KIND FROM>TO term=message's term log=term/index commit=.. entries=first-last,
         diskDone (a write became durable), applyDone, fetchDone, poll (a late Ready), report (of a
         lost message), restart, resume, client, timeout, operator, fault
`;

const ROLES = { follower: 'F', preCandidate: 'P', candidate: 'C', leader: 'L' } as const;

export function narrate(event: SimEvent, world: World, note: string): string {
  const tick = (world.timeline.now / TICK).toFixed(2).padStart(8);
  const what = event.message === undefined ? event.kind : `deliver ${describe(event.message)}`;
  const text = note === '' ? what : `${what}: ${note}`;
  const isForReplica = event.kind !== 'client' && event.kind !== 'timeout';
  if (!isForReplica) return `${tick}  c${event.who}                        ${text}`;
  const replica = world.replicas[event.who - 1];
  if (replica === undefined || event.kind === 'operator' || event.kind === 'fault') {
    return `${tick}  --                        ${text}`;
  }
  const { applied, commit, lastIndex, role, term } = replica.status();
  const mark = replica.isUp ? (replica.isPaused ? 'z' : ROLES[role]) : '-';
  const log = `${applied}/${commit}/${lastIndex}`.padEnd(14);
  const who = `${String(event.who).padEnd(2)} ${mark} ${String(term).padStart(4)}`;
  return `${tick}  ${who}  ${log} ${text}`;
}

function describe(message: Message): string {
  const { commit, entries, from, index, kind, logTerm, reject, snapshot, term, to } = message;
  const parts = [`${kind} ${from}>${to} term=${term} log=${logTerm}/${index}`];
  if (commit > 0) parts.push(`commit=${commit}`);
  const first = entries[0];
  if (first !== undefined) parts.push(`entries=${first.index}-${first.index + entries.length - 1}`);
  if (reject) parts.push(`reject hint=${message.rejectHint}`);
  if (message.context > 0) parts.push(`context=${message.context}`);
  if (snapshot !== undefined) parts.push(`snapshot=${snapshot.term}/${snapshot.index}`);
  return parts.join(' ');
}
