// How often it is told what peers say wrongly.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLog } from '../../../test/support/silent-log.ts';
import { ManualClock } from '../../../test/support/wal-scenario.ts';
import type { LogFields } from '../../base/capabilities.ts';
import type { HostEvent } from './events.ts';
import { PeerFaults } from './peer-faults.ts';

test('[H92] what a peer says wrongly is told once a minute, with how often', async () => {
  const clock = new ManualClock();
  const lines: string[] = [];
  const warn = (_event: string, { detail, from, kind, untold }: LogFields = {}) => {
    lines.push(`${from} ${kind} ${detail} ${untold}`);
  };
  const heard: string[] = [];
  const events = {
    tell(event: HostEvent): void {
      if (event.kind === 'peerFault') heard.push(`${event.from} ${event.fault} ${event.detail}`);
    },
  };
  const faults = new PeerFaults({ clock, log: { ...silentLog, warn }, events });
  for (const detail of ['a', 'b', 'c']) faults.note('malformed', 2, 7, detail);
  faults.note('malformed', 3, 7, 'd');
  faults.note('contradiction', 2, 7, 'e');
  await clock.pass(60_000);
  faults.note('malformed', 2, 7, 'f');
  await clock.pass(60_000);
  faults.note('malformed', 2, 7, 'g');
  assert.deepEqual(lines, [
    '2 malformed a 0',
    '3 malformed d 0',
    '2 contradiction e 0',
    '2 malformed f 2',
    '2 malformed g 0',
  ]);
  // [H96] Who watches hears of every one.
  const all = ['2 malformed a', '2 malformed b', '2 malformed c', '3 malformed d'];
  all.push('2 contradiction e', '2 malformed f', '2 malformed g');
  assert.deepEqual(heard, all);
});
