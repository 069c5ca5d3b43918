// Three members on this machine as processes, for benches: started, measured, killed and started
// again on the same data.

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must } from '../../src/base/assert.ts';
import type { SocketAddress } from '../../src/base/ids.ts';
import type { MemberId } from '../../src/engine/transport/index.ts';

export const CLUSTER_ID = '7b0c4a52-9d3e-4f16-8a27-5e6f9c1d2b30';

/** `1=HOST:PORT,2=HOST:PORT`. */
export function parsePeers(text: string): Map<MemberId, SocketAddress> {
  return new Map(
    text.split(',').map((pair) => {
      const [id, address] = pair.split('=');
      return [Number(id), must(address, 'N=HOST:PORT') as SocketAddress];
    }),
  );
}
