// The public face of the host of a member's replicas.

export { Host } from './host.ts';
export { FEATURE_QUIET } from './quiet.ts';
export type { HostSettings } from './settings.ts';
