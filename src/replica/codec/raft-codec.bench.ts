// What messages cost to write and to read. `npm run bench -- raft-codec`

import { draftMessage, type Entry, type Message } from '../../core/raft/index.ts';
import { encodeMessage, Outbox, readRaftFrame } from './index.ts';

const PEERS = [2, 3];
const SECONDS = 1;

const entries: readonly Entry[] = Array.from({ length: 64 }, (_, i) => ({
  term: 3,
  index: 100_000 + i,
  kind: 'normal',
  payload: new Uint8Array(130).fill(i),
}));

function append(to: number): Message {
  return { ...draftMessage('append', 1, to, 3), index: 99_999, logTerm: 3, entries };
}

function heartbeat(to: number): Message {
  return { ...draftMessage('heartbeat', 1, to, 3), commit: 100_000, context: 300 };
}

/** Nanoseconds per item of `turn`, which does `items` of them. */
function measure(name: string, items: number, turn: () => void): void {
  for (let i = 0; i < 2_000; i++) turn();
  const started = performance.now();
  let turns = 0;
  while (performance.now() - started < SECONDS * 1_000) {
    for (let i = 0; i < 100; i++) turn();
    turns += 100;
  }
  const ns = ((performance.now() - started) * 1e6) / (turns * items);
  process.stdout.write(`${name.padEnd(48)} ${ns.toFixed(0).padStart(6)} ns\n`);
}

let frameBytes = 0;
const outbox = new Outbox(
  {
    send: (_member, _lane, _kind, body) => {
      frameBytes += body.length;
      return 'queued';
    },
  },
  { setTimer: () => ({ cancel: () => {} }) },
  { onUnsent: () => {}, onSnapshot: () => {} },
);
const toEach = PEERS.map(append);
measure('write an entry, 64 to an append, for two peers', entries.length, () => {
  for (const message of toEach) outbox.post(1, message);
  outbox.flush();
});
const beats = PEERS.map(heartbeat);
measure('write a heartbeat, 1,000 to a frame', 2_000, () => {
  for (let shard = 0; shard < 1_000; shard++) {
    for (const beat of beats) outbox.post(shard, beat);
  }
  outbox.flush();
});
let read = 0;
const frame = encodeMessage(1, append(2));
measure('read an entry, 64 to an append', entries.length, () => {
  readRaftFrame(frame, 1, 2, (_shard, message) => {
    read += message.entries.length;
  });
});
const packed = Buffer.concat(
  Array.from({ length: 1_000 }, (_, shard) => encodeMessage(shard, heartbeat(2))),
);
measure('read a heartbeat, 1,000 to a frame', 1_000, () => {
  readRaftFrame(packed, 1, 2, (shard) => {
    read += shard;
  });
});
process.stdout.write(
  `${(packed.length / 1_000).toFixed(1)} bytes per heartbeat, ${frame.length} per append\n`,
);
if (frameBytes === 0 || read === 0) process.exitCode = 1;
