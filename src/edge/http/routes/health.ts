import { wallTime } from '../../../engine/clock/index.ts';
import { routeWithoutParameters, whole } from '../route.ts';
import { Type } from '../type.ts';

const NO_SHARDS = 'no shards are open on this member';

const Health = Type.Object({
  status: Type.String({
    enum: ['healthy', 'degraded', 'unhealthy'],
    description: 'Degraded while a member of the cluster is dead and not yet forgotten.',
  }),
  cluster_size: Type.Integer({
    minimum: 1,
    description: 'Live members as this one sees them, itself included.',
  }),
  service_counts: Type.Record(Type.String(), Type.Integer({ minimum: 0 }), {
    description: 'Live members by the service they announce; empty while none is announced.',
  }),
  leader_status: Type.Object({ leader: Type.Null(), reason: Type.String() }),
  raft_health: Type.Object({ shards: Type.Integer({ minimum: 0 }), reason: Type.String() }),
  timestamp: Type.String({ format: 'date-time' }),
});

export const healthRoute = routeWithoutParameters({
  path: '/health',
  name: 'getHealth',
  summary: 'Whether the cluster is well',
  description: 'A judgement on the cluster as this member sees it, for people and load balancers.',
  tag: 'cluster',
  answer: Health,
  changesState: false,
  run: ({ cluster, clock }) => {
    const { live, dead } = cluster.view();
    return whole({
      status: dead.length === 0 ? 'healthy' : 'degraded',
      cluster_size: live.length,
      service_counts: {},
      leader_status: { leader: null, reason: NO_SHARDS },
      raft_health: { shards: 0, reason: NO_SHARDS },
      timestamp: wallTime(clock.wallMs()),
    });
  },
});
