// What a member says about itself when it starts and a person watches: the decisions it made and
// where to look next.

import { styleText } from 'node:util';
import type { MemberGossip } from '../cluster/index.ts';
import { describeSeed, type GossipSettings } from '../cluster/index.ts';

export function drawBanner(
  gossip: MemberGossip,
  settings: GossipSettings,
  version: string,
): string {
  const { nodeId, address } = gossip.members.self;
  const reach = address === gossip.address ? '' : `, peers use ${address}`;
  const seeds = settings.seeds.map(describeSeed).join(', ');
  const site = `http://${address}`;
  const rows: [string, string][] = [
    ['cluster', settings.clusterId],
    ['gossip', `${gossip.address} (UDP)${reach}`],
    ['http', `${site}/   ${site}/docs`],
    ['seeds', seeds === '' ? 'none: others join by naming this member' : seeds],
    ['stop', 'Ctrl-C leaves the cluster; twice stops at once'],
  ];
  const lines = rows.map(([name, text]) => `  ${styleText('dim', name.padEnd(9))}${text}`);
  return `${styleText('bold', nodeId)}  parley ${version}\n${lines.join('\n')}\n`;
}
