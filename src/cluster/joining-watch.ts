// Says in the log what keeps a member from being one of the cluster it means: no seed answers, or
// another live member has its name.

import type { Log } from '../base/capabilities.ts';
import type { SocketAddress } from '../base/ids.ts';
import type { GossipId, NodeView } from '../core/gossip/index.ts';

/** Seeds that start together with this member have this long. */
const SILENT_MS = 10_000;
const REMINDER_MS = 60_000;
/** A run that ended is still taken for live, and its last heartbeats are still on their way. */
const DOUBT_MS = 5_000;

interface Pair {
  readonly sinceMs: number;
  /** Of both, when the time for doubts was over. */
  heartbeats: readonly number[] | undefined;
  isTold: boolean;
}

export class JoiningWatch {
  readonly #log: Log;
  readonly #startedMs: number;
  #heard = false;
  #nextReminderMs: number;
  readonly #pairs = new Map<string, Pair>();

  constructor(log: Log, nowMs: number) {
    this.#log = log;
    this.#startedMs = nowMs;
    this.#nextReminderMs = nowMs + SILENT_MS;
  }

  /** A message of a member of this cluster arrived. */
  noteMessage(): void {
    this.#heard = true;
  }

  /** Once per round. `seeds` are those of other members. */
  observe(nowMs: number, seeds: readonly SocketAddress[], nodes: readonly NodeView[]): void {
    if (!this.#heard && seeds.length > 0 && nowMs >= this.#nextReminderMs) {
      this.#nextReminderMs = nowMs + REMINDER_MS;
      this.#log.warn('no seed answers', {
        seeds: seeds.join(' '),
        seconds: Math.round((nowMs - this.#startedMs) / 1_000),
        advice: 'Is a member running there, and is UDP let through in both directions?',
      });
    }
    this.#observeNames(nowMs, nodes);
  }

  #observeNames(nowMs: number, nodes: readonly NodeView[]): void {
    const byName = new Map<string, NodeView>();
    const present = new Set<string>();
    for (const node of nodes) {
      if (node.state !== 'live') continue;
      const other = byName.get(node.id.nodeId);
      byName.set(node.id.nodeId, node);
      // Two runs at one address follow each other: the address has room for one.
      if (other === undefined || other.id.address === node.id.address) continue;
      const name = `${describe(other.id)} ${describe(node.id)}`;
      present.add(name);
      this.#observePair(nowMs, name, other, node);
    }
    for (const name of this.#pairs.keys()) if (!present.has(name)) this.#pairs.delete(name);
  }

  #observePair(nowMs: number, name: string, one: NodeView, other: NodeView): void {
    const heartbeats = [one.heartbeat, other.heartbeat];
    const pair = this.#pairs.get(name);
    if (pair === undefined) {
      this.#pairs.set(name, { sinceMs: nowMs, heartbeats: undefined, isTold: false });
      return;
    }
    if (pair.isTold || nowMs < pair.sinceMs + DOUBT_MS) return;
    const before = pair.heartbeats;
    if (before === undefined) pair.heartbeats = heartbeats;
    else if (heartbeats.every((heartbeat, i) => heartbeat > (before[i] ?? 0))) {
      pair.isTold = true;
      this.#log.warn('two live members have the same node id', {
        member: one.id.nodeId,
        addresses: `${one.id.address} ${other.id.address}`,
        advice: 'Give each member a --node_id of its own.',
      });
    }
  }
}

function describe({ address, generation }: GossipId): string {
  return `${address}#${generation}`;
}
