export {
  DataPlane,
  type DataPlaneParts,
} from './data-plane.ts';
export type { ClusterPort, ClusterView } from './members.ts';
export { Node } from './node.ts';
export { describeSeed, parseSeed, type Seed } from './seeds.ts';
export { CLASSIC, type MemberSettings } from './settings.ts';
