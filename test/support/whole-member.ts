// A member with everything open, as `parley` runs it: gossip, front door, HTTP, log, store, shards.
//
//   node test/support/whole-member.ts --listen 127.0.0.1:0 --data DIRECTORY [--shards N]

import { parseArgs } from 'node:util';
import { must } from '../../src/base/assert.ts';
import type { SocketAddress } from '../../src/base/ids.ts';
import { holdYoungGeneration } from '../../src/cli/command-line/young-generation.ts';

const { values: flags } = parseArgs({
  options: {
    listen: { type: 'string', default: '127.0.0.1:0' },
    data: { type: 'string' },
    shards: { type: 'string', default: '1' },
  },
});
holdYoungGeneration();
const { serve } = await import('../../src/cli/command-line/serve.ts');
const { CLASSIC } = await import('../../src/cluster/index.ts');
await serve({
  dataDirectory: must(flags.data, '--data is missing'),
  logLevel: 'info',
  version: '0.0.0',
  settings: {
    cluster: { name: 'test', uuid: '11111111-2222-4333-8444-555555555555' },
    listen: flags.listen as SocketAddress,
    directory: '',
    gossip: { ...CLASSIC, nodeId: 'n1', advertised: undefined, seeds: [] },
    replicas: {
      member: 1,
      peers: [],
      shards: Array.from({ length: Number(flags.shards) }, (_, i) => ({
        shard: i + 1,
        founders: [1],
      })),
    },
  },
});
process.exit(0);
