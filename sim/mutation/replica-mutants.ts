// Mistakes in what binds the core to the log, the state, the peers and the clients.

import type { HostMutant } from './mutant.ts';

export const REPLICA_MUTANTS: readonly HostMutant[] = [
  // --- answers ----------------------------------------------------------------------------------
  {
    name: 'doubt-called-refusal',
    file: 'replica/host/proposals.ts',
    find: 'this.#answers.doubtWrite(batch.dones[batch.next - first] as WriteDone, reason);',
    replace:
      "this.#answers.refuseWrite(batch.dones[batch.next - first] as WriteDone, 'replaced', 0);",
    stands: 'whoever hears that a command has no effect gives another one, and both take effect',
    known: { seed: 45 },
  },
  {
    name: 'replaced-called-applied',
    file: 'replica/host/proposals.ts',
    find: "if (batch.term !== term) answers.refuseWrite(done, 'replaced', 0);\n  else if",
    replace: 'if',
    stands: 'the effect of another command at the same place is taken for one of this',
    known: { seed: 70 },
  },
  {
    name: 'results-mixed-up',
    file: 'replica/state/shard-slice.ts',
    find: 'sink.onResult(entries[i] as Entry, this.#results[i] as Uint8Array);',
    replace:
      'sink.onResult(entries[i] as Entry, this.#results[entries.length - 1 - i] as Uint8Array);',
    stands: 'who asked gets the result of another who asked in the same turn',
    known: { seed: 1 },
  },
  {
    name: 'orphans-never-answered',
    file: 'replica/host/proposals.ts',
    find: "if (batch.givesUpMs <= nowMs) this.#doubt(batch, batch.last, 'leaderChanged');",
    replace: '',
    stands: 'callers of a leader of the past wait for ever',
    known: { tests: 'src/replica/host/proposals' },
  },
  {
    name: 'stop-answers-nobody',
    file: 'replica/host/replica.ts',
    find: '    this.proposals.stop();\n',
    replace: '',
    stands: 'a member that stops leaves its callers without an answer',
    known: { tests: 'src/replica/host/faults' },
  },
  {
    name: 'admission-never-released',
    file: 'replica/host/admission.ts',
    find: '    this.#member.count -= count;\n',
    replace: '',
    stands: 'after enough writes the member is full for ever',
    known: { tests: 'src/replica/host/proposals' },
  },
  {
    name: 'full-disk-takes-proposals',
    file: 'replica/host/loop.ts',
    find: "if (!this.wal.hasRoom) return 'diskFull';",
    replace: '',
    stands: 'the reserve that votes and purges live on is eaten by proposals',
    known: { tests: 'src/replica/host/faults' },
  },
  {
    name: 'sick-leader-stays',
    file: 'replica/host/disk-watch.ts',
    find: 'if (waitedMs < sickDiskMs) {',
    replace: 'if (waitedMs >= 0) {',
    stands: 'a leader whose disk hangs holds up its shards while its heartbeats keep it in office',
    known: { tests: 'src/replica/host/faults' },
  },
  {
    name: 'hands-over-to-the-full',
    file: 'replica/host/room-watch.ts',
    find: 'return sinceMs === undefined || nowMs - sinceMs >= SETTLED_MS;',
    replace: 'return sinceMs === undefined || sinceMs > 0;',
    stands: 'members whose disks are all full pass leadership to and fro for ever',
    known: { tests: 'src/replica/host/faults' },
  },
  // --- reads ------------------------------------------------------------------------------------
  {
    name: 'strong-read-not-confirmed',
    file: 'replica/host/replica.ts',
    find: 'const refusal = this.reads.add(level, question, done, nowMs);',
    replace: "const refusal = this.reads.add('local', question, done, nowMs);",
    stands: 'every member answers from its own state, however old that is',
    known: { seed: 1 },
  },
  {
    name: 'read-before-applied',
    file: 'replica/host/reads.ts',
    find:
      '...known.filter(({ index }) => index <= applied),\n    ];\n    this.#local = [];\n' +
      '    this.#known = known.filter(({ index }) => index > applied);',
    replace: '...known,\n    ];\n    this.#local = [];\n    this.#known = [];',
    stands: 'a read is answered before the state has reached the index it was told',
    known: { seed: 3 },
  },
  {
    name: 'lease-not-put-again',
    file: 'replica/host/reads.ts',
    find: "if (group.level === 'lease' && !isTimeKnown) {",
    replace: "if (group.level === 'local' && !isTimeKnown) {",
    stands: 'a process that was stopped in mid-turn answers by a lease that ended meanwhile',
    known: { tests: 'src/replica/host/reads' },
  },
  {
    name: 'missed-ticks-forgotten',
    file: 'replica/host/ticker.ts',
    find: 'this.#steps = Math.max(this.#steps, due - this.#stepsMax);',
    replace: 'this.#steps = due - 1;',
    stands: 'a leader that was stopped believes in a lease that others have seen end',
    known: { seed: 22 },
  },
  // --- the core's contract ----------------------------------------------------------------------
  {
    name: 'commit-beyond-log',
    file: 'replica/host/replica-log.ts',
    find: 'Math.min(hardState.commit, this.wal.lastIndex())',
    replace: 'hardState.commit',
    stands: 'after a power failure the commit index names entries that are not there',
    known: { tests: 'src/replica/host/replica-log' },
  },
  {
    name: 'campaigns-with-holes',
    file: 'replica/host/replica.ts',
    find: 'if (this.hasHoles) this.core.setElectionTimeout(NEVER_TICKS);',
    replace: '',
    stands: 'whoever lacks entries leads, and cannot serve those who follow',
    known: { tests: 'src/replica/host/members' },
  },
  {
    name: 'leads-on-with-a-hole',
    file: 'replica/host/forsaken.ts',
    find: 'if (nowMs >= this.#transferUntilMs) replica.isSilent = true;',
    replace: '',
    stands: 'a leader that lost what nobody else has keeps others from leading, for ever',
    known: { tests: 'src/replica/host/holes' },
  },
  {
    name: 'lost-entries-never-covered',
    file: 'replica/host/repair.ts',
    find: 'if (covered.length === 0 || this.#sending.has(key)) return;',
    replace: 'if (covered.length >= 0 || this.#sending.has(key)) return;',
    stands: 'a follower waits for ever for entries that everybody has let go of',
    known: { tests: 'src/replica/host/holes' },
  },
  // --- quiet shards -----------------------------------------------------------------------------
  {
    name: 'quiet-leader-keeps-lease',
    file: 'replica/host/quiet.ts',
    find: 'const missed = Math.min(settings.electionTicks, Math.ceil(sleptTicks) + 1);',
    replace: 'const missed = 0 * sleptTicks;',
    stands: 'a leader that slept answers by a lease while another one leads',
    known: { tests: 'src/replica/host/quiet' },
  },
  {
    name: 'quiet-shard-never-wakes',
    file: 'replica/host/quiet.ts',
    find: 'let left = this.#home.settings.wakesMax;',
    replace: 'let left = 0;',
    stands: 'a quiet shard whose leader died has none until somebody asks for it',
    known: { tests: 'src/replica/host/quiet' },
  },
];
