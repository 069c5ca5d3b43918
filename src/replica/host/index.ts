// The public face of the host of a member's replicas.

export { FEATURE_HIBERNATION } from './hibernation.ts';
export { Host } from './host.ts';
export { FEATURE_ROOM } from './room-watch.ts';
export { DEFAULT_HOST_SETTINGS, type HostSettings } from './settings.ts';
