// One node of the interaction environment: a core, its stable log, and the host's side of both.
// Its state machine appends every applied payload to what it has, and keeps a snapshot of itself
// after each entry.

import { must } from '../../src/base/assert.ts';
import { Prng } from '../../src/base/prng.ts';
import type {
  ConfState,
  Entry,
  HardState,
  Message,
  RaftConfig,
  RaftEvent,
  Snapshot,
} from '../../src/core/raft/index.ts';
import { decodeConfChange } from '../../src/core/raft/index.ts';
import type { CoreUnderTest, LogUnderTest, NodeUnderTest } from './core-under-test.ts';
import type { ChangeRefusal } from './model.ts';
import { ERROR_TEXTS } from './model.ts';
import type { Output } from './output.ts';
import { renderConfig } from './render.ts';

export const ELECTION_TICKS = 3;
export const HEARTBEAT_TICKS = 1;

/** What `add-nodes` may say about the nodes it makes. */
export type NodeOptions = Partial<
  Pick<
    RaftConfig,
    | 'appliedIndex'
    | 'applyBytesMax'
    | 'asyncStorageWrites'
    | 'checkQuorum'
    | 'inflightMessagesMax'
    | 'preVote'
    | 'reads'
    | 'stepDownOnRemoval'
    | 'validateConfChanges'
  >
>;

export const EMPTY_SNAPSHOT: Snapshot = {
  index: 0,
  term: 0,
  data: new Uint8Array(0),
  confState: {
    voters: [],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  },
};

/** An error that a command returns: it is printed whatever the log level. */
export type CommandError = string | undefined;

export class HarnessNode {
  readonly id: number;
  readonly core: NodeUnderTest;
  readonly log: LogUnderTest;
  readonly isAsync: boolean;
  readonly appendWork: Message[] = [];
  readonly applyWork: Message[] = [];
  readonly #output: Output;
  readonly #history: Snapshot[];
  /** The configuration that the core last told about. */
  #config: ConfState;

  /** `start` is also what the log holds already, unless it is empty. */
  constructor(
    id: number,
    makers: CoreUnderTest,
    start: Snapshot,
    options: NodeOptions,
    output: Output,
  ) {
    this.id = id;
    this.log = makers.createLog();
    this.isAsync = options.asyncStorageWrites ?? false;
    this.#output = output;
    this.#history = [start];
    this.#config = start.confState;
    if (start.index > 0) this.log.applySnapshot(start);
    this.log.snapshotOverride = () => this.newestSnapshot();
    this.core = makers.createNode({
      id,
      log: this.log,
      random: Prng.from(id, 'conformance'),
      electionTicks: ELECTION_TICKS,
      heartbeatTicks: HEARTBEAT_TICKS,
      // The files' defaults are not ours: most safeguards are off unless a file asks for them.
      preVote: false,
      checkQuorum: false,
      stepDownOnRemoval: false,
      commitInVotes: false,
      inflightMessagesMax: 2 ** 31 - 1,
      ...options,
      onEvent: (event) => this.#hear(event),
    });
  }

  /** The state after the newest applied entry, which is what peers get. */
  newestSnapshot(): Snapshot {
    return must(this.#history.at(-1), 'the history starts with a snapshot');
  }

  isVoter(): boolean {
    const { id, config } = this.core.status();
    return config.voters.includes(id) || config.votersOutgoing.includes(id);
  }

  /** Writes in the order of the original harness: the hard state first. */
  persist(
    hardState: HardState | undefined,
    entries: readonly Entry[],
    snapshot: Snapshot | undefined,
  ): CommandError {
    if (hardState !== undefined) this.log.setHardState(hardState);
    if (snapshot === undefined || snapshot.index === 0) {
      this.log.append(entries);
      return undefined;
    }
    if (entries.length > 0) return ERROR_TEXTS.snapshotAndEntries;
    return this.log.applySnapshot(snapshot) ? undefined : ERROR_TEXTS.snapshotOutOfDate;
  }

  apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const before = this.newestSnapshot();
      let { confState } = before;
      let update = entry.payload;
      if (entry.kind !== 'normal') {
        const change = must(
          decodeConfChange(entry.kind, entry.payload),
          'a committed change can be read',
        );
        confState = this.core.applyConfChange(change).confState;
        update = change.context;
      }
      const data = new Uint8Array(before.data.length + update.length);
      data.set(before.data);
      data.set(update, before.data.length);
      this.#history.push({ index: entry.index, term: entry.term, confState, data });
    }
  }

  #hear(event: RaftEvent): void {
    if (event.kind === 'configSwitched') {
      this.#config = event.config;
      const config = renderConfig(event.config);
      this.#output.log('INFO', { kind: 'configured', node: this.id, config });
    } else if (event.kind === 'confChangeIgnored') {
      const config = renderConfig(this.#config);
      const refusal = classifyRefusal(event.reason);
      this.#output.log('INFO', { kind: 'changeIgnored', node: this.id, config, refusal });
    } else if (event.kind === 'notPromotable') {
      this.#output.log('WARN', { kind: 'unpromotable', node: this.id });
    }
  }
}

type IgnoredReason = Extract<RaftEvent, { kind: 'confChangeIgnored' }>['reason'];

function classifyRefusal(reason: IgnoredReason): ChangeRefusal {
  if (reason === 'pendingChange') return 'pending';
  if (reason === 'notJoint') return 'notInJoint';
  // A change that is wrong in another way is only found when it is applied; whoever refuses it
  // earlier must not pass for one of the two above.
  return reason === 'alreadyJoint' || reason === 'simpleWhileJoint' ? 'inJoint' : 'pending';
}
