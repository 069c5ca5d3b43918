export { type Member, type MemberParts, openMember } from './member.ts';
export type { MemberSettings } from './settings.ts';
