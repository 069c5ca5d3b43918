// What befalls members is judged by typed events, whatever their log says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Log } from '../../src/base/capabilities.ts';
import type { MemberEvent } from '../../src/cluster/index.ts';
import { type ClusterCounters, noClusterCounts } from './counters.ts';
import { judgeEvent } from './events.ts';
import { openMember } from './member.ts';
import type { OpenProgram } from './program.ts';
import { runSeed } from './run.ts';

function judged(event: MemberEvent): { counted: Record<string, number>; wrong: string[] } {
  const counters = noClusterCounts();
  const wrong: string[] = [];
  judgeEvent(2, event, counters, (what) => wrong.push(what));
  const counted = Object.entries(counters).filter(([, count]) => count > 0);
  return { counted: Object.fromEntries(counted), wrong };
}

/** The log of a later release, in which no text and no field is as it was. */
function renamed(log: Log): Log {
  return {
    debug: () => log.debug('something else'),
    info: () => log.info('something else'),
    warn: () => log.warn('something else'),
    error: () => log.error('something else'),
    writes: (level) => log.writes(level),
    with: () => renamed(log),
  };
}

const openRenamed: OpenProgram = (capabilities, settings) =>
  openMember({ ...capabilities, log: renamed(capabilities.log) }, settings);

test('[H96] what members log changes neither the course of a run nor what is counted', async () => {
  for (const seed of [11, 17]) {
    const { counters, failure, hash } = await runSeed(seed);
    assert.ok(counters.snapshotsReceived > 0, 'else it would prove nothing');
    const other = await runSeed(seed, { open: openRenamed });
    assert.deepEqual([other.hash, other.failure], [hash, failure]);
    assert.deepEqual(other.counters, counters);
  }
});

test('[H96] what befalls a member is counted under its own name', () => {
  const at = { shard: 3, from: 1 };
  const cases: readonly (readonly [MemberEvent, keyof ClusterCounters])[] = [
    [{ kind: 'snapshotReceived', ...at }, 'snapshotsReceived'],
    [{ kind: 'snapshotFailed', ...at }, 'snapshotsBroken'],
    [{ kind: 'holesFound', shard: 3 }, 'logsWithHoles'],
    [{ kind: 'holesFilled', shard: 3 }, 'holesMended'],
    [{ kind: 'diskSlow' }, 'disksSilent'],
    [{ kind: 'diskNearlyFull' }, 'disksLow'],
    [{ kind: 'peerRefused', peer: 1, reason: 'incarnation' }, 'wipedRefused'],
  ];
  for (const [event, name] of cases) {
    assert.deepEqual(judged(event), { counted: { [name]: 1 }, wrong: [] });
  }
});

test('[H96] a shard that stops by itself, and a peer that contradicts, must never be', () => {
  const reason = { kind: 'bug', message: 'one and one is three' } as const;
  const stopped = judged({ kind: 'shardStopped', shard: 3, reason, stack: undefined });
  assert.deepEqual(stopped, {
    counted: {},
    wrong: ['m2: shard 3 stopped: a bug: one and one is three'],
  });
  const fault = { kind: 'peerFault', from: 1, shard: 3, detail: 'term 9' } as const;
  for (const name of ['contradiction', 'malformed'] as const) {
    const { wrong } = judged({ ...fault, fault: name });
    assert.deepEqual(wrong, [`m2: m1 ${name}: term 9`]);
  }
  assert.deepEqual(judged({ ...fault, fault: 'unknownShard' }), { counted: {}, wrong: [] });
});

test('of the refusals only that of a wiped member is counted', () => {
  for (const reason of ['unknownMember', 'duplicate', 'overloaded'] as const) {
    assert.deepEqual(judged({ kind: 'peerRefused', peer: 1, reason }), { counted: {}, wrong: [] });
  }
});
