// The public face of the host of a member's replicas.

export { Host } from './host.ts';
export type { HostParts } from './ports.ts';
export { FEATURE_QUIET } from './quiet.ts';
export { DEFAULT_SETTINGS, type HostSettings } from './settings.ts';
