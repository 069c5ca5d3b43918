import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Log } from '../base/capabilities.ts';
import type { SocketAddress } from '../base/ids.ts';
import type { NodeLife, NodeView } from '../core/gossip/index.ts';
import { JoiningWatch } from './joining-watch.ts';

const SEED = '127.0.0.1:2' as SocketAddress;

function recordingLog(): { readonly log: Log; readonly warnings: string[] } {
  const warnings: string[] = [];
  const unexpected = (event: string): never => assert.fail(`not to be logged: ${event}`);
  const warn: Log['warn'] = (event, fields) => {
    warnings.push(`${event} ${String(fields?.['seeds'] ?? fields?.['addresses'])}`);
  };
  const log: Log = {
    debug: unexpected,
    info: unexpected,
    warn,
    error: unexpected,
    writes: () => true,
    with: () => log,
  };
  return { log, warnings };
}

function node(port: number, heartbeat: number, state: NodeLife = 'live'): NodeView {
  const address = `127.0.0.1:${port}` as SocketAddress;
  return { id: { nodeId: 'n', generation: 1n, address }, heartbeat, state } as NodeView;
}

test('seeds that do not answer are named after ten seconds and every minute', () => {
  const { log, warnings } = recordingLog();
  const watch = new JoiningWatch(log, 0);
  const counts: number[] = [];
  for (let ms = 0; ms <= 130_000; ms += 500) {
    watch.observe(ms, [SEED], []);
    if ([9_500, 10_000, 69_500, 70_000, 130_000].includes(ms)) counts.push(warnings.length);
  }
  assert.deepEqual(counts, [0, 1, 1, 2, 3]);
  assert.equal(warnings[0], 'no seed answers 127.0.0.1:2');
});

test('nothing is said without seeds, nor once somebody answered', () => {
  const { log, warnings } = recordingLog();
  const alone = new JoiningWatch(log, 0);
  const answered = new JoiningWatch(log, 0);
  answered.noteMessage();
  for (let ms = 0; ms <= 100_000; ms += 500) {
    alone.observe(ms, [], []);
    answered.observe(ms, [SEED], []);
  }
  assert.deepEqual(warnings, []);
});

test('two nodes of one name that both beat on are told of once', () => {
  const { log, warnings } = recordingLog();
  const watch = new JoiningWatch(log, 0);
  for (let round = 0; round < 40; round++) {
    watch.observe(round * 500, [], [node(1, 100 + round), node(2, round)]);
  }
  assert.deepEqual(warnings, ['two live members have the same node id 127.0.0.1:1 127.0.0.1:2']);
});

test('a run that ended is no second member, at another address or at the same one', () => {
  const { log, warnings } = recordingLog();
  const watch = new JoiningWatch(log, 0);
  for (let round = 0; round < 40; round++) {
    // Rumours of the last heartbeats go on for some rounds.
    watch.observe(round * 500, [], [node(1, 100 + Math.min(round, 6)), node(2, round)]);
  }
  for (let round = 40; round < 80; round++) {
    watch.observe(round * 500, [], [node(2, round), { ...node(2, round), state: 'live' }]);
    watch.observe(round * 500, [], [node(1, round, 'dead'), node(2, round)]);
  }
  assert.deepEqual(warnings, []);
});
