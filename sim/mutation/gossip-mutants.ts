// Mistakes in gossip: keys, deletions, and who is alive.

import type { HostMutant } from './mutant.ts';

export const GOSSIP_MUTANTS: readonly HostMutant[] = [
  {
    name: 'deletion-without-rival',
    file: 'core/gossip/own-keys.ts',
    find: "this.#store(key, '', 'deleted', this.#findRival(key), 'silent')",
    replace: "this.#store(key, '', 'deleted', undefined, 'silent')",
    stands: 'a deletion by a clock that is behind deletes nothing',
    known: { seed: 1 },
  },
  {
    name: 'reset-keeps-entries',
    file: 'core/gossip/delta-apply.ts',
    find: '    state.table.clear();\n    columns.heartbeat[state.slot] = 0;',
    replace: '    columns.heartbeat[state.slot] = 0;',
    stands: 'what was purged elsewhere stays at the member that missed the tombstone',
    known: { seed: 9 },
  },
  {
    name: 'follower-takes-rank',
    file: 'core/gossip/own-keys.ts',
    find: "this.#store(key, String(rank), 'deleted', undefined, 'silent')",
    replace: "this.#store(key, '', 'deleted', undefined, 'silent')",
    stands: 'following an old deletion deletes what was written since',
    known: { seed: 20 },
  },
  {
    name: 'set-below-rival',
    file: 'core/gossip/own-keys.ts',
    find: '(rival?.rank ?? 0) + 1, clock.present',
    replace: 'clock.present',
    stands: 'a write by a clock that is behind changes nothing',
    known: { seed: 1, scenario: { only: ['gossip', 'clocksApart', 'jump', 'drift'] } },
  },
  {
    name: 'purged-come-back',
    file: 'core/gossip/purged-memory.ts',
    find: '    if (this.#heartbeats.size === 0) return undefined;\n    const',
    replace: '    if (this.#heartbeats.size >= 0) return undefined;\n    const',
    stands: 'members tell one another of the dead for ever',
    known: {
      seed: 1,
      scenario: {
        only: ['gossip', 'datagrams', 'address', 'kill', 'delay', 'isolate', 'halves', 'loss'],
      },
    },
  },
];
