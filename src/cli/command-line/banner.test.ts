import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { World } from '../../../sim/index.ts';
import { CLASSIC, type GossipSettings, parseSeed, type Seed } from '../../cluster/index.ts';
import { openMember } from '../../member/index.ts';
import { drawBanner } from './banner.ts';

async function bannerOf(more: Partial<GossipSettings>): Promise<string> {
  const world = new World({ seed: 1 });
  const { capabilities } = world.machine('n1');
  const settings = {
    cluster: { name: CLASSIC.clusterId },
    listen: world.machine('n1').address(10_001),
    gossip: { ...CLASSIC, nodeId: 'n1', advertised: undefined, seeds: [], ...more },
  };
  const parts = { capabilities, proposedHost: '127.0.0.1' };
  const opening = await world.settle(openMember(parts, settings));
  assert(opening.kind === 'opened');
  return stripVTControlCharacters(drawBanner(opening.member, settings, '1.2.3'));
}

test('the banner says who the member is, where to look and how to stop it', async () => {
  const banner = await bannerOf({});
  assert.match(banner, /^n1 {2}parley 1\.2\.3\n/);
  assert.match(banner, /cluster +testing\n/);
  assert.match(banner, /gossip +(10\.[0-9.]+:10001) \(UDP\)\n/);
  assert.match(banner, /http +http:\/\/10\.[0-9.]+:10001\/ {3}http:\/\/10\.[0-9.]+:10001\/docs\n/);
  assert.match(banner, /seeds +none/);
  assert.match(banner, /Ctrl-C/);
});

test('the banner names the address that peers use where it is another one', async () => {
  const advertised = '192.0.2.1:7000' as GossipSettings['listen'];
  const banner = await bannerOf({ advertised, seeds: [parseSeed('10.9.9.9:7') as Seed] });
  assert.match(banner, /peers use 192\.0\.2\.1:7000/);
  assert.match(banner, /seeds +10\.9\.9\.9:7\n/);
});
