// What it costs to carry frames between two members over loopback: one process sends, another one
// takes, and both say what CPU time they used.
//
//   npm run bench -- transport [--seconds N]
//
// A batch is 64 frames of 150 bytes per turn, as a leader sends to one follower under load; large
// frames and a stream show what bytes cost.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { readFlags } from '../scripts/flags.ts';
import type { SocketAddress } from '../src/base/ids.ts';
import { SystemClock } from '../src/engine/clock/index.ts';
import { randomFromSystem } from '../src/engine/random/index.ts';
import { openPeers, type Peers, systemNet } from '../src/engine/transport/index.ts';
import { silentLog } from '../test/support/silent-log.ts';

const BATCH = 64;
const BATCH_BODY_BYTES = 150;
const LARGE_BODY_BYTES = 64 * 1024;
const ASKED_AT_ONCE = 256;

const { values } = readFlags('npm run bench lists what each takes', {
  options: { seconds: { type: 'string', default: '2' }, receiver: { type: 'boolean' } },
});
const spanMs = Number(values.seconds) * 1_000;

function open(member: number, onFrame: (bytes: number) => void): Peers {
  const capabilities = {
    clock: new SystemClock(),
    random: randomFromSystem(),
    net: systemNet,
    log: silentLog,
  };
  const hello = { clusterId: 'bench', member, incarnation: BigInt(member), features: 0 };
  const options = { streamBytesPerSecond: 1e12 };
  return openPeers(
    capabilities,
    { hello, options },
    {
      admit: () => ({ kind: 'admitted' }),
      onUp: () => {},
      onDown: () => {},
      onFrame: (_from, _kind, body) => onFrame(body.length),
      onRequest: (request) => request.respond(request.body),
      onStream: () => ({
        onChunk: (chunk) => onFrame(chunk.length),
        onFinish: () => Promise.resolve(true),
        onAbort: () => {},
      }),
    },
  );
}

interface Tally {
  readonly frames: number;
  readonly bytes: number;
  readonly cpuMs: number;
}

class Meter {
  frames = 0;
  bytes = 0;
  #cpu = process.cpuUsage();

  readonly count = (bytes: number): void => {
    this.frames += 1;
    this.bytes += bytes;
  };

  take(): Tally {
    const { user, system } = process.cpuUsage(this.#cpu);
    const tally = { frames: this.frames, bytes: this.bytes, cpuMs: (user + system) / 1_000 };
    this.frames = 0;
    this.bytes = 0;
    this.#cpu = process.cpuUsage();
    return tally;
  }
}

async function receive(): Promise<void> {
  const meter = new Meter();
  const peers = open(2, meter.count);
  const listen = '127.0.0.1:0' as SocketAddress;
  const { address } = await systemNet.listenStreams(listen, (stream) => peers.accept(stream));
  process.on('message', () => process.send?.(meter.take()));
  process.on('disconnect', () => process.exit(0));
  process.send?.(address);
}

/** Sends for a while; `step` is called once per turn and says whether there is more room. */
async function measure(
  name: string,
  unit: string,
  takeThere: () => Promise<Tally>,
  step: (done: () => void) => void,
): Promise<void> {
  await new Promise<void>((resolve) => {
    const untilMs = performance.now() + spanMs / 4;
    const again = (): void => {
      if (performance.now() > untilMs) resolve();
      else step(() => void setImmediate(again));
    };
    again();
  });
  const meter = new Meter();
  await takeThere();
  const startMs = performance.now();
  await new Promise<void>((resolve) => {
    const again = (): void => {
      if (performance.now() - startMs > spanMs) resolve();
      else step(() => void setImmediate(again));
    };
    again();
  });
  const here = meter.take();
  const there = await takeThere();
  const seconds = (performance.now() - startMs) / 1_000;
  const us = (tally: Tally): string => ((tally.cpuMs * 1_000) / there.frames).toFixed(2);
  console.log(
    `${name.padEnd(28)} ${Math.round(there.frames / seconds)
      .toLocaleString('en')
      .padStart(10)} ${unit}/s ` +
      `${(there.bytes / seconds / 1e6).toFixed(0).padStart(6)} MB/s  ` +
      `CPU per ${unit}: ${us(here)} us sending, ${us(there)} us taking`,
  );
}

async function send(): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), ['--receiver']);
  const [address] = (await once(child, 'message')) as [SocketAddress];
  const takeThere = async (): Promise<Tally> => {
    child.send('take');
    const [tally] = (await once(child, 'message')) as [Tally];
    return tally;
  };
  const peers = open(1, () => {});
  peers.setPeer(2, address);
  while (!peers.isUp(2)) await new Promise((resolve) => void setTimeout(resolve, 5));

  const small = new Uint8Array(BATCH_BODY_BYTES).fill(1);
  await measure('64 frames of 150 bytes', 'frame', takeThere, (done) => {
    for (let i = 0; i < BATCH; i++) {
      // Full: the other side does not keep up; the next turn tries again.
      if (peers.send(2, 'ordinary', 1, small) !== 'queued') break;
    }
    done();
  });
  const large = new Uint8Array(LARGE_BODY_BYTES).fill(2);
  await measure('frames of 64 KiB', 'frame', takeThere, (done) => {
    peers.send(2, 'ordinary', 1, large);
    done();
  });
  await measureStream(peers, takeThere);
  await measureRequests(peers);
  await peers.close();
  child.disconnect();
}

async function measureStream(peers: Peers, takeThere: () => Promise<Tally>): Promise<void> {
  let wake: () => void = () => {};
  const stream = peers.openStream(2, 1, new Uint8Array(0), {
    onDrain: () => wake(),
    onEnd: () => {},
  });
  await measure('a stream of 256 KiB chunks', 'chunk', takeThere, (done) => {
    if (stream?.write(new Uint8Array(256 * 1024)) === false) wake = done;
    else done();
  });
  stream?.abort('measured');
}

async function measureRequests(peers: Peers): Promise<void> {
  const body = new Uint8Array(BATCH_BODY_BYTES);
  let answers = 0;
  const endMs = performance.now() + spanMs;
  const cpu = process.cpuUsage();
  await new Promise<void>((resolve) => {
    const ask = (): void => {
      peers.request(2, 1, body, 1_000, () => {
        answers += 1;
        if (performance.now() < endMs) ask();
        else resolve();
      });
    };
    for (let i = 0; i < ASKED_AT_ONCE; i++) ask();
  });
  const { user, system } = process.cpuUsage(cpu);
  const rate = Math.round((answers * 1_000) / spanMs).toLocaleString('en');
  console.log(
    `${'256 requests at once'.padEnd(28)} ${rate.padStart(10)} answers/s         ` +
      `      CPU per answer: ${((user + system) / answers).toFixed(2)} us asking`,
  );
}

await (values.receiver === true ? receive() : send());
