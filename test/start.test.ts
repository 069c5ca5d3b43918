// Starting and stopping one member: what it refuses, in which words, and how it ends.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { MemberProcess, ROOT } from './support/member-process.ts';

async function takenTcpPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  after(() => server.close());
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function takenUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  after(() => socket.close());
  await once(socket, 'listening');
  return socket.address().port;
}

interface Refusal {
  readonly title: string;
  readonly flags: readonly string[];
  readonly environment?: NodeJS.ProcessEnv;
  readonly says: readonly RegExp[];
}

const tcpPort = await takenTcpPort();
const udpPort = await takenUdpPort();

const REFUSALS: readonly Refusal[] = [
  {
    title: 'an address whose TCP port is taken',
    flags: ['--listen_addr', `127.0.0.1:${tcpPort}`],
    says: [/TCP/, new RegExp(String(tcpPort)), /E_ADDRESS_IN_USE/],
  },
  {
    title: 'an address whose UDP port is taken',
    flags: ['--listen_addr', `127.0.0.1:${udpPort}`],
    says: [/UDP/, new RegExp(String(udpPort)), /E_ADDRESS_IN_USE/],
  },
  {
    title: 'an address of another machine',
    flags: ['--listen_addr', '192.0.2.1:0'],
    says: [/192\.0\.2\.1/, /E_ADDRESS_UNUSABLE/],
  },
  {
    title: 'a seed that has no address',
    flags: ['--listen_addr', '127.0.0.1:0', '--seed', 'nowhere.invalid:10001'],
    says: [/nowhere\.invalid/, /E_UNRESOLVABLE/],
  },
  {
    title: 'listening on every address without saying which one peers should use',
    flags: ['--listen_addr', '0.0.0.0:0'],
    says: [/every address of this machine/, /--public_addr [0-9.]+:\d+/],
  },
  {
    title: 'advertising 0.0.0.0',
    flags: ['--listen_addr', '127.0.0.1:0', '--public_addr', '0.0.0.0:10001'],
    says: [/cannot reach 0\.0\.0\.0:10001/, /--public_addr [0-9.]+:10001/],
  },
  {
    title: 'advertising [::]',
    flags: ['--listen_addr', '127.0.0.1:0', '--public_addr', '[::]:10001'],
    says: [/cannot reach \[::\]:10001/, /--public_addr/],
  },
  {
    title: 'a flag that does not exist, with a guess',
    flags: ['--sed', '127.0.0.1:10001'],
    says: [/unknown option '--sed'/, /Did you mean --seed\?/],
  },
  {
    title: 'an address without a port',
    flags: ['--listen-addr', '127.0.0.1'],
    says: [/listen_addr/, /127\.0\.0\.1:10001/],
  },
  {
    title: 'a name where an address is needed',
    flags: ['--public_addr=localhost:7'],
    says: [/not a name/, /127\.0\.0\.1:7/],
  },
  { title: 'an interval of zero', flags: ['--interval_ms', '0'], says: [/from 10 to 60000/] },
  { title: 'an interval in words', flags: ['--interval-ms', 'fast'], says: [/whole number/] },
  { title: 'a node id that is empty', flags: ['--node_id', ''], says: [/empty/] },
  { title: 'a node id of 300 bytes', flags: ['--node_id', 'x'.repeat(300)], says: [/255 bytes/] },
  { title: 'a seed without a port', flags: ['--seed', 'n1'], says: [/seed/, /host and a port/] },
  { title: 'a log level of its own', flags: ['--log_level', 'loud'], says: [/debug, info/] },
  { title: 'words that are no flags', flags: ['please'], says: [/too many arguments/] },
  {
    title: 'a bad value in the environment, naming the variable',
    flags: [],
    environment: { PARLEY_INTERVAL_MS: 'soon' },
    says: [/PARLEY_INTERVAL_MS/, /whole number/],
  },
];

describe('a member refuses', { concurrency: 2 }, () => {
  for (const { title, flags, environment, says } of REFUSALS) {
    test(title, async () => {
      const ended = await MemberProcess.run(flags, environment);
      assert.equal(ended.code, 1, JSON.stringify(ended));
      assert.equal(ended.stdout, '');
      const lines = ended.stderr.trimEnd().split('\n');
      assert.equal(lines.length, 1, `one line, not: ${ended.stderr}`);
      assert.match(String(lines[0]), /^parley: \S.* \[E_[A-Z_]+\]$/);
      for (const expected of says) assert.match(ended.stderr, expected);
    });
  }
});

test('./parley runs from anywhere, whatever Node the machine has', async () => {
  const { stdout } = await promisify(execFile)(`${ROOT}parley`, ['--version'], { cwd: '/' });
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test('the version and the help go to stdout', async () => {
  const [version, help] = await Promise.all([
    MemberProcess.run(['-V']),
    MemberProcess.run(['--help']),
  ]);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  assert.equal(version.code, 0);
  assert.equal(help.code, 0);
  for (const flag of ['listen_addr', 'public_addr', 'node_id', 'seed', 'interval_ms']) {
    assert.ok(help.stdout.includes(`--${flag} `), flag);
  }
});

test('a flag wins over the environment, and dashes are underscores', async () => {
  const ended = await MemberProcess.run(['--interval-ms', '0'], { PARLEY_INTERVAL_MS: '100' });
  assert.match(ended.stderr, /argument '0'/);
});

test('without a node id a member names itself after its address and two words', async () => {
  const member = await MemberProcess.start(undefined, '--public_addr', '127.0.0.9:7000');
  const [self] = (await member.state()).live_nodes;
  assert.match(String(self?.node_id), /^server:127\.0\.0\.9:7000-[a-z]+-[a-z]+$/);
  assert.equal(self?.gossip_advertise_addr, '127.0.0.9:7000');
  await member.signal('SIGKILL');
});

test('a member that is alone sees itself, and a seed that is itself does no harm', async () => {
  const earlier = await MemberProcess.start('alone');
  await earlier.signal('SIGKILL');
  const { address } = earlier;
  const seeds = ['--seed', address, '--seed', 'localhost:65000'];
  const member = await MemberProcess.start('alone', '--listen_addr', address, ...seeds);
  const state = await member.state();
  assert.equal(state.cluster_id, 'testing');
  assert.deepEqual(state.dead_nodes, []);
  const expected = [address, '127.0.0.1:65000'].toSorted();
  assert.deepEqual(state.cluster_state.seed_addrs, expected);
  const [self] = state.live_nodes;
  assert.equal(self?.gossip_advertise_addr, member.address);
  assert.equal(self?.generation, self?.generation_id);
  assert.ok(Math.abs((self?.generation ?? 0) - Date.now()) < 60_000);
  const ended = await member.signal('SIGTERM');
  assert.equal(ended.code, 0);
  assert.equal(ended.stdout, '');
});

test('a second signal ends a member at once', async () => {
  // A peer that never answers keeps the goodbye waiting, so that the second signal finds it there.
  const member = await MemberProcess.start('impatient', '--seed', `127.0.0.1:${udpPort}`);
  member.child.kill('SIGINT');
  const ended = await member.signal('SIGINT');
  assert.ok(ended.code === 130 || ended.code === 0, JSON.stringify(ended));
});
