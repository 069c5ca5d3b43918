// How many entries a second three replicas commit in memory, on one thread: what the core costs
// without disk and network. `node src/core/raft/raft.bench.ts [entries]`

import { Prng } from '../../base/prng.ts';
import { RaftCore } from './core.ts';
import { MemoryLog } from './memory-log.ts';
import { APPEND_THREAD, APPLY_THREAD, type Message } from './types.ts';

const VOTERS = [1, 2, 3];
/** What a host would do now and then; here it keeps the logs small. */
const COMPACT_EVERY = 50_000;

interface Replica {
  readonly core: RaftCore;
  readonly log: MemoryLog;
  applied: number;
}

function makeReplica(id: number, asyncStorageWrites: boolean): Replica {
  const log = new MemoryLog();
  const confState = {
    voters: VOTERS,
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
  log.applySnapshot({ index: 1, term: 1, confState, data: new Uint8Array(0) });
  const random = Prng.from(id, 'bench');
  const ticks = { electionTicks: 10, heartbeatTicks: 1, appliedIndex: 1 };
  return { core: new RaftCore({ id, log, random, ...ticks, asyncStorageWrites }), log, applied: 1 };
}

class Group {
  readonly replicas: readonly Replica[];
  readonly #isAsync: boolean;
  #inFlight: Message[] = [];

  constructor(asyncStorageWrites: boolean) {
    this.#isAsync = asyncStorageWrites;
    this.replicas = VOTERS.map((id) => makeReplica(id, asyncStorageWrites));
    this.leader.core.campaign();
    this.settle();
  }

  get leader(): Replica {
    return this.replicas[0] as Replica;
  }

  settle(): void {
    for (;;) {
      for (const replica of this.replicas) while (replica.core.hasReady()) this.#work(replica);
      if (this.#inFlight.length === 0) return;
      const arriving = this.#inFlight;
      this.#inFlight = [];
      for (const message of arriving) this.#deliver(message);
    }
  }

  #deliver(message: Message): void {
    (this.replicas[message.to - 1] as Replica).core.step(message);
  }

  #work(replica: Replica): void {
    const { core, log } = replica;
    const ready = core.ready();
    if (ready.hardState !== undefined) log.setHardState(ready.hardState);
    log.append(ready.entries);
    for (const message of ready.messages) {
      if (message.to === APPEND_THREAD || message.to === APPLY_THREAD) {
        for (const response of message.responses) this.#deliver(response);
      } else this.#inFlight.push(message);
    }
    replica.applied += ready.committedEntries.length;
    if (replica.applied - log.firstIndex() > COMPACT_EVERY) log.compact(replica.applied - 100);
    if (!this.#isAsync) core.advance();
  }
}

/** Per second of processor time, so that other work on the machine does not show. */
function measure(title: string, entries: number, batch: number, asyncStorageWrites: boolean): void {
  const group = new Group(asyncStorageWrites);
  const payloads = Array.from({ length: batch }, () => new Uint8Array(16));
  const before = process.cpuUsage();
  for (let proposed = 0; proposed < entries; proposed += batch) {
    group.leader.core.propose(payloads);
    group.settle();
  }
  const { system, user } = process.cpuUsage(before);
  const rate = Math.round(group.leader.applied / ((user + system) / 1e6));
  process.stdout.write(`${title.padEnd(36)} ${rate.toLocaleString('en').padStart(10)} entries/s\n`);
}

const entries = Number(process.argv[2] ?? 300_000);
for (const round of ['warm-up', 'measured']) {
  process.stdout.write(`${round}\n`);
  for (const asyncStorageWrites of [false, true]) {
    const mode = asyncStorageWrites ? 'asynchronous writes' : 'advance';
    measure(`batches of 64, ${mode}`, entries * 4, 64, asyncStorageWrites);
    measure(`one by one, ${mode}`, entries, 1, asyncStorageWrites);
  }
}
