// The public face of the host of a member's replicas.

export { describeStop } from './condition.ts';
export type { HostEvent } from './events.ts';
export { FEATURE_DISK_SPACE } from './full-disk.ts';
export { FEATURE_HIBERNATION } from './hibernation.ts';
export { Host } from './host.ts';
export { FEATURE_MACHINES } from './leader-duties.ts';
export { HardStateMemory } from './log-writer.ts';
export { DEFAULT_HOST_SETTINGS, type HostSettings } from './settings.ts';
