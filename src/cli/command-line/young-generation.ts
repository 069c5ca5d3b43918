// Keeps V8's young generation small while a member starts. Almost everything that a start makes
// stays, and V8 takes such survival for load: it lets the young generation grow to its limit, which
// an idle member then holds for nothing. Under the load of replicas it grows as ever: throughput
// needs it. A member without replicas keeps it small: its keys survive as well, and 16 MiB of room
// for what dies young, three times over, was more than all of 20,000 keys.

import { setFlagsFromString } from 'node:v8';

/** V8 reads it whenever the young generation could grow. */
const GROWTH = '--semi-space-growth-factor';
const GROWTH_BY_DEFAULT = 2;

export function holdYoungGeneration(): void {
  setFlagsFromString(`${GROWTH}=1`);
}

export function releaseYoungGeneration(): void {
  setFlagsFromString(`${GROWTH}=${GROWTH_BY_DEFAULT}`);
}
