import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { dropEmptyVariables, type FlagValues, memberOptions, unifySpelling } from './flags.ts';

function parse(...args: readonly string[]): FlagValues {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  for (const option of memberOptions((wrong) => new Error(wrong))) program.addOption(option);
  program.parse(unifySpelling(args), { from: 'user' });
  return program.opts();
}

test('the defaults are those of the classic program', () => {
  const flags = parse();
  assert.equal(flags.listen_addr, '127.0.0.1:10000');
  assert.equal(flags.interval_ms, 500);
  assert.equal(flags.cluster_id, 'testing');
  assert.equal(flags.dead_grace_ms, 10_000);
  assert.equal(flags.key_grace_ms, 60_000);
  assert.equal(flags.public_addr, undefined);
  assert.equal(flags.node_id, undefined);
  assert.equal(flags.seed, undefined);
});

test('dashes and underscores are one spelling, in names but not in values', () => {
  assert.deepEqual(
    unifySpelling(['--node-id', 'my-node-1', '--listen-addr=[::1]:1', '-h', '--', '--as-is']),
    ['--node_id', 'my-node-1', '--listen_addr=[::1]:1', '-h', '--', '--as-is'],
  );
  assert.equal(parse('--node-id', 'my-node-1').node_id, 'my-node-1');
});

test('seeds add up, whether repeated or in one list', () => {
  const { seed } = parse('--seed', '10.0.0.1:1', '--seed', 'n2:2,n3:3');
  assert.deepEqual(seed, [
    { kind: 'address', address: '10.0.0.1:1' },
    { kind: 'name', host: 'n2', port: 2 },
    { kind: 'name', host: 'n3', port: 3 },
  ]);
});

test('addresses are understood in any spelling and kept in one', () => {
  assert.equal(parse('--listen_addr', '[0:0:0:0:0:0:0:1]:7').listen_addr, '[::1]:7');
});

for (const [flag, value, says] of [
  ['--seed', '0.0.0.0:1', /cannot be called/],
  ['--seed', '[::]:1', /cannot be called/],
  ['--interval_ms', '1e3', /whole number/],
  ['--interval_ms', '-5', /whole number/],
  ['--protocol_version', '2', /from 0 to 1/],
  ['--phi_threshold', 'NaN', /from 0\.1/],
  ['--phi_threshold', '', /from 0\.1/],
  ['--node_id', '\ud800', /at most 255 bytes/],
] as const) {
  test(`${flag}=${JSON.stringify(value)} is refused`, () => {
    assert.throws(() => parse(`${flag}=${value}`), says);
  });
}

test('a flag wins over the environment, the environment over the default', () => {
  process.env['PARLEY_INTERVAL_MS'] = '77';
  process.env['PARLEY_SEED'] = 'n1:1,n2:2';
  try {
    assert.equal(parse().interval_ms, 77);
    assert.equal(parse().seed?.length, 2);
    const { interval_ms: interval, seed } = parse('--interval-ms', '88', '--seed', 'n3:3');
    assert.equal(interval, 88);
    assert.deepEqual(seed, [{ kind: 'name', host: 'n3', port: 3 }]);
  } finally {
    delete process.env['PARLEY_INTERVAL_MS'];
    delete process.env['PARLEY_SEED'];
  }
});

test('a variable that is set to nothing counts as not set', () => {
  const environment = { PARLEY_SEED: '', PARLEY_LOG: ' ', PARLEY_NODE_ID: 'n1', OTHER: '' };
  dropEmptyVariables(environment);
  assert.deepEqual(environment, { PARLEY_NODE_ID: 'n1', OTHER: '' });
});
