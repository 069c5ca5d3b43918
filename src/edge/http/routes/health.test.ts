import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createApp } from '../app.ts';
import { httpParts, recordingCluster } from '../cluster.support.ts';

test('a member that is alone is healthy and says that it has no shards', async () => {
  const app = await createApp(httpParts());
  const answer = await app.inject('/health/');
  assert.equal(answer.statusCode, 200);
  const { timestamp, ...rest } = answer.json<{ timestamp: string }>();
  const reason = 'no shards are open on this member';
  assert.deepEqual(rest, {
    status: 'healthy',
    cluster_size: 1,
    service_counts: {},
    leader_status: { leader: null, reason },
    raft_health: { shards: 0, reason },
  });
  assert.ok(Math.abs(Date.parse(timestamp) - Date.now()) < 60_000);
});

test('a cluster with a dead member is degraded', async () => {
  const alone = recordingCluster();
  const view = alone.view();
  const cluster = { ...alone, view: () => ({ ...view, dead: view.live }) };
  const app = await createApp(httpParts({ cluster }));
  assert.equal((await app.inject('/health')).json<{ status: string }>().status, 'degraded');
});
