// `npm run bench -- state`: what many keys of gossip cost a member that is asked for all of them.
// One member as a process of its own; the readers are another one, so that they do not slow down
// the writes that are measured beside them.
//
//   set      seconds in which 20,000 keys of 1 KiB are set over eight connections
//   held     resident memory above idle, beside the bytes of keys and values
//   get      milliseconds of one GET / and its size
//   beside   set_kv while four readers ask for everything again and again
//   deaf     connections that ask and never read: memory, and set_kv meanwhile

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const SELF = fileURLToPath(import.meta.url);
const MIB = 1024 * 1024;
function flag(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
}

async function measure(keys: number, bytes: number, deaf: number): Promise<void> {
  const member = await Member.start();
  try {
    // The application is loaded with the first request.
    await member.get('/');
    await sleep(1_000);
    const idle = member.residentBytes();
    const value = 'x'.repeat(bytes);
    const setMs = await timed(() => member.setAll(keys, value));
    const held = keys * (bytes + 'key-000000'.length);
    console.log(`set      ${(setMs / 1_000).toFixed(2)} s`);
    await sleep(3_000);
    const above = member.residentBytes() - idle;
    console.log(`idle     ${mib(idle)}`);
    console.log(`held     ${mib(above)} above idle, ${(above / held).toFixed(2)} x the data`);
    for (let i = 0; i < 3; i++) {
      let size = 0;
      const ms = await timed(async () => {
        size = await member.get('/');
      });
      console.log(`get      ${ms.toFixed(0)} ms, ${mib(size)}`);
    }
    console.log(`held     ${mib(member.residentBytes() - idle)} above idle`);
    await member.report('alone', 3_000);
    const readers = spawn(process.execPath, [SELF, 'reader', member.address, '4'], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    await sleep(500);
    await member.report('beside', 10_000);
    readers.kill('SIGKILL');
    console.log(`held     ${mib(member.residentBytes() - idle)} above idle`);
    const sockets = Array.from({ length: deaf }, () => askAndLookAway(member.address));
    await member.report('deaf', 10_000);
    console.log(`held     ${mib(member.residentBytes() - idle)} above idle`);
    for (const socket of sockets) socket.destroy();
  } finally {
    member.child.kill('SIGKILL');
  }
}

class Member {
  readonly child: ChildProcess;
  readonly address: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 });

  private constructor(child: ChildProcess, address: string) {
    this.child = child;
    this.address = address;
  }

  static async start(): Promise<Member> {
    const child = spawn(process.execPath, [MAIN, '--listen_addr', '127.0.0.1:0'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let text = '';
    for await (const chunk of child.stderr) {
      text += String(chunk);
      const address = /"listen":"([^"]+)"/.exec(text)?.[1];
      if (address !== undefined) {
        child.stderr.resume();
        return new Member(child, address);
      }
    }
    throw new Error(`the member ended: ${text}`);
  }

  residentBytes(): number {
    const pages = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'));
    return Number(pages?.[1]) * 1024;
  }

  get(path: string): Promise<number> {
    return new Promise((resolve, reject) => {
      get(`http://${this.address}${path}`, { agent: this.#agent }, (answer) => {
        let size = 0;
        answer.on('data', (chunk: Buffer) => {
          size += chunk.length;
        });
        answer.on('end', () => resolve(size));
        answer.on('error', reject);
      }).on('error', reject);
    });
  }

  async setAll(keys: number, value: string): Promise<void> {
    let next = 0;
    const one = async (): Promise<void> => {
      for (let key = next++; key < keys; key = next++) {
        await this.get(`/set_kv?key=key-${String(key).padStart(6, '0')}&value=${value}`);
      }
    };
    await Promise.all(Array.from({ length: 8 }, one));
  }

  async report(what: string, forMs: number): Promise<void> {
    const times: number[] = [];
    const until = performance.now() + forMs;
    while (performance.now() < until) {
      times.push(await timed(() => this.get(`/set_kv?key=probe&value=${times.length}`)));
      await sleep(5);
    }
    times.sort((a, b) => a - b);
    const at = (share: number): string => (times[Math.floor(times.length * share)] ?? 0).toFixed(1);
    console.log(
      `${what.padEnd(8)} set_kv p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, worst ${at(0.9999)} ms`,
    );
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await work();
  return performance.now() - since;
}

async function readForEver(address: string, readers: number): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  const one = async (): Promise<void> => {
    for (;;) {
      await new Promise<void>((resolve, reject) => {
        get(`http://${address}/`, { agent }, (answer) => {
          answer.resume();
          answer.on('end', resolve);
          answer.on('error', reject);
        }).on('error', reject);
      });
    }
  };
  await Promise.all(Array.from({ length: readers }, one));
}

function askAndLookAway(address: string): Socket {
  const [host, port] = address.split(':');
  const socket = connect(Number(port), host);
  socket.on('error', () => {});
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  return socket;
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1)} MiB`;
}

const [role, ...rest] = process.argv.slice(2);
if (role === 'reader') await readForEver(String(rest[0]), Number(rest[1]));
else await measure(flag('keys', 20_000), flag('bytes', 1_024), flag('deaf', 150));
