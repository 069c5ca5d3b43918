// What a member says about itself when it starts and a person watches: the decisions it made and
// where to look next.

import { styleText } from 'node:util';
import { describeSeed } from '../../cluster/index.ts';
import type { Member, MemberSettings } from '../../member/index.ts';

export function drawBanner(member: Member, settings: MemberSettings, version: string): string {
  const { nodeId, address } = member.gossip.members.self;
  const reach = address === member.address ? '' : `, peers use ${address}`;
  const seeds = settings.gossip?.seeds.map(describeSeed).join(', ') ?? '';
  const site = `http://${address}`;
  const rows: [string, string][] = [
    ['cluster', settings.cluster.name],
    ['gossip', `${member.address} (UDP)${reach}`],
    ['http', `${site}/   ${site}/docs`],
    ['seeds', seeds === '' ? 'none: others join by naming this member' : seeds],
    ['stop', 'Ctrl-C leaves the cluster; twice stops at once'],
  ];
  const lines = rows.map(([name, text]) => `  ${styleText('dim', name.padEnd(9))}${text}`);
  return `${styleText('bold', nodeId)}  parley ${version}\n${lines.join('\n')}\n`;
}
