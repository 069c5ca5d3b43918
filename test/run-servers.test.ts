// run-servers.sh as a user runs it: five members up, experiments, down again.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, test } from 'node:test';
import { ROOT, type State, until } from './support/member-process.ts';

const PORTS = [10_001, 10_002, 10_003, 10_004, 10_005];

/** The ports are fixed, so the test must leave a cluster alone that someone runs already. */
async function firstBusyPort(): Promise<number | undefined> {
  for (const port of PORTS) {
    const free = await new Promise<boolean>((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (!free) return port;
  }
  return undefined;
}

const busy = await firstBusyPort();
const skip = busy === undefined ? false : `port ${busy} is in use, perhaps by a running cluster`;

const scripts = new Set<ChildProcess>();
after(() => {
  for (const script of scripts) script.kill('SIGTERM');
});

class Run {
  readonly child: ChildProcess;
  readonly ended: Promise<{ code: number | null; output: string }>;
  output = '';

  constructor() {
    const { PARLEY_SEED: _, ...env } = process.env;
    this.child = spawn('./run-servers.sh', { cwd: ROOT, env, stdio: ['pipe', 'pipe', 'pipe'] });
    scripts.add(this.child);
    const note = (chunk: Buffer): void => {
      this.output += chunk.toString();
    };
    this.child.stdout?.on('data', note);
    this.child.stderr?.on('data', note);
    this.ended = new Promise((resolve) => {
      this.child.on('close', (code) => {
        scripts.delete(this.child);
        resolve({ code, output: this.output });
      });
    });
  }

  ready(): Promise<true> {
    return until('the members are announced', 30_000, () => {
      return this.output.includes('stops all five') ? true : undefined;
    });
  }
}

async function stateOf(port: number): Promise<State> {
  return (await (await fetch(`http://127.0.0.1:${port}/`)).json()) as State;
}

function pidOf(port: number): number {
  return Number(readFileSync(`${ROOT}.parley/run/node_${port}.pid`, 'utf8'));
}

test('five members start, a second run replaces the first, Enter stops all', { skip }, async () => {
  const first = new Run();
  await first.ready();
  const seconds = /each other, ([0-9.]+) s after/.exec(first.output)?.[1];
  assert.ok(Number(seconds) <= 5, `five see five after ${seconds} s; five are allowed`);
  for (const port of PORTS) {
    const state = await stateOf(port);
    assert.equal(state.live_nodes.length, 5);
    assert.equal(state.live_nodes[0]?.node_id, `node_${port}`);
  }
  const before = PORTS.map(pidOf);

  // One member is killed: the others and the script go on.
  process.kill(pidOf(10_003), 'SIGKILL');
  await until('the script notices', 5_000, () => {
    return first.output.includes('node_10003 has ended') ? true : undefined;
  });
  assert.equal(first.child.exitCode, null);

  const second = new Run();
  await second.ready();
  assert.equal((await first.ended).code, 0, 'the first run ended in order');
  const now = PORTS.map(pidOf);
  assert.equal(new Set([...before, ...now]).size, 10, 'five new processes');
  assert.equal((await stateOf(10_005)).live_nodes.length, 5);

  second.child.stdin?.write('\n');
  const { code } = await second.ended;
  assert.equal(code, 0);
  for (const pid of now) assert.throws(() => process.kill(pid, 0), 'no member is left');
  assert.equal(await firstBusyPort(), undefined);
});

test('a member that cannot start is named, with the reason it gave', { skip }, async () => {
  const blocker = createServer();
  await new Promise<void>((resolve) => {
    blocker.listen(10_004, '127.0.0.1', resolve);
  });
  try {
    const { code, output } = await new Run().ended;
    assert.equal(code, 1);
    assert.match(output, /node_10004 ended/);
    assert.match(output, /10004.*E_ADDRESS_IN_USE/);
  } finally {
    blocker.close();
  }
  assert.equal(await firstBusyPort(), undefined, 'the other four were stopped');
});

test('with its input closed it runs until a signal', { skip }, async () => {
  const run = new Run();
  run.child.stdin?.end();
  await run.ready();
  await new Promise((resolve) => {
    setTimeout(resolve, 1_500);
  });
  assert.equal(run.child.exitCode, null, 'still there');
  run.child.kill('SIGTERM');
  assert.equal((await run.ended).code, 0);
  assert.equal(await firstBusyPort(), undefined);
});
