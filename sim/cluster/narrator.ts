// One line per event of a run, for people. Every column has its place.

import { describeFields } from '../../src/engine/log/index.ts';
import type { World } from '../world.ts';
import type { Listener } from './cluster.ts';

export const LEGEND = `\
   time  when, in simulated milliseconds since the beginning
   who   a member (m1), a client (c1), or nobody in particular (--)
   what  fault    the plan strikes, or relents
         plan     an operator orders something, or hears of it
         up       a member's process is ready; refused: it does not start; stopped: it ended itself
         role     who leads a shard changed, as this member sees it
         ask      what a client asks and what it hears
         phase    the run goes on to its next part
         info ..  what a member logs; warn, error alike
         WRONG    what must never happen: the run ends here
         timer .. with --all: every single event, by what it is
`;

const LABELS = ['', 'timer', 'datagram', 'stream', 'done', 'action'];

/** Writes down what happens in `world` as it happens. */
export function narrator(print: (line: string) => void, isWhole: boolean) {
  let world: World | undefined;
  const line = (who: string, what: string, text: string): void => {
    const time = (world?.nowMs ?? 0).toFixed(3).padStart(12);
    print(`${time}  ${who.padEnd(4)} ${what.padEnd(8)} ${text}`.trimEnd());
  };
  const listener: Listener = line;
  return {
    listener,
    follow(followed: World): void {
      world = followed;
      followed.journal.onNote = ({ event, fields, level, who }) => {
        line(who, level, `${event}  ${describeFields(fields)}`);
      };
      if (!isWhole) return;
      followed.watch(({ fingerprint, label, owner }) => {
        const who = owner === undefined ? '--' : `#${owner.index}`;
        line(who, LABELS[label] ?? '', fingerprint === 0 ? '' : (fingerprint >>> 0).toString(16));
      });
    },
  };
}
