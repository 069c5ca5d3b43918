// The kinds of what passes between members, and between clients and members. A number that was
// given out is never used for anything else.

/** Frames that nobody answers. */
export const FRAME_KIND = {
  /** Messages of the Raft cores, of many shards: see FORMAT.md. */
  raft: 1,
  /** Notes between hosts about shards that hibernate. */
  hibernation: 2,
  /** Whether the sender's disk has room: one byte, 1 if it has, 0 if not. */
  diskSpace: 3,
  /** What the sender's machines can carry out, and how much its sessions take. */
  machines: 4,
} as const;

/** Requests, which are answered once. */
export const REQUEST_KIND = {
  /** Commands for one shard. */
  propose: 1,
  /** A question to one shard. */
  read: 2,
  /** Entries of the log by index and term, from a peer that still has them. */
  fetchEntries: 3,
  /** A snapshot about to be sent: is it wanted, and from where on. */
  offerSnapshot: 4,
  /** Which parts of a snapshot does the receiver have in its present state? */
  compareSnapshot: 5,
} as const;

/** Streams of bulk data. */
export const STREAM_KIND = {
  snapshot: 1,
} as const;
