// One replica in an exploration: the real core, with a disk that works only when told to. Committed
// entries are applied at once.

import {
  APPEND_THREAD,
  APPLY_THREAD,
  type ConfChange,
  type ConfState,
  decodeConfChange,
  type Entry,
  type HardState,
  MemoryLog,
  type Message,
  type NodeId,
  RaftCore,
} from '../../../src/core/raft/index.ts';
import { describeMessage, describeState } from './fingerprint.ts';

export type Input =
  | { readonly kind: 'campaign' | 'disk' | 'propose' | 'change' | 'crash' | 'heartbeat' }
  | { readonly kind: 'deliver'; readonly message: Message };

const NO_RANDOM = { below: () => 0, u32: () => 0, unit: () => 0 };
const START: HardState = { term: 0, vote: 0, commit: 0 };

/** What invariants look at. */
export interface Facts {
  readonly term: number;
  readonly durableTerm: number;
  readonly durableVote: NodeId;
  readonly isLeader: boolean;
  readonly commit: number;
  readonly config: ConfState;
  /** Terms of the log, durable or not, from index 1; and of the durable log. */
  readonly terms: readonly number[];
  readonly durableTerms: readonly number[];
  readonly hasWrites: boolean;
}

export class Actor {
  readonly #id: NodeId;
  readonly #voters: readonly NodeId[];
  /** False: a write is durable before anything else happens. */
  readonly #isDiskLazy: boolean;
  readonly #log: MemoryLog;
  #hardState = START;
  #core: RaftCore;
  #writes: Message[] = [];
  #view: Entry[] = [];
  #sent: Message[] = [];

  constructor(id: NodeId, voters: readonly NodeId[], isDiskLazy: boolean) {
    this.#id = id;
    this.#isDiskLazy = isDiskLazy;
    this.#voters = voters;
    this.#log = new MemoryLog(this.#startConfig());
    this.#core = this.#boot();
  }

  #startConfig(): ConfState {
    const voters = this.#voters;
    return { voters, votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false };
  }

  #boot(): RaftCore {
    return new RaftCore({
      id: this.#id,
      log: this.#log,
      random: NO_RANDOM,
      electionTicks: 3,
      heartbeatTicks: 1,
      preVote: false,
      checkQuorum: false,
      forwardProposals: false,
      asyncStorageWrites: true,
    });
  }

  /** The messages that leave because of `input`. */
  input(input: Input): readonly Message[] {
    this.#sent = [];
    switch (input.kind) {
      case 'campaign':
        this.#core.campaign();
        break;
      case 'propose':
        this.#core.propose([Uint8Array.of(this.#id)]);
        break;
      case 'change':
        this.#core.proposeConfChange(removal(this.#voters.at(-1) ?? 0));
        break;
      case 'heartbeat':
        this.#core.tick();
        break;
      case 'disk':
        this.#performWrite();
        break;
      case 'crash':
        this.#crash();
        break;
      case 'deliver':
        this.#core.step(input.message);
        break;
    }
    this.#pump();
    while (!this.#isDiskLazy && this.#writes.length > 0) {
      this.#performWrite();
      this.#pump();
    }
    return this.#sent;
  }

  #performWrite(): void {
    const work = this.#writes.shift();
    if (work === undefined) return;
    this.#log.append(work.entries);
    if (work.term > 0) {
      const { commit, term, vote } = work;
      this.#hardState = { commit, term, vote };
      this.#log.setHardState(this.#hardState);
    }
    for (const response of work.responses) {
      if (response.to === this.#id) this.#core.step(response);
      else this.#sent.push(response);
    }
  }

  /** Everything that is not durable is lost; the machine starts over. */
  #crash(): void {
    this.#writes = [];
    const last = this.#log.lastIndex();
    const kept = last === 0 ? [] : this.#log.entries(1, last + 1, Number.POSITIVE_INFINITY);
    this.#view = typeof kept === 'string' ? [] : [...kept];
    this.#core = this.#boot();
  }

  #pump(): void {
    while (this.#core.hasReady()) {
      const ready = this.#core.ready();
      for (const entry of ready.entries) {
        this.#view.length = entry.index - 1;
        this.#view.push(entry);
      }
      for (const message of ready.messages) {
        if (message.to === APPEND_THREAD) this.#writes.push(message);
        else if (message.to === APPLY_THREAD) this.#apply(message);
        else this.#sent.push(message);
      }
    }
  }

  #apply({ entries, responses }: Message): void {
    for (const { kind, payload } of entries) {
      const change = decodeConfChange(kind, payload);
      if (change !== undefined) this.#core.applyConfChange(change);
    }
    for (const response of responses) this.#core.step(response);
  }

  facts(): Facts {
    const { commit, config, role, term } = this.#core.basicStatus();
    return {
      term,
      durableTerm: this.#hardState.term,
      durableVote: this.#hardState.vote,
      isLeader: role === 'leader',
      commit,
      config,
      terms: this.#view.map((entry) => entry.term),
      durableTerms: Array.from({ length: this.#log.lastIndex() }, (_, i) => {
        return this.#log.term(i + 1) as number;
      }),
      hasWrites: this.#writes.length > 0,
    };
  }

  /** Two actors with equal texts behave alike from now on. */
  describe(): string {
    const writes = this.#writes.map(describeMessage).join('|');
    return `${this.#id} ${describeState(this.#core)} ${describeState(this.#log)} ${writes}`;
  }
}

function removal(node: NodeId): ConfChange {
  const changes = [{ kind: 'remove' as const, node }];
  return { version: 1, transition: 'auto', changes, context: new Uint8Array(0) };
}
