// A group under random faults: what may happen is drawn from a seed, the invariants are checked
// after every step. A failure names its seed; `explore(seed)` repeats it.

import { Prng } from '../../../base/prng.ts';
import type { Message, NodeId } from '../types.ts';
import { Network } from './network.support.ts';
import type { Options } from './replica.support.ts';
import { bytesOf, parseChange } from './wording.support.ts';

interface Explored {
  readonly net: Network;
  /** Every message that was sent. */
  readonly trace: readonly string[];
  readonly crashes: number;
  readonly changes: number;
}

const VARIANTS: readonly Options[] = [
  {},
  { preVote: false, checkQuorum: false },
  { asyncStorageWrites: true },
  { asyncStorageWrites: true, inflightMessagesMax: 2, appendBytesMax: 20, applyBytesMax: 20 },
  { reads: 'lease', preVote: false },
];

const CHANGES = [
  'v4',
  'l4',
  'r4',
  'v5',
  'r5',
  'r1',
  'v1',
  'r2 v4',
  'v2 r4 explicit',
  'leave',
  'l3',
];

/** The seed also decides which variant of the settings is explored. */
export function explore(seed: number, steps: number): Explored {
  const random = Prng.from(seed, 'exploration');
  const variant = VARIANTS[seed % VARIANTS.length] as Options;
  const options = { ...variant, electionTicks: 6 };
  const net = new Network({
    voters: [1, 2, 3],
    options,
    optionsOf: Object.fromEntries(
      [1, 2, 3, 4, 5].map((id) => [id, { random: Prng.from(seed, `${id}`) }]),
    ),
  });
  net.add(4);
  net.add(5);
  // In every other group time passes quickly: many leaders, fewer writes.
  const isRestless = seed % 2 === 1;
  const explored = { crashes: 0, changes: 0, proposals: 0, isRestless };
  for (let i = 0; i < steps; i++) {
    try {
      takeStep(net, random, explored);
    } catch (cause) {
      throw new Error(`seed ${seed}, step ${i}: ${(cause as Error).message}`, { cause });
    }
  }
  return { net, trace: net.sent, crashes: explored.crashes, changes: explored.changes };
}

function takeStep(
  net: Network,
  random: Prng,
  counts: { crashes: number; changes: number; proposals: number; isRestless: boolean },
): void {
  const id = net.ids[random.below(net.ids.length)] as NodeId;
  const chance = random.below(1000);
  if (!net.at(id).isUp) {
    if (chance < 50) net.restart(id);
  } else if (chance < 440) deliverSome(net, random);
  else if (chance < (counts.isRestless ? 640 : 790)) workOne(net, id);
  else if (chance < 860) net.tick(id);
  else if (chance < 920) {
    counts.proposals += 1;
    net.at(id).core.propose([bytesOf(`p${counts.proposals}`)]);
  } else if (chance < 945) net.askRead(id);
  else if (chance < 965) {
    const change = parseChange(CHANGES[random.below(CHANGES.length)] as string);
    if (net.at(id).core.proposeConfChange(change).kind === 'accepted') counts.changes += 1;
  } else if (chance < 970) net.at(id).core.transferLeader(1 + random.below(5));
  else if (chance < 980) net.at(id).compact();
  else if (chance < 983) net.isolate(id);
  else if (chance < 995) net.heal();
  else if (net.running.length > 2) {
    counts.crashes += 1;
    net.crash(id);
  }
}

/** One message, from anywhere in the queue; now and then it is lost, or comes once more later. */
function deliverSome(net: Network, random: Prng): void {
  if (net.queue.length === 0) return;
  const at = random.below(Math.min(net.queue.length, 8));
  const [message] = net.queue.splice(at, 1) as [Message];
  const fate = random.below(20);
  if (fate === 0) {
    net.lose(message);
    return;
  }
  if (fate === 1) net.queue.push(message);
  net.deliver(message);
}

function workOne(net: Network, id: NodeId): void {
  const replica = net.at(id);
  if (replica.workOnce()) net.invariants.check(net);
}

/** The faults end; a group that works elects a leader and agrees. */
export function recover(net: Network): void {
  net.heal();
  for (const id of net.ids) if (!net.at(id).isUp) net.restart(id);
  net.settle();
  for (let i = 0; i < 200 && !isAgreed(net); i++) net.tickAll(1);
}

/** Everyone whom the leader knows has the same log and applied all of it. */
export function isAgreed(net: Network): boolean {
  const leader = net.leaders.length === 1 ? net.at(net.leaders[0] as NodeId) : undefined;
  if (leader === undefined) return false;
  const { applied, commit, lastIndex, term } = leader.core.basicStatus();
  if (commit !== lastIndex || applied !== commit) return false;
  return leader.core.status().peers.every(({ id }) => {
    const status = net.at(id).core.basicStatus();
    return status.term === term && status.applied === applied;
  });
}
