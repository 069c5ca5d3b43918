import assert from 'node:assert/strict';
import { test } from 'node:test';
import { difference, nodeOf, parseView } from './view.ts';

const ID = '{"node_id":"a","generation_id":18446744073709551615,"gossip_advertise_addr":"[::1]:7"}';
const ENTRIES = '{"k":{"value":"\\"generation_id\\":12","version":2,"status":"Set"}}';
const NODE = `{"chitchat_id":${ID},"heartbeat":3,"key_values":${ENTRIES},
  "max_version":2,"last_gc_version":1}`;
const STATE = `{"cluster_id":"c","cluster_state":{"node_states":[${NODE}],"seed_addrs":[]},
  "live_nodes":[${ID}],"dead_nodes":[]}`;
const TEXT = 'a/18446744073709551615@[::1]:7';

test('a generation beyond 2^53 keeps its digits, and a value that looks like one its text', () => {
  const view = parseView(STATE);
  assert.deepEqual(view.live, [TEXT]);
  const entry = { value: '"generation_id":12', version: 2, status: 'Set' };
  assert.deepEqual(nodeOf(view, TEXT).entries.get('k'), entry);
});

test('states differ by counters, statuses and missing keys, not by heartbeats', () => {
  const own = nodeOf(parseView(STATE), TEXT);
  assert.equal(difference(own, { ...own, heartbeat: 99 }), undefined);
  assert.equal(difference(own, undefined), 'the node is unknown');
  assert.equal(
    difference(own, { ...own, maxVersion: 1 }),
    '(gc 1, max 1) instead of (gc 1, max 2)',
  );
  assert.match(difference(own, { ...own, entries: new Map() }) ?? '', /^key k is absent/);
  const entries = new Map([['k', { value: '', version: 2, status: 'Delete' as const }]]);
  assert.match(difference(own, { ...own, entries }) ?? '', /^key k is Delete "" at version 2/);
});
