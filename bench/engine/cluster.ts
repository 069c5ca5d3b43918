// What the benches of members and of loads have in common.

import { readFileSync } from 'node:fs';
import { must } from '../../src/base/assert.ts';
import type { SocketAddress } from '../../src/base/ids.ts';
import type { MemberId } from '../../src/engine/transport/index.ts';

export const CLUSTER_ID = '7b0c4a52-9d3e-4f16-8a27-5e6f9c1d2b30';

/** Of the times in /proc: a hundredth of a second on every Linux there is. */
const TICKS_PER_SECOND = 100;

/** `1=HOST:PORT,2=HOST:PORT`. */
export function parsePeers(text: string): Map<MemberId, SocketAddress> {
  return new Map(
    text.split(',').map((pair) => {
      const [id, address] = pair.split('=');
      return [Number(id), must(address, 'N=HOST:PORT') as SocketAddress];
    }),
  );
}

export function formatPeers(peers: ReadonlyMap<MemberId, SocketAddress>): string {
  return [...peers].map(([id, address]) => `${id}=${address}`).join(',');
}

/** Time of processor that a process has had, all its threads together. Linux only. */
export function cpuSeconds(pid: number): number {
  // The second field is the name in parentheses, which may hold spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
