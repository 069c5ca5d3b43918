// A member that nobody asks anything is small, with everything open.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('support/whole-member.ts', import.meta.url));

/** Measured: 79 MB. The rest is for what differs between machines and runs. */
const RESIDENT_MB_MAX = 92;

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
}

function start(directory: string, compiled: string): Running {
  const child = spawn(process.execPath, [PROGRAM, '--data', directory], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, NODE_COMPILE_CACHE: compiled, NODE_OPTIONS: '' },
  });
  return { child, ended: new Promise((resolve) => child.on('exit', resolve)) };
}

/** Resolves once it leads its shard: then all of it is at work. */
function untilItLeads({ child, ended }: Running): Promise<void> {
  return new Promise((resolve, reject) => {
    let heard = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      heard += chunk.toString();
      if (heard.includes('leader changed')) resolve();
    });
    void ended.then(() => reject(new Error(`the member ended: ${heard}`)));
  });
}

async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

async function directoryFor(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'parley-resident-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

test(`a member with everything open takes ${RESIDENT_MB_MAX} MB at most`, async (t) => {
  if (process.platform !== 'linux') {
    t.skip('resident memory is read from /proc');
    return;
  }
  const directory = await directoryFor(t);
  const [data, compiled] = [join(directory, 'data'), join(directory, 'compiled')];
  // The first start strips types, with a compiler that takes 17 MB; the second one does not.
  for (const isMeasured of [false, true]) {
    const running = start(data, compiled);
    const { child, ended } = running;
    t.after(() => child.kill('SIGKILL'));
    await untilItLeads(running);
    const found = await residentMb(child.pid ?? 0);
    child.kill('SIGTERM');
    await ended;
    if (isMeasured) assert.ok(found <= RESIDENT_MB_MAX, `${found.toFixed(1)} MB are resident`);
    t.diagnostic(`${found.toFixed(1)} MB resident`);
  }
});
