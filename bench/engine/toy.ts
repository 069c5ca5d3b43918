// The barest replication there could be, for a ceiling to measure against: no elections, no terms,
// no checks, no restarts. A leader and two followers append what arrived in a turn to a file, sync
// it while the next batch gathers, and count it when two of the three have it.
//
//   node bench/engine/toy.ts --port N --file F                      a follower
//   node bench/engine/toy.ts --port N --file F --followers N,N      the leader
//   node bench/engine/toy.ts --load N [--connections N] [--inflight N] [--seconds N] [--warmup N]
//     [--servers PID,...] [--first TEXT]
//
// A record is its number in four bytes and a hundred bytes more. The load is used for other servers
// as well that take the same records, some after a first word on each connection.

import { open } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { Latencies } from './latencies.ts';
import { MeasuredTime } from './measured-time.ts';

const RECORD_BYTES = 104;
const KEY_BYTES = 16;
const KEYS = 100_000;

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    file: { type: 'string' },
    followers: { type: 'string' },
    load: { type: 'string' },
    connections: { type: 'string', default: '4' },
    inflight: { type: 'string', default: '256' },
    seconds: { type: 'string', default: '10' },
    warmup: { type: 'string', default: '2' },
    servers: { type: 'string', default: '' },
    first: { type: 'string', default: '' },
  },
});

/** Appends and syncs, one batch after the other; tells how many bytes are durable. */
class ToyLog {
  readonly #file = open(values.file ?? '', 'w');
  readonly #onDurable: (bytes: number) => void;
  #gathered: Uint8Array[] = [];
  #isSyncing = false;
  #durable = 0;

  constructor(onDurable: (bytes: number) => void) {
    this.#onDurable = onDurable;
  }

  append(bytes: Uint8Array): void {
    this.#gathered.push(bytes);
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    setImmediate(() => void this.#sync());
  }

  async #sync(): Promise<void> {
    const file = await this.#file;
    while (this.#gathered.length > 0) {
      const batch = Buffer.concat(this.#gathered);
      this.#gathered = [];
      await file.write(batch, 0, batch.length, this.#durable);
      await file.datasync();
      this.#durable += batch.length;
      this.#onDurable(this.#durable);
    }
    this.#isSyncing = false;
  }
}

function follow(port: number): void {
  createServer((leader) => {
    const answer = Buffer.alloc(8);
    const log = new ToyLog((durable) => {
      answer.writeDoubleLE(durable);
      leader.write(Buffer.from(answer));
    });
    leader.setNoDelay();
    leader.on('data', (bytes) => log.append(bytes));
    leader.on('error', () => {});
  }).listen(port, '127.0.0.1', () => console.log('follows'));
}

interface Owed {
  readonly client: Socket;
  readonly records: Buffer;
  readonly end: number;
}

function lead(port: number, followers: readonly number[]): void {
  const state = new Map<string, Uint8Array>();
  const durable = [0, ...followers.map(() => 0)];
  const owed: Owed[] = [];
  let appended = 0;
  const settle = (): void => {
    const committed = durable.toSorted((a, b) => b - a)[1] ?? 0;
    while (owed[0] !== undefined && owed[0].end <= committed) {
      const { client, records } = owed.shift() as Owed;
      const answers = Buffer.allocUnsafe((records.length / RECORD_BYTES) * 4);
      for (let at = 0, to = 0; at < records.length; at += RECORD_BYTES, to += 4) {
        const key = records.toString('latin1', at + 4, at + 4 + KEY_BYTES);
        state.set(key, records.subarray(at + 4 + KEY_BYTES, at + RECORD_BYTES));
        records.copy(answers, to, at, at + 4);
      }
      client.write(answers);
    }
  };
  const log = new ToyLog((bytes) => {
    durable[0] = bytes;
    settle();
  });
  const links = followers.map((follower, i) => {
    const link = connect(follower, '127.0.0.1').setNoDelay();
    whole(link, 8, (answers) => {
      durable[i + 1] = answers.readDoubleLE(answers.length - 8);
      settle();
    });
    return link;
  });
  createServer((client) => {
    client.setNoDelay();
    client.on('error', () => {});
    whole(client, RECORD_BYTES, (records) => {
      appended += records.length;
      owed.push({ client, records, end: appended });
      for (const link of links) link.write(records);
      log.append(records);
    });
  }).listen(port, '127.0.0.1', () => console.log('leads'));
}

/** Hands on what arrives in whole items. */
function whole(socket: Socket, itemBytes: number, take: (items: Buffer) => void): void {
  let rest = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const end = bytes.length - (bytes.length % itemBytes);
    rest = Buffer.from(bytes.subarray(end));
    if (end > 0) take(bytes.subarray(0, end));
  });
}

async function load(port: number): Promise<void> {
  const connections = Number(values.connections);
  const inflight = Number(values.inflight);
  const latencies = new Latencies();
  const startedMs = new Float64Array(inflight);
  const time = new MeasuredTime(values.servers);
  const perConnection = inflight / connections;
  let written = 0;
  for (let c = 0; c < connections; c++) {
    const socket = connect(port, '127.0.0.1').setNoDelay();
    if (values.first !== '') socket.write(values.first);
    const send = (numbers: readonly number[]): void => {
      const records = Buffer.alloc(numbers.length * RECORD_BYTES, 7);
      for (const [i, number] of numbers.entries()) {
        startedMs[number] = performance.now();
        written += 1;
        records.writeUInt32LE(number, i * RECORD_BYTES);
        records.writeUInt32LE(written % KEYS, i * RECORD_BYTES + 4);
      }
      socket.write(records);
    };
    whole(socket, 4, (answers) => {
      const numbers: number[] = [];
      const nowMs = performance.now();
      for (let at = 0; at < answers.length; at += 4) {
        const number = answers.readUInt32LE(at);
        if (time.isMeasured) latencies.add(nowMs - (startedMs[number] as number));
        numbers.push(number);
      }
      send(numbers);
    });
    send(Array.from({ length: perConnection }, (_, i) => c * perConnection + i));
  }
  const { seconds, cpu } = await time.pass(Number(values.warmup), Number(values.seconds));
  console.log(JSON.stringify(latencies.summary(seconds, 0, cpu)));
  process.exit(0);
}

if (values.load !== undefined) await load(Number(values.load));
else if (values.followers === undefined) follow(Number(values.port));
else lead(Number(values.port), values.followers.split(',').map(Number));
