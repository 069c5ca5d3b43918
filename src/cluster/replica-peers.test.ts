import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplicaPeers } from './replica-peers.ts';

test('a member that is removed while it is met for the first time is refused', async () => {
  const meeting = Promise.withResolvers<'known'>();
  const roster = new ReplicaPeers({ meet: () => meeting.promise }, [2]);
  const hello = { clusterId: '', member: 2, incarnation: 2n, callee: 1, features: 0 };
  const admission = roster.admit(hello);
  roster.remove(2);
  meeting.resolve('known');
  assert.deepEqual(await admission, {
    kind: 'refused',
    reason: 'unknownMember',
    message: 'member 2 does not belong to this cluster',
  });
});
