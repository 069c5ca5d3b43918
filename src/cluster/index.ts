export { ClosingStack } from './closing-stack.ts';
export type { ClusterIdentity } from './cluster-identity.ts';
export { lockDirectory } from './directory-owner.ts';
export { CLASSIC, type GossipSettings } from './gossip-settings.ts';
export { MemberGossip } from './member-gossip.ts';
export { MemberNumbers } from './member-numbers.ts';
export { type MemberEvent, MemberReplicas, type MemberReplicasParts } from './member-replicas.ts';
export type { ClusterPort } from './members.ts';
export {
  type PeerSetting,
  type ReplicaSettings,
  refusalOfReplicas,
} from './replica-settings.ts';
export { describeSeed, parseSeed, type Seed } from './seeds.ts';
