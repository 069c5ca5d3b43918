// Five members as five processes, told what a newcomer would tell them.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { must } from '../src/base/assert.ts';
import { MemberProcess, PATIENCE_MS, type State, until } from './support/member-process.ts';
import { checkAnswer } from './support/openapi.ts';

/** The default interval, so that the times below are what users see. Deaths are found sooner. */
const FLAGS = ['--initial_interval_ms', '300', '--dead_grace_ms', '60000'];
const NAMES = ['n1', 'n2', 'n3', 'n4', 'n5'];

let members: MemberProcess[] = [];

before(async () => {
  const first = await MemberProcess.start('n1', ...FLAGS);
  const rest = NAMES.slice(1).map((name) =>
    MemberProcess.start(name, '--seed', first.address, ...FLAGS),
  );
  members = [first, ...(await Promise.all(rest))];
});

function member(index: number): MemberProcess {
  const found = members[index];
  assert.ok(found !== undefined);
  return found;
}

/** Waits until every one of `observers` answers true to `sees`. */
async function untilAll(
  what: string,
  observers: readonly MemberProcess[],
  sees: (state: State) => boolean,
): Promise<void> {
  await Promise.all(
    observers.map((observer) =>
      until(`${observer.address} sees ${what}`, PATIENCE_MS, async () => {
        return sees(await observer.state()) ? true : undefined;
      }),
    ),
  );
}

function names(nodes: State['live_nodes']): string {
  return nodes
    .map((node) => node.node_id)
    .toSorted()
    .join(' ');
}

test('all five see all five, each naming itself first', async () => {
  await untilAll('five', members, (state) => state.live_nodes.length === 5);
  for (const [i, one] of members.entries()) {
    const state = await one.state();
    assert.equal(state.live_nodes[0]?.node_id, NAMES[i]);
    assert.equal(names(state.live_nodes), NAMES.join(' '));
    assert.deepEqual(state.dead_nodes, []);
    assert.equal(state.cluster_state.node_states.length, 5);
    const seeds = i === 0 ? [] : [member(0).address];
    assert.deepEqual(state.cluster_state.seed_addrs, seeds);
  }
});

test('a key set on one member comes to all others', async () => {
  const answer = await member(1).fetch('/set_kv?key=color&value=deep+blue');
  assert.deepEqual(await answer.json(), { status: true });
  await untilAll('the key', members, ({ cluster_state }) => {
    return cluster_state['color'] === 'deep blue';
  });
  const [, owner] = (await member(4).state()).cluster_state.node_states;
  assert.equal(owner?.chitchat_id.node_id, 'n2');
  const { version = 0, ...color } = owner.key_values['color'] ?? {};
  assert.deepEqual(
    [Object.keys(owner.key_values), color],
    [['color'], { value: 'deep blue', status: 'Set' }],
  );
  assert.equal(version, owner.max_version);
});

test('the value written last wins on every member, whoever wrote it', async () => {
  await member(3).fetch('/set_kv/?key=color&value=green');
  await untilAll('green', members, ({ cluster_state }) => cluster_state['color'] === 'green');
  await member(0).fetch('/set_kv?key=color&value=red');
  await untilAll('red', members, ({ cluster_state }) => cluster_state['color'] === 'red');
});

test('a deleted key is gone for all, and its tombstone is in the state', async () => {
  await member(2).fetch('/set_kv?key=brief&value=1');
  await untilAll('the key', members, ({ cluster_state }) => 'brief' in cluster_state);
  // Looked at now: the owner soon deletes it as well, with a version of its own.
  const [, , owner] = (await member(0).state()).cluster_state.node_states;
  const value = must(owner?.key_values['brief'], 'the value is told');
  await member(4).fetch('/mark_for_deletion?key=brief');
  await untilAll('no key', members, ({ cluster_state }) => !('brief' in cluster_state));
  const [, , , , deleter] = (await member(0).state()).cluster_state.node_states;
  const { version, ...tombstone } = must(deleter?.key_values['brief'], 'a tombstone is told');
  assert.deepEqual(tombstone, { value: '', status: 'Delete' });
  assert.ok(version > value.version);
});

test('a key is deleted for all on a member that never set it', async () => {
  await member(2).fetch('/set_kv?key=shared&value=1');
  await member(3).fetch('/set_kv?key=shared&value=2');
  const shared = (state: State): boolean => 'shared' in state.cluster_state;
  await untilAll('the key', members, shared);
  const deleted = await member(4).fetch('/mark_for_deletion?key=shared');
  assert.deepEqual(await deleted.json(), { status: true });
  await untilAll('no key', members, (state) => !shared(state));
});

test('a part of the state is asked for by key or by prefix', async () => {
  for (const key of ['part', 'part/1', 'part/2', 'other']) {
    await member(1).fetch(`/set_kv?key=${key}&value=x`);
  }
  for (const [query, expected] of [
    ['key=part', ['part']],
    ['prefix=part%2F', ['part/1', 'part/2']],
  ] as const) {
    const state = (await (await member(1).fetch(`/?${query}`)).json()) as State;
    const { node_states: nodes, seed_addrs: _seeds, ...won } = state.cluster_state;
    assert.deepEqual(Object.keys(won), expected);
    assert.deepEqual(Object.keys(nodes[1]?.key_values ?? {}), expected);
  }
});

test('awkward texts arrive unchanged', async () => {
  const texts: Readonly<Record<string, string>> = {
    'a b+c&d=e/%?#': 'x=1&y="2"\\\n\t',
    'k-grün-😀': '日本語 😀',
    '7': 'seven',
    ['__proto__']: 'a key like any other',
    empty: '',
  };
  for (const [key, value] of Object.entries(texts)) {
    const query = new URLSearchParams({ key, value }).toString();
    assert.equal((await member(0).fetch(`/set_kv?${query}`)).status, 200, key);
  }
  await untilAll('the texts', [member(4)], ({ cluster_state }) => {
    return Object.entries(texts).every(([key, value]) => {
      return Object.entries(cluster_state).some(([k, v]) => k === key && v === value);
    });
  });
});

test('no key can pose as what members say of themselves', async () => {
  for (const key of ['node_states', 'seed_addrs', 'service', 'ready', 'parley.leaving']) {
    const answer = await member(0).fetch(`/set_kv?key=${key}&value=shadow`);
    assert.equal(answer.status, 403, key);
    assert.equal(((await answer.json()) as { code: string }).code, 'E_RESERVED');
  }
});

test('every answer is as the OpenAPI document says', async () => {
  const document: unknown = await (await member(0).fetch('/v1/openapi.json')).json();
  for (const path of [
    '/',
    '/set_kv?key=a&value=b',
    '/set_kv?key=a',
    '/set_kv?key=%C3%A4&value=b',
    `/set_kv?key=a&value=${'x'.repeat(20_000)}`,
    '/set_kv?key=parley.leaving&value=b',
    '/?key=a',
    '/?key=a&prefix=b',
    '/?nothing=1',
    '/health',
    `/set_kv?key=a&value=${'%C3%A4'.repeat(20_000)}`,
    '/mark_for_deletion?key=nobody-has-it',
    '/mark_for_deletion',
  ]) {
    await checkAnswer(document, path, await member(0).fetch(path));
  }
  const crossSite = { headers: { 'sec-fetch-site': 'cross-site' } };
  const path = '/set_kv?key=a&value=b';
  await checkAnswer(document, path, await member(0).fetch(path, crossSite));
});

test('a member that leaves in order is dead for the others at once', async () => {
  const [leaver] = members.splice(4, 1);
  const ended = await leaver?.signal('SIGTERM');
  assert.equal(ended?.code, 0);
  await untilAll('n5 dead', members, ({ dead_nodes }) => names(dead_nodes) === 'n5');
  // It said goodbye: nobody had to find out by its silence. The log speaks once per round.
  await until('a line in the log', PATIENCE_MS, () => member(0).lines('member left')[0]);
  const died = member(0).lines('member died');
  assert.ok(!JSON.stringify(died).includes('n5'), 'others may seem dead on a busy machine');
});

test('a member that is killed is found dead, and lives again under a new generation', async () => {
  const [victim] = members.splice(3, 1);
  assert.ok(victim !== undefined);
  const firstRun = (await victim.state()).live_nodes[0];
  await victim.signal('SIGKILL');
  await untilAll('n4 dead', members, ({ dead_nodes }) => {
    return names(dead_nodes) === 'n4 n5';
  });
  await until('a line in the log', PATIENCE_MS, () => member(0).lines('member died')[0]);

  const flags = ['--listen_addr', victim.address, '--seed', member(1).address, ...FLAGS];
  const again = await MemberProcess.start('n4', ...flags);
  members.push(again);
  await untilAll('n4 back', members, ({ live_nodes }) => {
    return names(live_nodes) === 'n1 n2 n3 n4';
  });
  const secondRun = (await again.state()).live_nodes[0];
  assert.ok((secondRun?.generation ?? 0) > (firstRun?.generation ?? Infinity));
  // The keys of the dead run are not the new run's, and nobody takes one run for the other.
  const state = await member(0).state();
  const runs = state.cluster_state.node_states.filter((node) => {
    return node.chitchat_id.node_id === 'n4';
  });
  assert.equal(runs.length, 2);
});

test('members of another cluster are not taken in', async () => {
  const flags = ['--cluster_id', 'other', '--seed', member(0).address, '--interval_ms', '50'];
  const stranger = await MemberProcess.start('stranger', ...flags);
  await sleep(700);
  assert.deepEqual(await stranger.live(), ['stranger']);
  assert.ok(!names((await member(0).state()).live_nodes).includes('stranger'));
  await stranger.signal('SIGKILL');
});
