// Mistakes in what the store keeps: shards' states, sessions, snapshots, and the store itself.

import type { HostMutant } from './mutant.ts';

export const STATE_MUTANTS: readonly HostMutant[] = [
  {
    name: 'half-of-an-entry',
    file: 'replica/state/runner.ts',
    find: '    const count = knowsSeveral(this.#record.editions) ? countSeveral(payload) : 0;\n',
    replace:
      '    let count = knowsSeveral(this.#record.editions) ? countSeveral(payload) : 0;\n' +
      '    if (results === undefined) count = Math.ceil(count / 2);\n',
    stands: 'followers carry out half of an entry',
    known: { seed: 1 },
  },
  {
    name: 'position-of-use-not-stored',
    file: 'replica/state/sessions.ts',
    find: 'a.lastIndex - b.lastIndex || a.lastPosition - b.lastPosition',
    replace: 'a.lastIndex - b.lastIndex',
    stands: 'a restored replica ends another session than the others',
    known: { tests: 'src/replica/state/several' },
  },
  {
    name: 'ordinal-not-stored',
    file: 'replica/state/shard-record.ts',
    find: '    if (this.ordinal !== this.#storedOrdinal) {',
    replace: '    if (this.ordinal !== this.#storedOrdinal && this.ordinal < 0) {',
    stands: 'after a restart a version comes back that was given before',
    known: { seed: 1 },
  },
  {
    name: 'image-not-synced',
    file: 'engine/store/image.ts',
    find: '  await file.sync();\n',
    replace: '',
    stands: 'the new image takes the name of the old one before it is on the disk',
    known: { seed: 1 },
  },
  {
    name: 'rename-not-synced',
    file: 'engine/store/image.ts',
    find: '  await disk.syncDirectory(directory);\n}',
    replace: '}',
    stands: 'the old image comes back, and the log behind it is gone',
    known: { seed: 2 },
  },
  {
    name: 'image-name-not-synced-at-start',
    file: 'engine/store/image.ts',
    find: '    await disk.syncDirectory(directory);\n    const names',
    replace: '    const names',
    stands: 'the log is cut for an image that a killed process named, and the power takes the name',
    known: { seed: 4, scenario: { only: ['twoLives'] } },
  },
  {
    name: 'store-durable-too-early',
    file: 'engine/store/memory-store.ts',
    find: 'await writeImage(',
    replace: 'void writeImage(',
    stands: 'the store calls durable what it only began to write',
    known: { seed: 1 },
  },
  {
    name: 'log-cut-beyond-durable-state',
    file: 'replica/state/durable-marks.ts',
    find: '(this.#batches[done] as number) <= durableBatch',
    replace: '(this.#batches[done] as number) <= Infinity * (durableBatch + 1)',
    stands: 'entries are let go of that the store holds in memory only',
    known: { seed: 8 },
  },
  {
    name: 'record-behind-its-state',
    file: 'replica/state/replica-state.ts',
    find:
      '    this.#applied = to;\n' +
      '    this.#store.put(this.#metaKey, encodeMeta(this.#generation, to, this.#conf));',
    replace:
      '    this.#store.put(this.#metaKey, ' +
      'encodeMeta(this.#generation, this.#applied, this.#conf));\n    this.#applied = to;',
    stands: 'the record says less than was applied: after a restart commands take effect twice',
    known: { seed: 1 },
  },
  {
    name: 'config-not-in-record',
    file: 'replica/state/replica-state.ts',
    find: '    this.#conf = confBytes(confState);\n',
    replace: '',
    stands: 'after a restart a member counts votes of a config of the past',
    known: { seed: 1 },
  },
  {
    name: 'config-of-snapshot-dropped',
    file: 'replica/state/replica-state.ts',
    find: '    this.#conf = confBytes(snapshot.confState);\n',
    replace: '',
    stands: 'whoever got a snapshot and is restarted knows a config of the past',
    known: { seed: 14 },
  },
  {
    name: 'old-sessions-after-install',
    file: 'replica/state/replica-state.ts',
    find: '    this.#runner = this.#newRunner();\n    this.#parts.feed',
    replace: '    this.#parts.feed',
    stands: 'commands go on changing the state that the snapshot replaced',
    known: { seed: 1 },
  },
  {
    name: 'sessions-lost-in-snapshot',
    file: 'replica/state/incoming-state.ts',
    find: 'this.#store.put(joinBytes(this.#prefix, key), value.slice());',
    replace: 'if (key[0] !== 0) this.#store.put(joinBytes(this.#prefix, key), value.slice());',
    stands: 'a member that got a snapshot forgot who did what, and answers differently',
    known: { seed: 1 },
  },
  {
    name: 'repeated-command-carried-out',
    file: 'replica/state/sessions.ts',
    find: '    session.sequence = sequence;\n',
    replace: '',
    stands: 'a command that is sent again takes effect again',
    known: { seed: 9 },
  },
  {
    name: 'expired-session-accepted',
    file: 'replica/state/runner.ts',
    find:
      'if (session === undefined) return this.#end(STATUS.expired);\n' +
      '    sessions.touch(session, index, position);',
    replace:
      'if (session === undefined) {\n' +
      '      const body = bytes.subarray(from + SESSION_HEADER_BYTES, end);\n' +
      '      return this.#carryOut(index, timeMs, body);\n' +
      '    }\n    sessions.touch(session, index, position);',
    stands: 'a command of a forgotten session is carried out, perhaps for the second time',
    known: { seed: 86 },
  },
  {
    name: 'generation-used-again',
    file: 'replica/state/garbage.ts',
    find: 'return newest + 1;',
    replace: 'return present + 1;',
    stands: 'a state is staged where the rest of another one is being removed',
    known: { tests: 'src/replica/state/state.test' },
  },
  {
    name: 'install-not-finished',
    file: 'replica/host/opening.ts',
    find: "if (data.finishInstall(log.snapshot()) === 'missing') {",
    replace: 'if (log.base.index > 2 ** 52) {',
    stands: 'a crash between log and store leaves the old state behind the new log',
    known: { seed: 8 },
  },
  {
    name: 'state-installed-before-durable',
    file: 'replica/snapshots/incoming.ts',
    find: 'const isDurable = await this.#parts.store.flush();',
    replace: 'const isDurable = true;',
    stands: 'the log names a state that a power failure takes away',
    known: { seed: 8 },
  },
  {
    name: 'snapshot-older-than-config',
    file: 'replica/host/replica-log.ts',
    find: 'Math.max(this.wal.firstIndex() - 1, this.configIndex)',
    replace: '(this.wal.firstIndex() - 1)',
    stands: 'a new member is sent a state whose config does not know it',
    known: { tests: 'src/replica/host/replica-log' },
  },
  {
    name: 'order-of-sessions-lost',
    file: 'replica/state/sessions.ts',
    find:
      '    found.sort((a, b) => ' +
      'a.lastIndex - b.lastIndex || a.lastPosition - b.lastPosition);\n',
    replace: '',
    stands: 'a member that was restarted ends other sessions than the others',
    known: { seed: 11 },
  },
  {
    name: 'ended-sessions-stay',
    file: 'replica/state/sessions.ts',
    find: '    for (const client of this.#removed) store.delete(this.#keyOf(client));\n',
    replace: '',
    stands: 'sessions that were over are back after a restart',
    known: { seed: 1, scenario: { only: ['sessions', 'kill'] } },
  },
  {
    name: 'raised-without-asking',
    file: 'replica/host/leader-duties.ts',
    find: 'return theirs !== undefined && canCarryOut(theirs, wanted);',
    replace: 'return theirs === undefined || canCarryOut(theirs, wanted);',
    stands: 'a shard is raised while a member of the version before is away',
    known: { seed: 66 },
  },
];
