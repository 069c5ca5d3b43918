// What decides the effect of key-value commands, release by release.

import { limitOf, type MachineEdition } from '../../core/machine.ts';

/** [K9] Frozen, each of them: what a later release does otherwise is a version behind these. */
export const KV_EDITIONS: readonly MachineEdition[] = [
  { version: 1, limits: { keyBytesMax: 1_024, valueBytesMax: 128 * 1_024 } },
];

export function keyBytesMaxOf(edition: MachineEdition): number {
  return limitOf(edition, 'keyBytesMax');
}

export function valueBytesMaxOf(edition: MachineEdition): number {
  return limitOf(edition, 'valueBytesMax');
}
