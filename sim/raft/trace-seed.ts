// A hash over everything that happens in a run, to tell whether two runs are the same.

import { Trace } from '../trace.ts';
import { type RunResult, runSeed } from './run.ts';
import type { SimEvent } from './timeline.ts';
import type { World } from './world.ts';

export interface TracedRun extends RunResult {
  readonly hash: string;
}

export function traceSeed(seed: number): TracedRun {
  const trace = new Trace();
  const result = runSeed(seed, (event, world) => {
    trace.note(world.timeline.now, event.kind.length, event.who, fingerprint(event, world));
  });
  return { ...result, hash: trace.hash };
}

/** What the event was and what became of the replica it was for. */
function fingerprint({ detail, message, who }: SimEvent, world: World): number {
  let word = detail;
  if (message !== undefined) {
    const { commit, entries, from, index, kind, logTerm, reject, term } = message;
    word = mix(word, kind.length * 64 + from);
    word = mix(mix(word, term), index);
    word = mix(mix(word, logTerm), commit);
    word = mix(word, entries.length * 2 + (reject ? 1 : 0));
  }
  const replica = world.replicas[who - 1];
  if (replica === undefined) return word;
  const { applied, commit, lastIndex, role, term, vote } = replica.status();
  word = mix(mix(mix(word, applied), commit), lastIndex);
  return mix(mix(mix(word, term), vote), role.length);
}

function mix(word: number, more: number): number {
  return Math.imul(word ^ more, 0x01000193) ^ (word >>> 15);
}
