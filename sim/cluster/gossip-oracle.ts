// What must be true of gossip. While everything goes wrong: a process has its own keys as they were
// set there, but for those that somebody deleted. After healing: all believe that those live who
// run, and show the same keys. Who wins a key is computed here once more, from what each process
// says of its own keys, so that all being wrong alike is noticed as well.

import { must } from '../../src/base/assert.ts';
import type { MemberGossip } from '../../src/cluster/index.ts';
import type { GossipId, NodeEntry, NodeView } from '../../src/core/gossip/index.ts';
import type { ClusterCounters } from './counters.ts';
import type { Violate } from './reference.ts';

/** What the simulation uses of a member's gossip. */
type Members = MemberGossip['members'];
type ClusterView = ReturnType<Members['view']>;
export type GossipPort = Pick<Members, 'self' | 'view' | 'set' | 'delete' | 'winnersPage'>;

/** A process and its gossip. */
export interface GossipProcess {
  readonly name: string;
  readonly gossip: GossipPort;
}

const PAGE = 50;
/** Keys of members themselves. */
const OWN_PREFIX = 'parley.';

export class GossipOracle {
  /** What was written last at each process, by key; undefined: deleted. */
  readonly #written = new Map<GossipPort, Map<string, string | undefined>>();
  /** Keys that somebody deleted: whoever has a value may delete it, too. */
  readonly #deleted = new Set<string>();
  readonly #known = new Map<GossipPort, ReadonlySet<string>>();
  readonly #counters: ClusterCounters;
  readonly #violate: Violate;

  constructor(counters: ClusterCounters, violate: Violate) {
    this.#counters = counters;
    this.#violate = violate;
  }

  set({ gossip }: GossipProcess, key: string, value: string): void {
    gossip.set(key, value);
    this.#writtenAt(gossip).set(key, value);
    this.#counters.gossipSets += 1;
  }

  delete({ gossip }: GossipProcess, key: string): void {
    gossip.delete(key);
    this.#writtenAt(gossip).set(key, undefined);
    this.#deleted.add(key);
    this.#counters.gossipDeletes += 1;
  }

  #writtenAt(gossip: GossipPort): Map<string, string | undefined> {
    let written = this.#written.get(gossip);
    if (written === undefined) {
      written = new Map();
      this.#written.set(gossip, written);
    }
    return written;
  }

  /** All the time. */
  observe(processes: readonly GossipProcess[]): void {
    for (const process of processes) {
      const view = process.gossip.view();
      this.#checkOwn(process, view);
      this.#countForgotten(process.gossip, view);
    }
  }

  #checkOwn({ gossip, name }: GossipProcess, view: ClusterView): void {
    const own = selfOf(gossip, view);
    for (const [key, value] of this.#writtenAt(gossip)) {
      const found = own.get(key);
      if (found === value || (found === undefined && this.#deleted.has(key))) continue;
      const expected = value === undefined ? 'deleted' : `set to ${value.slice(0, 12)}`;
      this.#violate(`${name} has ${key} as ${found?.slice(0, 12)}, where it was ${expected}`);
    }
  }

  #countForgotten(gossip: GossipPort, { nodes }: ClusterView): void {
    const known = new Set(nodes.map(({ id }) => nameOf(id)));
    for (const name of this.#known.get(gossip) ?? []) {
      if (!known.has(name)) this.#counters.gossipForgotten += 1;
    }
    this.#known.set(gossip, known);
  }
}

/** What the processes do not agree on, in words; undefined if there is nothing. */
export function gossipDisagreement(processes: readonly GossipProcess[]): string | undefined {
  const running = processes.map(({ gossip }) => nameOf(gossip.self)).toSorted();
  const winners = winnersOf(processes);
  for (const { gossip, name } of processes) {
    const live = gossip.view().live.map(nameOf).toSorted();
    if (live.join() !== running.join()) {
      return `${name} takes ${live.join(' ')} for live, and those who run are ${running.join(' ')}`;
    }
    const shown = shownBy(gossip);
    for (const [key, value] of winners) {
      if (shown.get(key) !== value) return `${name} shows ${key} as ${short(shown.get(key))}`;
    }
    for (const [key, value] of shown) {
      if (!winners.has(key)) return `${name} shows ${key} as ${short(value)}, which nobody has`;
    }
  }
  return undefined;
}

/** A process that ended and is still known somewhere, in words. */
export function knownOfThePast(processes: readonly GossipProcess[]): string | undefined {
  const running = new Set(processes.map(({ gossip }) => nameOf(gossip.self)));
  for (const { gossip, name } of processes) {
    const past = gossip.view().nodes.find(({ id }) => !running.has(nameOf(id)));
    if (past !== undefined) return `${name} still knows ${nameOf(past.id)}, which is gone`;
  }
  return undefined;
}

/** Whether some process has keys of another one that are not those that one has, in words. */
export function wrongView(processes: readonly GossipProcess[]): string | undefined {
  for (const owner of processes) {
    const own = describeKeys(selfOf(owner.gossip, owner.gossip.view()));
    for (const { gossip, name } of processes) {
      const known = findNode(gossip.view(), owner.gossip.self);
      if (known === undefined) return `${name} does not know ${owner.name}`;
      const theirs = describeKeys(known);
      const wrong =
        [...own].find((each) => !theirs.has(each)) ?? [...theirs].find((each) => !own.has(each));
      if (wrong !== undefined) return `${name} has not of ${owner.name} what it has: ${wrong}`;
    }
  }
  return undefined;
}

/** Without marks for deletion, which everybody purges by a clock of its own. */
function describeKeys(node: NodeView): Set<string> {
  const kept = node.keyValues().filter(({ status }) => status === 'set');
  return new Set(kept.map(({ key, value, version }) => `${key}@${version}=${short(value)}`));
}

/** Every key that the process shows, in pages as readers get them. */
export function shownBy(gossip: GossipPort): Map<string, string> {
  const shown = new Map<string, string>();
  for (let after: string | undefined; ; ) {
    const page = gossip.winnersPage('', after, PAGE);
    if (page.length === 0) return shown;
    for (const { key, value } of page) {
      if (value !== undefined && !isOwn(key)) shown.set(key, value);
    }
    after = page.at(-1)?.key;
  }
}

interface Best {
  readonly rank: number;
  readonly value: string | undefined;
}

/** From what the processes say of themselves, and nothing else. */
function winnersOf(processes: readonly GossipProcess[]): Map<string, string> {
  const first = processes[0]?.gossip.view();
  const order = new Map(first?.nodes.map(({ id }, place) => [nameOf(id), place]));
  const place = ({ gossip }: GossipProcess): number => order.get(nameOf(gossip.self)) ?? -1;
  const bests = new Map<string, Best>();
  for (const { gossip } of processes.toSorted((a, b) => place(a) - place(b))) {
    const self = selfOf(gossip, gossip.view());
    const step = self.getVersioned('parley.outbid');
    for (const entry of self.entries()) {
      const rank = rankOf(entry, step);
      if (isOwn(entry.key) || rank < (bests.get(entry.key)?.rank ?? 0)) continue;
      bests.set(entry.key, { rank, value: entry.status === 'deleted' ? undefined : entry.value });
    }
  }
  const winners = new Map<string, string>();
  for (const [key, { value }] of bests) if (value !== undefined) winners.set(key, value);
  return winners;
}

/** As written beside the versions of a process that had to go beyond a lie [G43]. */
function rankOf({ status, value, version }: NodeEntry, step: NodeEntry | undefined): number {
  // A deletion that follows another one has the rank of that as its value.
  if (status === 'deleted' && value !== '') return Number(value);
  if (step?.status !== 'set' || version < step.version) return version;
  return version - step.version + Number(step.value);
}

function selfOf(gossip: GossipPort, view: ClusterView): NodeView {
  return must(findNode(view, gossip.self), 'a process knows itself');
}

function findNode({ nodes }: ClusterView, wanted: GossipId): NodeView | undefined {
  const name = nameOf(wanted);
  return nodes.find(({ id }) => nameOf(id) === name);
}

function nameOf({ address, generation, nodeId }: GossipId): string {
  return `${nodeId}/${generation}/${address}`;
}

function isOwn(key: string): boolean {
  return key.startsWith(OWN_PREFIX);
}

function short(value: string | undefined): string {
  return value === undefined ? 'not there' : `${value.slice(0, 12)} (${value.length})`;
}
