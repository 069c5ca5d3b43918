// Who a member is: a name people can say and a number that grows with every start.

import type { Random } from '../base/capabilities.ts';
import type { SocketAddress } from '../base/ids.ts';

const MANNERS =
  'amber brave brisk calm clear crisp early easy fair fine fond frank glad grand keen kind ' +
  'late light lively loyal mild neat noble plain proud quick quiet ready sharp still warm wise';
const CREATURES =
  'badger beaver bison crane curlew dipper falcon finch fox gannet hare heron ibex jackdaw kite ' +
  'lark linnet lynx marten merlin newt otter owl plover raven robin shrike stork swift tern vole ' +
  'wren yak';

/** `server:<address>-<two words>`: says where the member is; the words tell restarts apart. */
export function defaultNodeId(advertised: SocketAddress, random: Random): string {
  return `server:${advertised}-${pick(MANNERS, random)}-${pick(CREATURES, random)}`;
}

function pick(words: string, random: Random): string {
  const list = words.split(' ');
  return list[random.below(list.length)] as string;
}

/**
 * The generation of a member that starts now. Two runs of one node id must differ, and the later
 * run must have the higher number, or peers go on holding the dead run's state against it.
 *
 * Milliseconds rather than seconds: a supervisor restarts a crashed member well within a second.
 * Milliseconds rather than nanoseconds: they stay below 2^53, so that every JSON reader sees the
 * exact number. A wall clock set back between two runs breaks the order; the member then looks
 * like one more dead run until its predecessor is forgotten, and nothing is lost.
 */
export function generationAt(wallMs: number): bigint {
  return BigInt(Math.max(1, Math.trunc(wallMs)));
}
