// What a newcomer does: `./run-servers.sh`, the tour of the README word for word, and stopping it
// all again. One file, because all of it needs the ports that the README names.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PATIENCE_MS, ROOT, type State, until } from './support/member-process.ts';
import { missingPrograms, readTour, runStep } from './support/tour.ts';

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
    this.child = spawn('./run-servers.sh', { cwd: ROOT, stdio: ['pipe', 'pipe', 'pipe'] });
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
    return until('the members are announced', PATIENCE_MS, () => {
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

/** The block of commands that the script proposes, as somebody pastes it whole. */
function commandsIn(output: string): string {
  const block = /another terminal:\n\n([^]*?)\n\n/.exec(output)?.[1] ?? '';
  assert.ok(block.split('\n').length >= 4, 'commands were found');
  return block;
}

let first: Run | undefined;

test('five members start and see each other', { skip }, async (t) => {
  first = new Run();
  await first.ready();
  const seconds = /each other, ([0-9.]+) s after/.exec(first.output)?.[1];
  assert.ok(seconds !== undefined, 'the script says how long it took');
  t.diagnostic(`five see five ${seconds} s after the start`);
  for (const port of PORTS) {
    const state = await stateOf(port);
    assert.equal(state.live_nodes.length, 5);
    assert.equal(state.live_nodes[0]?.node_id, `node_${port}`);
  }
});

test('the tour of the README happens word for word', { skip }, async (t) => {
  const missing = await missingPrograms();
  if (missing !== '') {
    t.skip(`this machine has no ${missing}`);
    return;
  }
  const steps = readTour();
  assert.ok(steps.filter((step) => step.expected !== undefined).length >= 5, 'a tour was found');
  for (const { command, expected } of steps) {
    let output = await runStep(command, PATIENCE_MS);
    if (expected === undefined) continue;
    // On a busy machine a reader who sees nothing yet looks again.
    for (let looks = 0; output !== expected && isLook(command) && looks < LOOKS_MAX; looks++) {
      await sleep(500);
      output = await runStep(command, PATIENCE_MS);
    }
    assert.equal(output, expected, command);
  }
});

const LOOKS_MAX = 40;

/** Asks and changes nothing. */
function isLook(command: string): boolean {
  return !/set_kv|mark_for_deletion|kill/.test(command);
}

test('a second run replaces the first and goes on without input', { skip }, async () => {
  assert.ok(first !== undefined);
  const before = PORTS.map(pidOf);
  process.kill(pidOf(10_003), 'SIGKILL');
  await until('the script notices', PATIENCE_MS, () => {
    return first?.output.includes('node_10003 has ended') ? true : undefined;
  });
  assert.equal(first.child.exitCode, null, 'the others go on');

  const second = new Run();
  second.child.stdin?.end();
  await second.ready();
  assert.equal((await first.ended).code, 0, 'the first run ended in order');
  assert.equal(new Set([...before, ...PORTS.map(pidOf)]).size, 10, 'five new processes');
  assert.equal((await stateOf(10_005)).live_nodes.length, 5);
  await sleep(1_200);
  const pasted = await runStep(commandsIn(second.output), 25_000);
  assert.match(pasted, /"status": true[^]*"color": "blue"[^]*"status": true[^]*"live_nodes"/);
  assert.equal(second.child.exitCode, null, 'closed input is no reason to stop');
  second.child.kill('SIGTERM');
  assert.equal((await second.ended).code, 0);
  assert.equal(await firstBusyPort(), undefined);
});

test('a member that cannot start is named, with the reason it gave', { skip }, async () => {
  // The script asks for TCP ports only.
  const blocker = createSocket('udp4');
  await new Promise<void>((resolve) => {
    blocker.bind(10_004, '127.0.0.1', resolve);
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

test('a port that somebody has who never answers is named at once', { skip }, async () => {
  const blocker = createServer();
  await new Promise<void>((resolve) => {
    blocker.listen(10_001, '127.0.0.1', resolve);
  });
  const run = new Run();
  const tooLate = setTimeout(() => run.child.kill('SIGTERM'), PATIENCE_MS);
  try {
    const { code, output } = await run.ended;
    assert.match(output, /port 10001 is taken/);
    assert.equal(code, 1);
  } finally {
    clearTimeout(tooLate);
    blocker.close();
  }
});

test('Enter stops all five', { skip }, async () => {
  const run = new Run();
  await run.ready();
  const pids = PORTS.map(pidOf);
  run.child.stdin?.write('\n');
  assert.equal((await run.ended).code, 0);
  for (const pid of pids) assert.throws(() => process.kill(pid, 0), 'no member is left');
  assert.equal(await firstBusyPort(), undefined);
});
