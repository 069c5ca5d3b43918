// Every queue, frame, batch and table has a limit, and every limit stands here with its reason.
// Relations between limits are asserted when this file loads.

import { assert } from './assert.ts';

export const LIMITS = {
  gossip: {
    /** The largest UDP payload over IPv4: 65,535 less 20 (IP) and 8 (UDP) bytes of header. */
    datagramBytesMax: 65_507,
    /** Raw bytes per block of a block stream; fixed by the protocol. */
    blockBytes: 16_384,
    /** A block must not unpack to more; fixed by the protocol. */
    blockUnpackedBytesMax: 65_535,
    /**
     * Of a delta no more is unpacked: ten milliseconds of work. Peers of other make bound only what
     * they send, so an honest datagram can hold ten times as much.
     */
    deltaUnpackedBytesMax: 4 * 1024 * 1024,
    /** Raw bytes of a delta that is written: packing it must not hold up the rest for long. */
    deltaWrittenBytesMax: 1024 * 1024,
    /**
     * Deltas that a node asks for within one round, beside those of the round's exchanges, while it
     * is behind: two megabytes for the network to carry.
     */
    pullsPerRoundMax: 32,
    /** A delta that unpacks to more counts for several: as much work, whatever the network saw. */
    pullUnpackedBytes: 128 * 1024,
    /** A node id is a name that people type. */
    nodeIdBytesMax: 255,
    clusterIdBytesMax: 255,
    /** Keys are names; long ones crowd everyone's digest and delta. */
    keyBytesMax: 1_024,
    /** One entry must fit a delta beside a large digest, or it would block all that follow it. */
    valueBytesMax: 15_000,
    /** Entries of one member, tombstones included: bounds what a hostile peer can make us keep. */
    entriesPerNodeMax: 65_536,
    /** Members known at once, dead ones included; beyond it newcomers are refused and counted. */
    nodesMax: 16_384,
    /** Bytes of keys and values kept for all members together. */
    stateBytesMax: 256 * 1024 * 1024,
    /** Live nodes asked per round whether they deleted a key: a SYN and a delta each. */
    inquiriesPerRoundMax: 4,
    /** Entries of others looked at per round for deletions: milliseconds. As many for writes. */
    looksPerRoundMax: 32_768,
    /**
     * Deletions confirmed and far ahead of the clock, which wait: all are looked at in every round.
     * One more is asked for again when there is room.
     */
    aheadDeletionsMax: 4_096,
    /** Own writes ahead of the clock that are watched; one more keeps its rank. Some megabytes. */
    aheadWritesMax: 8_192,
    /** Entries that such a write had to win over: members are not many, liars are. */
    aheadRivalsMax: 32,
    /** Purged members remembered, so that late rumours do not bring them back. */
    purgedNodesMax: 5_000,
  },
  wal: {
    /** Large enough that a new one is rare, small enough that an old one goes soon. */
    segmentBytes: 16 * 1024 * 1024,
    /** Beyond this a larger batch saves no time: writing takes longer than syncing. */
    batchBytesMax: 4 * 1024 * 1024,
    /** What followers that are a little behind ask for; the rest is read from disk. */
    cacheBytesMax: 32 * 1024 * 1024,
    /** Free space left to votes, purges and snapshots: two segments and as much again. */
    reserveBytes: 64 * 1024 * 1024,
    /** A full disk is tried again so often: whoever makes room need not wait long. */
    writeRetryMs: 200,
  },
  store: {
    /** What LMDB takes with pages of 4 kB. */
    keyBytesMax: 1_978,
    /** What a pair costs in a table of recent writes beside its bytes. */
    pairOverheadBytes: 128,
    /** Written and not yet handed to the disk; beyond it the member takes no new work. */
    waitingBytesMax: 64 * 1024 * 1024,
    /**
     * Writes that gather before they go to LMDB, if it has nothing else to do. Handing a table over
     * takes the member's one thread half a millisecond this way; with sixteen times as much the
     * slowest hundredth of all writes waits twice as long.
     */
    tableBytesMax: 256 * 1024,
  },
  wire: {
    /** A frame of messages is handed over at this size, so that urgent ones wait less. */
    frameBytes: 256 * 1024,
    /** As many as the smallest entries that one append can have. */
    entriesPerMessageMax: 65_536,
    /** Nodes in one list of a configuration: far beyond what votes can be counted over. */
    configNodesMax: 256,
    /** What a snapshot's message says about it; the state itself comes as a stream. */
    snapshotNameBytesMax: 64 * 1024,
    /**
     * How long the news of a commit waits for something to travel with: longer than a command on
     * its own takes, far less than a tick.
     */
    commitDelayMs: 2,
  },
  door: {
    /**
     * Connections that have not said what they speak: from the next one on the oldest goes. Twice
     * what the kernel hands over at once, so that all of those are listened to.
     */
    silentMax: 1_024,
    /** Connections that speak HTTP, each some 20 kB; beyond it a client is told to come later. */
    httpMax: 2_048,
    /** Of all kinds: file descriptors and ends of connections that linger are not endless. */
    connectionsMax: 8_192,
  },
  peer: {
    /** The greeting of a connection: a cluster id, some numbers, or a sentence of refusal. */
    helloBytesMax: 1_024,
    /** The largest message of Raft with room to spare; a larger state goes as a stream. */
    frameBytesMax: 8 * 1024 * 1024,
    /** Votes and heartbeats are small: this many waiting means that nobody reads them. */
    urgentBytesMax: 1024 * 1024,
    /** What may wait for one peer before its senders are told that it is full. */
    ordinaryBytesMax: 32 * 1024 * 1024,
    bulkBytesMax: 16 * 1024 * 1024,
    /** One write of what waited: an urgent frame that comes next waits behind no more than this. */
    ordinaryPartBytesMax: 1024 * 1024,
    /** One write of bulk: an urgent frame waits for no more than this. */
    bulkPartBytesMax: 256 * 1024,
    /** While there is other traffic on the connection. */
    busyPartBytesMax: 64 * 1024,
    /** A reader of requests pauses while this much of its answers is not taken. */
    answersBytesMax: 4 * 1024 * 1024,
    /** Requests of one connection that are not answered yet; each costs some hundred bytes. */
    requestsMax: 16_384,
    /** Connections of clients at once: each costs some 20 kB. */
    clientsMax: 2_048,
    /** What all clients together keep in memory: frames that came in part, answers nobody takes. */
    clientsBytesMax: 256 * 1024 * 1024,
    /** Connections whose greeting is under way. */
    strangersMax: 256,
    /** One piece of a stream as its sender writes and its receiver gets it. */
    chunkBytesMax: 256 * 1024,
    /** Of one stream, sent and not yet consumed by the receiver. */
    streamWindowBytes: 1024 * 1024,
    /** Streams of a member in one direction at once: each fills a window of memory. */
    streamsMax: 16,
  },
  state: {
    /** With the prefix of its shard it fits what the store takes as a key. */
    keyBytesMax: 1_536,
    /** A pair fits one chunk of a snapshot. */
    valueBytesMax: 192 * 1024,
    /** Of an old state, removed in one batch: a millisecond or two. */
    removedPairsMax: 1_024,
    /** Between two such batches, so that the rest of the member goes on. */
    removalPauseMs: 5,
  },
  query: {
    /** All parts of one answer. */
    answerBytesMax: 4 * 1024 * 1024,
    /** Pairs of one question in one turn: some milliseconds, then heartbeats get theirs. */
    stepsMax: 10_000,
    /** Bytes of its answer: what a frame takes with room to spare. */
    bytesMax: 1024 * 1024,
  },
  feed: {
    /** Events of all shards that can be followed from the past: some seconds of a busy member. */
    bytesMax: 16 * 1024 * 1024,
    /** What goes at once when there is too much, and what a member with few events keeps. */
    blockBytes: 256 * 1024,
    /** Told to one follower in one turn: the others, and the sockets, get theirs. */
    turnBytesMax: 256 * 1024,
  },
  sessions: {
    /**
     * What the sessions of all shards of a member take in memory, as far as leaders can bound it: a
 XX
     */
    memberBytesMax: 64 * 1024 * 1024,
  },
  replica: {
    /** A larger value belongs in several commands: it would hold up all that is behind it. */
    payloadBytesMax: 1024 * 1024,
    /**
     * Commands of a turn that go into one entry: as many as a busy shard has in a turn. An entry is
     * applied in one go, and one that its leader loses takes all of its commands with it.
     */
    packedCommandsMax: 1_024,
    packedBytesMax: 64 * 1024,
    /** One append: the window is made of several, so that sending and acknowledging overlap. */
    appendBytesMax: 256 * 1024,
    /** Appends on the way to one peer: at ten a second of round trip, 80 MB/s. */
    inflightMessagesMax: 128,
    inflightBytesMax: 8 * 1024 * 1024,
    /** Handed to a machine at once: a slice of work after which others get their turn. */
    applyBytesMax: 1024 * 1024,
    /** Proposals of one shard that are not applied yet. */
    shardWaitingMax: 32_768,
    shardWaitingBytesMax: 16 * 1024 * 1024,
    /** Of all shards of a member: each costs some hundred bytes beside its payload. */
    memberWaitingMax: 131_072,
    memberWaitingBytesMax: 64 * 1024 * 1024,
    /** Entries on their way to the disk, of all shards: a slow disk must not fill the memory. */
    logWaitingBytesMax: 256 * 1024 * 1024,
    /** Reads of one shard that wait for their index. */
    readsWaitingMax: 32_768,
    /** Of all shards of a member, and what their questions take. */
    memberReadsMax: 131_072,
    memberReadsBytesMax: 64 * 1024 * 1024,
    /** Answers to reads made in one turn: questions are small, answers need not be. */
    readAnswersBytesMax: 8 * 1024 * 1024,
    /** Entries that a peer sends to fill holes in a log, in one answer. */
    repairBytesMax: 1024 * 1024,
    /** Questions for lost entries that wait at once, of all peers; more are told to come again. */
    repairQuestionsMax: 64,
    /** Holes asked for at once. */
    repairEntriesMax: 1_024,
  },
  requests: {
    /** Commands of one request: what a busy client gathers while an answer is on its way. */
    commandsMax: 4_096,
    /**
     * Commands of all requests to a member that are not answered yet: each keeps two words until
     * the last one of its request is decided, and its bytes while it may have to be passed on.
     */
    openCommandsMax: 262_144,
    /** Results in one answer; what would pass it is said to have happened, without its result. */
    answerBytesMax: 4 * 1024 * 1024,
    /** Commands that one client has waiting; more are refused at once. */
    waitingMax: 16_384,
    /**
     * Commands that callers inside a member have open, together: each is kept, because it may have
     * to be passed on. As many as are sent to one peer before it answers.
     */
    callBytesMax: 64 * 1024 * 1024,
  },
  snapshots: {
    /** Each keeps old pages of the store from being used again. */
    preparedMax: 8,
    /** Peers that need a state at the same time get the same one. */
    preparedMs: 30 * 1_000,
    /** A state that many peers lack at once is better read by one after the other. */
    sendsMax: 4,
    /** Each is written down twice: in the store's waiting part, and on disk. */
    receivesMax: 2,
    /** As long as a reader may keep the store from using old pages again. */
    transferMsMax: 10 * 60 * 1_000,
    /** A connection that was lost is back by then, or its peer is down. */
    resumeMs: 30 * 1_000,
    /** Long enough that a sender which is still there comes back. */
    sweepMs: 60 * 1_000,
    /** Whether a peer wants a snapshot is known at once. */
    offerTimeoutMs: 5 * 1_000,
    /** The last chunks that a sender remembers: more than fit the window of a stream. */
    trailChunksMax: 64,
    /** Compared at once with what the receiver has: some megabytes of chunks are held for it. */
    comparedChunksMax: 8,
    /** The receiver reads as much of its own state, a chunk a turn. */
    compareTimeoutMs: 10 * 1_000,
    /** Until a store that is behind is asked again. */
    behindPauseMs: 10,
  },
  kv: {
    /** Names; together with the space in front they fit a shard's key. */
    keyBytesMax: 1_024,
    /** With the version in front it fits a shard's value, and with a condition a log entry. */
    valueBytesMax: 128 * 1024,
    /** Of one answer: more is asked for behind the last key. */
    rangePairsMax: 10_000,
    rangeBytesMax: 1024 * 1024,
  },
  http: {
    /** The classic API takes its parameters in the URL: the largest fit, whatever they hold. */
    urlBytesMax: 64 * 1024,
    bodyBytesMax: 1024 * 1024,
    /**
     * Of a long answer, made in one turn; more where not ASCII. Readers that take all at once get
     * no more per second from larger ones, and leave more behind for V8 to collect.
     */
    chunkBytes: 16 * 1024,
    /** Requests of one connection that wait for the answer before theirs, some 4 kB each. */
    waitingPerConnectionMax: 32,
    /** Readers of long answers that hold chunks at once, two each: some 8 MiB together. */
    readersMax: 256,
    /** A reader that takes nothing for this long loses its place when another one waits for it. */
    stalledMs: 1_000,
  },
} as const;

const gossip = LIMITS.gossip;
assert(gossip.blockBytes <= gossip.blockUnpackedBytesMax, 'a full block can be unpacked');
assert(gossip.deltaWrittenBytesMax <= gossip.deltaUnpackedBytesMax, 'what is written is read');
assert(
  gossip.keyBytesMax + gossip.valueBytesMax + 64 <= gossip.blockBytes,
  'the largest entry fits one block',
);
const wal = LIMITS.wal;
assert(wal.batchBytesMax * 2 <= wal.segmentBytes, 'a segment holds more than one full batch');
assert(wal.segmentBytes * 2 <= wal.reserveBytes, 'the reserve holds a segment and the next one');
const peer = LIMITS.peer;
assert(peer.frameBytesMax < peer.ordinaryBytesMax, 'the largest frame fits its queue');
const door = LIMITS.door;
assert(
  door.silentMax + door.httpMax + peer.strangersMax + peer.clientsMax + 2_048 <=
    door.connectionsMax,
  'whoever takes all the places that others may take leaves room for members',
);
assert(peer.chunkBytesMax < peer.frameBytesMax, 'the largest chunk fits a frame');
assert(peer.chunkBytesMax * 2 <= peer.streamWindowBytes, 'a window holds more than one chunk');
assert(
  LIMITS.requests.answerBytesMax + LIMITS.requests.commandsMax * 16 <= peer.frameBytesMax,
  'the largest answer fits a frame',
);
const state = LIMITS.state;
assert(
  state.keyBytesMax + state.valueBytesMax + 1_024 <= peer.chunkBytesMax,
  'the largest pair fits one chunk of a stream',
);
const feed = LIMITS.feed;
assert(
  state.keyBytesMax + state.valueBytesMax + 64 <= feed.blockBytes,
  'an event as large as the largest pair fits a block',
);
const replica = LIMITS.replica;
assert(replica.payloadBytesMax * 2 <= wal.segmentBytes, 'the largest entry fits a segment');
assert(replica.packedBytesMax <= replica.payloadBytesMax, 'a packed entry fits like any other');
assert(replica.packedCommandsMax < 2 ** 16, 'the commands of a packed entry can be counted');
assert(
  replica.payloadBytesMax * 2 <= LIMITS.peer.frameBytesMax,
  'the largest entry fits a frame with all that goes with it',
);
assert(
  LIMITS.requests.openCommandsMax >= replica.memberWaitingMax,
  'as many may be asked for as may wait',
);
assert(replica.appendBytesMax <= replica.inflightBytesMax, 'one append fits the window');
assert(
  replica.appendBytesMax / 16 <= LIMITS.wire.entriesPerMessageMax,
  'an append of the smallest entries can be read',
);
const store = LIMITS.store;
assert(store.tableBytesMax * 4 <= store.waitingBytesMax, 'a table fills while another is written');
const kv = LIMITS.kv;
assert(1 + kv.keyBytesMax <= state.keyBytesMax, 'the longest key of a pair fits a shard');
assert(8 + kv.valueBytesMax <= state.valueBytesMax, 'the longest value of a pair fits a shard');
assert(kv.rangeBytesMax * 2 <= peer.frameBytesMax, 'an answer fits a frame');
assert(
  (gossip.keyBytesMax + gossip.valueBytesMax) * 3 + 1_024 <= LIMITS.http.urlBytesMax,
  'percent-encoding can triple a text, and the largest entry still fits a URL',
);
