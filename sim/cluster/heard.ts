// What members say in their logs: some of it is counted, some of it must never be said.

import type { JournalNote } from '../journal.ts';
import type { ClusterCounters } from './counters.ts';
import type { Violate } from './reference.ts';

const COUNTED: Readonly<Record<string, keyof ClusterCounters>> = {
  'snapshot received': 'snapshotsReceived',
  'snapshot not received': 'snapshotsBroken',
  'log has holes': 'logsWithHoles',
  'log is whole again': 'holesMended',
  'disk does not answer': 'disksSilent',
  'disk nearly full': 'disksLow',
};

export function hear(note: JournalNote, counters: ClusterCounters, violate: Violate): void {
  const { event, fields, who } = note;
  const counter = COUNTED[event];
  if (counter !== undefined) counters[counter] += 1;
  const reason = String(fields['reason'] ?? '');
  if (event === 'peer refused' && reason.includes('lost its disk')) counters.wipedRefused += 1;
  if (event === 'shard stopped') violate(`${who}: ${event}: ${reason} ${fields['stack'] ?? ''}`);
  if (event === 'peer contradicts' && fields['kind'] !== 'unknownShard') {
    violate(`${who}: m${fields['from']} ${fields['kind']}: ${fields['detail']}`);
  }
}
