export {
  DataPlane,
  type DataPlaneParts,
} from './data-plane.ts';
export { CLASSIC, type GossipSettings } from './gossip-settings.ts';
export { MemberGossip } from './member-gossip.ts';
export type { ClusterPort, ClusterView } from './members.ts';
export { describeSeed, parseSeed, type Seed } from './seeds.ts';
