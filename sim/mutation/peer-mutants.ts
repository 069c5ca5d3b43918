// Mistakes between members, and between members and clients.

import type { HostMutant } from './mutant.ts';

export const PEER_MUTANTS: readonly HostMutant[] = [
  {
    name: 'incarnation-not-checked',
    file: 'replica/state/peer-memory.ts',
    find: '} else if (bigOf(remembered) !== incarnation) {',
    replace: '} else if (bigOf(remembered) === incarnation - 1n) {',
    stands: 'a member that lost its disk, and its votes with it, is taken for the old one',
    known: { seed: 2, scenario: { only: ['wipe'] } },
  },
  {
    name: 'cluster-not-checked',
    file: 'engine/transport/peer/peers.ts',
    find: "if (clusterId !== own.clusterId && !(member === 0 && clusterId === '')) {",
    replace: "if (clusterId === own.clusterId && clusterId === '') {",
    stands: 'two clusters that were told of each other by mistake write into each other',
    known: { tests: 'src/engine/transport/peer/transcripts' },
  },
  {
    name: 'frame-not-checked',
    file: 'engine/transport/peer/frame.ts',
    find: "if (crc32c(bytes, 0, at + 4, end) !== u32At(bytes, at)) return 'checksum';",
    replace: '',
    stands: 'a bit that flips on its way changes an entry',
    known: { tests: 'src/engine/transport/peer/frame' },
  },
  {
    name: 'one-heartbeat-for-all',
    file: 'replica/codec/outbox.ts',
    find: 'if (message.entries.length === 0) {',
    replace:
      "if (message.kind === 'heartbeat' && writer.length > 0) return;\n" +
      '    if (message.entries.length === 0) {',
    stands: 'of many shards in one frame only the first hears its leader',
    known: { tests: 'src/replica/codec/outbox' },
  },
  {
    name: 'unsent-append-not-told',
    file: 'replica/codec/outbox.ts',
    find: 'for (const shard of appends) this.#handler.onUnsent(shard, frame.member);',
    replace: '',
    stands: 'the core takes for sent what the connection had no room for',
    known: { tests: 'src/replica/codec/outbox' },
  },
  {
    name: 'block-of-another-log',
    file: 'replica/codec/outbox.ts',
    find: 'if (first !== this.#first || last !== this.#last) {',
    replace: 'if (first.index !== this.#first?.index || last.index !== this.#last?.index) {',
    stands: 'entries of one shard are sent as those of another that stand at the same places',
    known: { seed: 30 },
  },
  {
    name: 'passed-on-though-decided',
    file: 'replica/requests/write-batch.ts',
    find: 'if (this.#leaderElsewhere(outcome) !== 0) places.push(place);',
    replace: 'places.push(place);',
    stands: 'a command that had its effect here goes to the next leader as well',
    known: { tests: 'src/replica/requests/server' },
  },
  {
    name: 'timeout-called-refusal',
    file: 'replica/requests/outcomes.ts',
    find:
      "return { kind: 'unknown', reason: outcome.reason === 'timeout' " +
      "? 'timeout' : 'connectionLost' };",
    replace: "return refused('noLeader');",
    stands: 'what was not answered in time counts as never done, and is done again',
    known: { seed: 2 },
  },
  {
    name: 'doubt-forgotten',
    file: 'replica/requests/shard-client.ts',
    find: "const isMistaken = outcome.kind === 'refused' && waiting.isDoubtful;",
    replace: 'const isMistaken = false;',
    stands: 'a command whose first attempt was lost is called refused for its last one',
    known: { seed: 2 },
  },
  {
    name: 'unknown-asked-again',
    file: 'replica/requests/shard-client.ts',
    find: 'const isWorthwhile = isUnknown ? waiting.isRepeatable : !LASTING.has(outcome.reason);',
    replace:
      "const isWorthwhile = outcome.kind === 'unknown' ? true : !LASTING.has(outcome.reason);",
    stands: 'a command without a session is sent again though it may have had its effect',
    known: { tests: 'src/replica/requests/shard-client' },
  },
  {
    name: 'snapshot-sum-not-checked',
    file: 'replica/snapshots/incoming.ts',
    find: 'this.#isEndSeen = isSameSum(chunk.totals, progress);',
    replace: 'this.#isEndSeen = isSameSum(progress, progress);',
    stands: 'a state that lacks a part, or has one twice, is installed',
    known: { tests: 'src/replica/snapshots/snapshots' },
  },
  {
    name: 'repeated-expiry-called-refusal',
    file: 'replica/requests/session.ts',
    find: "kind: isRepeated ? 'unknown' : 'refused', reason: 'sessionExpired'",
    replace: "kind: 'refused', reason: 'sessionExpired'",
    stands: 'a command counts as refused that an earlier attempt had carried out',
    known: { seed: 1 },
  },
  {
    name: 'asks-the-same-again',
    file: 'replica/requests/leader-hint.ts',
    find: '    this.#turn += 1;\n',
    replace: '',
    stands: 'a client asks the same member for ever, however dead it is',
    known: { seed: 6 },
  },
];
