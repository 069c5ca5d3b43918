// Broken cores, made by wrapping the real one. The runner is strong enough if each of them fails at
// least one file; mutants.test.ts sees to that. Most break what leaves the core, some what enters
// it, some the log below it, some the pure functions.

import type {
  Message,
  NodeChange,
  PeerStatus,
  RaftConfig,
  Ready,
  Status,
} from '../../src/core/raft/index.ts';
import { APPEND_THREAD } from '../../src/core/raft/index.ts';
import type {
  ChangerOutcome,
  ChangerUnderTest,
  CoreUnderTest,
  LogUnderTest,
  NodeUnderTest,
  QuorumUnderTest,
} from './core-under-test.ts';
import { REAL_CORE } from './real-core.ts';

export interface Mutant {
  readonly name: string;
  readonly core: CoreUnderTest;
}

function mutant(name: string, parts: Partial<CoreUnderTest>): Mutant {
  return { name, core: { ...REAL_CORE, ...parts } };
}

// --- ways to break a node -----------------------------------------------------------------------

function delegate(node: NodeUnderTest): NodeUnderTest {
  return {
    advance: () => node.advance(),
    applyConfChange: (change) => node.applyConfChange(change),
    campaign: () => node.campaign(),
    forgetLeader: () => node.forgetLeader(),
    hasReady: () => node.hasReady(),
    propose: (payloads) => node.propose(payloads),
    proposeConfChange: (change) => node.proposeConfChange(change),
    ready: () => node.ready(),
    reportUnreachable: (peer) => node.reportUnreachable(peer),
    setElectionTimeout: (ticks) => node.setElectionTimeout(ticks),
    status: () => node.status(),
    step: (message) => node.step(message),
    tick: () => node.tick(),
    transferLeader: (to) => node.transferLeader(to),
  };
}

function nodeMutant(name: string, change: (node: NodeUnderTest) => Partial<NodeUnderTest>): Mutant {
  return mutant(name, {
    createNode: (config) => {
      const node = REAL_CORE.createNode(config);
      return { ...delegate(node), ...change(node) };
    },
  });
}

function configMutant(name: string, change: (config: RaftConfig) => Partial<RaftConfig>): Mutant {
  return mutant(name, {
    createNode: (config) => REAL_CORE.createNode({ ...config, ...change(config) }),
  });
}

function readyMutant(name: string, change: (ready: Ready) => Partial<Ready>): Mutant {
  return nodeMutant(name, (node) => ({
    ready: () => {
      const ready = node.ready();
      return { ...ready, ...change(ready) };
    },
  }));
}

/** Changes every message of `kind` that leaves, those among the responses of a write too. */
function messageMutant(
  name: string,
  kind: Message['kind'],
  change: (message: Message) => readonly Message[],
): Mutant {
  const rewrite = (messages: readonly Message[]): Message[] =>
    messages.flatMap((message) => {
      const nested = { ...message, responses: rewrite(message.responses) };
      return message.kind === kind ? change(nested) : [nested];
    });
  return readyMutant(name, ({ messages }) => ({ messages: rewrite(messages) }));
}

const MESSAGE_MUTANTS: readonly Mutant[] = [
  messageMutant('heartbeats carry no commit index', 'heartbeat', (m) => [{ ...m, commit: 0 }]),
  messageMutant('heartbeats promise one entry more', 'heartbeat', (m) => [
    { ...m, commit: m.commit + 1 },
  ]),
  messageMutant('appends carry a commit index that is one short', 'append', (m) => [
    { ...m, commit: m.commit - 1 },
  ]),
  messageMutant('every append is sent twice', 'append', (m) => [m, m]),
  messageMutant('a probe is not paused', 'append', (m) =>
    m.entries.length > 0 ? [m, { ...m, entries: [] }] : [m],
  ),
  messageMutant('appends without entries are saved', 'append', (m) =>
    m.entries.length === 0 ? [] : [m],
  ),
  messageMutant('an append carries one entry at most', 'append', (m) => [
    { ...m, entries: m.entries.slice(0, 1) },
  ]),
  messageMutant('every vote is granted', 'voteResponse', (m) => [{ ...m, reject: false }]),
  messageMutant('every vote is refused', 'voteResponse', (m) => [{ ...m, reject: true }]),
  messageMutant('every pre-vote is granted', 'preVoteResponse', (m) => [{ ...m, reject: false }]),
  messageMutant('pre-votes ask with the current term', 'preVote', (m) => [
    { ...m, term: m.term - 1 },
  ]),
  messageMutant('vote requests hide the last term', 'vote', (m) => [{ ...m, logTerm: 0 }]),
  messageMutant('rejections give no hint', 'appendResponse', (m) =>
    m.reject ? [{ ...m, rejectHint: 0 }] : [m],
  ),
  messageMutant('rejections do not tell the term at the hint', 'appendResponse', (m) =>
    m.reject ? [{ ...m, logTerm: 0 }] : [m],
  ),
  messageMutant('an ack claims one entry more', 'appendResponse', (m) =>
    m.reject ? [m] : [{ ...m, index: m.index + 1 }],
  ),
  messageMutant('snapshots lack the outgoing voters', 'snapshot', ({ snapshot, ...m }) => {
    if (snapshot === undefined) return [];
    const confState = { ...snapshot.confState, votersOutgoing: [], autoLeave: false };
    return [{ ...m, snapshot: { ...snapshot, confState } }];
  }),
  messageMutant('forwarded proposals lose their data', 'propose', (m) => [
    { ...m, entries: m.entries.map((entry) => ({ ...entry, payload: new Uint8Array(0) })) },
  ]),
  messageMutant('a transfer is never completed', 'timeoutNow', () => []),
  messageMutant('a write answers only half', 'storageAppend', (m) => [
    { ...m, responses: m.responses.slice(0, -1) },
  ]),
  messageMutant('an apply is not answered', 'storageApply', (m) => [{ ...m, responses: [] }]),
  messageMutant('a write forgets the vote', 'storageAppend', (m) => [{ ...m, vote: 0 }]),
];

const READY_MUTANTS: readonly Mutant[] = [
  readyMutant('messages leave in the opposite order', ({ messages }) => ({
    messages: messages.toReversed(),
  })),
  readyMutant('peers are not visited in order', ({ messages }) => ({
    messages: messages.toSorted((a, b) => b.to - a.to),
  })),
  readyMutant('every Ready asks for a sync', () => ({ mustSyncLog: true })),
  readyMutant('no Ready asks for a sync', () => ({ mustSyncLog: false })),
  readyMutant('a new leader is not told to the host', () => ({ softState: undefined })),
  readyMutant('a mere commit is not persisted', ({ hardState, mustSyncLog }) => ({
    hardState: mustSyncLog ? hardState : undefined,
  })),
  readyMutant('the vote is not persisted', ({ hardState }) => ({
    hardState: hardState === undefined ? undefined : { ...hardState, vote: 0 },
  })),
  readyMutant('acks do not wait for the write', ({ messages }) => ({
    messages: messages.flatMap((m) =>
      m.to === APPEND_THREAD ? [{ ...m, responses: [] }, ...m.responses] : [m],
    ),
  })),
];

const INPUT_MUTANTS: readonly Mutant[] = [
  nodeMutant('heartbeat responses are ignored', (node) => ({
    step: (m) => (m.kind === 'heartbeatResponse' ? 'handled' : node.step(m)),
  })),
  nodeMutant('rejections are ignored', (node) => ({
    step: (m) => (m.kind === 'appendResponse' && m.reject ? 'handled' : node.step(m)),
  })),
  nodeMutant('hints are ignored', (node) => ({
    step: (m) => node.step(m.reject ? { ...m, rejectHint: m.index - 1, logTerm: 0 } : m),
  })),
  nodeMutant('strangers are heard without complaint', (node) => ({
    step: (m) => {
      const outcome = node.step(m);
      return outcome === 'unknownPeer' ? 'handled' : outcome;
    },
  })),
  nodeMutant('forwarded proposals vanish without a word', (node) => ({
    step: (m) => {
      const outcome = node.step(m);
      return outcome === 'dropped' ? 'handled' : outcome;
    },
  })),
  nodeMutant('refused proposals look accepted', (node) => ({
    propose: (payloads) => {
      const outcome = node.propose(payloads);
      if (outcome.kind !== 'refused') return outcome;
      return { kind: 'accepted', term: 0, firstIndex: 0, lastIndex: 0 };
    },
  })),
  nodeMutant('the responses of old writes count', (node) => ({
    step: (m) =>
      node.step(m.kind === 'storageAppendResponse' ? { ...m, term: node.status().term } : m),
  })),
  nodeMutant('ticks count twice', (node) => ({
    tick: () => {
      node.tick();
      node.tick();
    },
  })),
  nodeMutant('the leader is never forgotten', () => ({ forgetLeader: () => 'noLeader' })),
  nodeMutant('transfers are not begun', () => ({
    transferLeader: () => ({ kind: 'alreadyLeader' }),
  })),
  nodeMutant('unreachable peers stay in replicate', () => ({ reportUnreachable: () => undefined })),
  nodeMutant('the drawn timeout cannot be replaced', (node) => ({
    setElectionTimeout: () => node.setElectionTimeout(1000),
  })),
  nodeMutant('implicit and explicit transitions are mixed up', (node) => ({
    proposeConfChange: (change) => {
      const mixed = { auto: 'auto', implicit: 'explicit', explicit: 'implicit' } as const;
      return node.proposeConfChange({ ...change, transition: mixed[change.transition] });
    },
  })),
  nodeMutant('old config entries are written as new ones', (node) => ({
    proposeConfChange: (change) => node.proposeConfChange({ ...change, version: 2 }),
  })),
];

/** A safeguard or limit that does not work, or cannot be switched off. */
const CONFIG_MUTANTS: readonly Mutant[] = [
  configMutant('pre-vote is never used', () => ({ preVote: false })),
  configMutant('pre-vote is always used', () => ({ preVote: true })),
  configMutant('the quorum is never checked', () => ({ checkQuorum: false, reads: 'safe' })),
  configMutant('the quorum is always checked', () => ({ checkQuorum: true })),
  configMutant('a removed leader never steps down', () => ({ stepDownOnRemoval: false })),
  configMutant('a removed leader always steps down', () => ({ stepDownOnRemoval: true })),
  configMutant('changes are not validated', () => ({ validateConfChanges: false })),
  configMutant('changes are always validated', () => ({ validateConfChanges: true })),
  configMutant('the window is one wider', ({ inflightMessagesMax = 1 }) => ({
    inflightMessagesMax: inflightMessagesMax + 1,
  })),
  configMutant('any number of committed entries is handed out', () => ({
    applyBytesMax: Number.POSITIVE_INFINITY,
  })),
  configMutant('lease reads do not protect the leader', () => ({ reads: 'safe' })),
  configMutant('followers do not forward', () => ({ forwardProposals: false })),
  configMutant('configurations are not told', ({ onEvent }) => ({
    onEvent: (event) => {
      if (event.kind !== 'configSwitched') onEvent?.(event);
    },
  })),
  configMutant('refused changes are not told', ({ onEvent }) => ({
    onEvent: (event) => {
      if (event.kind !== 'confChangeIgnored') onEvent?.(event);
    },
  })),
  configMutant('a refused campaign is not told', ({ onEvent }) => ({
    onEvent: (event) => {
      if (event.kind !== 'notPromotable') onEvent?.(event);
    },
  })),
];

function statusMutant(name: string, change: (status: Status) => Partial<Status>): Mutant {
  return nodeMutant(name, (node) => ({
    status: () => {
      const status = node.status();
      return { ...status, ...change(status) };
    },
  }));
}

function peersMutant(name: string, change: (peer: PeerStatus) => Partial<PeerStatus>): Mutant {
  return statusMutant(name, ({ peers }) => ({
    peers: peers.map((peer) => ({ ...peer, ...change(peer) })),
  }));
}

const STATUS_MUTANTS: readonly Mutant[] = [
  statusMutant('everyone claims to lead', () => ({ role: 'leader' })),
  statusMutant('nobody knows the leader', () => ({ lead: 0 })),
  statusMutant('learners pass for voters', ({ config }) => ({
    config: { ...config, voters: [...config.voters, ...config.learners] },
  })),
  peersMutant('nobody is ever paused', () => ({ isPaused: false })),
  peersMutant('a full window is not shown', () => ({ isInflightFull: false })),
  peersMutant('everyone seems active', () => ({ isRecentlyActive: true })),
  peersMutant('next is one behind', ({ next }) => ({ next: next - 1 })),
];

// --- ways to break the rest ---------------------------------------------------------------------

function logMutant(name: string, change: (log: LogUnderTest) => void): Mutant {
  return mutant(name, {
    createLog: () => {
      const log = REAL_CORE.createLog();
      change(log);
      return log;
    },
  });
}

const LOG_MUTANTS: readonly Mutant[] = [
  logMutant('the log keeps what was overwritten', (log) => {
    const append = log.append.bind(log);
    log.append = (entries) => append(entries.filter(({ index }) => index > log.lastIndex()));
  }),
  logMutant('compaction leaves one entry too few', (log) => {
    const compact = log.compact.bind(log);
    log.compact = (index) => compact(index + 1);
  }),
  logMutant('compaction does nothing', (log) => {
    log.compact = () => true;
  }),
];

function quorumMutant(name: string, quorum: Partial<QuorumUnderTest>): Mutant {
  return mutant(name, { quorum: { ...REAL_CORE.quorum, ...quorum } });
}

const { quorum: real } = REAL_CORE;

const QUORUM_MUTANTS: readonly Mutant[] = [
  quorumMutant('half is enough to commit', {
    committedIndex: ({ incoming }, acked) => {
      const indexes = incoming.map((id) => acked.get(id) ?? 0).toSorted((a, b) => b - a);
      const index = indexes[Math.max(0, Math.ceil(indexes.length / 2) - 1)];
      return index ?? Number.POSITIVE_INFINITY;
    },
  }),
  quorumMutant('the outgoing half has no say in commits', {
    committedIndex: ({ incoming }, acked) => real.committedIndex({ incoming, outgoing: [] }, acked),
  }),
  quorumMutant('the outgoing half has no say in votes', {
    voteResult: ({ incoming }, votes) => real.voteResult({ incoming, outgoing: [] }, votes),
  }),
  quorumMutant('a missing vote is a refusal', {
    voteResult: (voters, votes) => {
      const result = real.voteResult(voters, votes);
      return result === 'pending' ? 'lost' : result;
    },
  }),
];

function changerMutant(
  name: string,
  change: (changer: ChangerUnderTest) => Partial<ChangerUnderTest>,
): Mutant {
  return mutant(name, {
    createChanger: () => {
      const changer = REAL_CORE.createChanger();
      return { ...changer, ...change(changer) };
    },
  });
}

function withoutLearnersNext(outcome: ChangerOutcome): ChangerOutcome {
  if (outcome.kind === 'refused') return outcome;
  return { ...outcome, config: { ...outcome.config, learnersNext: [] } };
}

const CHANGER_MUTANTS: readonly Mutant[] = [
  changerMutant('progress always starts at 1', (changer) => ({
    simple: (changes) => changer.simple(changes, 0),
  })),
  changerMutant('auto-leave is forgotten', (changer) => ({
    enterJoint: (changes, _, lastIndex) => changer.enterJoint(changes, false, lastIndex),
  })),
  changerMutant('learners of the next configuration are not shown', (changer) => ({
    enterJoint: (changes, autoLeave, lastIndex) =>
      withoutLearnersNext(changer.enterJoint(changes, autoLeave, lastIndex)),
  })),
  changerMutant('only the first of several changes is made', (changer) => ({
    simple: (changes: readonly NodeChange[], lastIndex) =>
      changer.simple(changes.slice(0, 1), lastIndex),
  })),
];

export const MUTANTS: readonly Mutant[] = [
  ...MESSAGE_MUTANTS,
  ...READY_MUTANTS,
  ...INPUT_MUTANTS,
  ...CONFIG_MUTANTS,
  ...STATUS_MUTANTS,
  ...LOG_MUTANTS,
  ...QUORUM_MUTANTS,
  ...CHANGER_MUTANTS,
];
