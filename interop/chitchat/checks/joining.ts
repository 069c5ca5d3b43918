import { converged, seesLive } from '../agreement.ts';
import type { Arena } from '../arena.ts';
import type { Peer } from '../peer.ts';
import { freeAddress, hasIpv6Loopback } from '../ports.ts';
import { staysTrue, until } from '../until.ts';
import type { Check } from './check.ts';

const JOIN_MS = 6_000;

export const joining: readonly Check[] = [
  {
    name: 'a Parley member joins through a Rust seed',
    run: async (arena) => {
      const seed = await arena.rust('rust');
      await becomeOne(seed, await arena.parley('parley', { seeds: [seed] }));
    },
  },
  {
    name: 'a Rust peer joins through a Parley seed',
    run: async (arena) => {
      const seed = await arena.parley('parley');
      await becomeOne(seed, await arena.rust('rust', { seeds: [seed] }));
    },
  },
  {
    name: 'a SYN sent to a peer that knows nobody is enough to meet',
    run: async (arena) => {
      const rust = await arena.rust('rust');
      const core = await arena.core('core');
      await rust.gossipTo(core.address);
      await becomeOne(rust, core);
    },
  },
  {
    name: 'a Parley member and a Rust peer meet over IPv6',
    run: async (arena) => {
      if (!(await hasIpv6Loopback())) return;
      const rust = await arena.rust('rust', { address: await freeAddress('::1') });
      const address = await freeAddress('::1');
      await becomeOne(rust, await arena.parley('parley', { address, seeds: [rust] }));
    },
  },
  {
    name: 'clusters of different ids refuse each other and leak no state',
    run: keepApart,
  },
  {
    name: 'sides that start different protocol versions answer in the version they are asked in',
    appliesTo: ({ protocolVersion }) => protocolVersion === 1,
    run: async (arena) => {
      const rust = await arena.rust('rust', { protocolVersion: 1 });
      const core = await arena.core('core', { protocolVersion: 0, seeds: [rust] });
      await becomeOne(rust, core);
      await until('all three messages in both versions', JOIN_MS, async () => {
        const seen = core.messagesSeen();
        const wanted = ['syn v1', 'synAck v0', 'ack v1'].filter((message) => !seen.has(message));
        return wanted.length === 0 ? undefined : `never received ${wanted.join(', ')}`;
      });
    },
  },
];

async function becomeOne(seed: Peer, newcomer: Peer): Promise<void> {
  await seed.set([['color', 'red']]);
  await newcomer.set([['color', 'blue']]);
  const both = [seed, newcomer];
  await until('both to see two live nodes and equal states', JOIN_MS, () => converged(both));
}

async function keepApart(arena: Arena): Promise<void> {
  const rust = await arena.rust('rust', { clusterId: 'left' });
  const parley = await arena.parley('parley', { clusterId: 'right', seeds: [rust] });
  const rustAsking = await arena.rust('rust-asking', { clusterId: 'left', seeds: [parley, rust] });
  await rust.set([['secret', 'of the left']]);
  await parley.set([['secret', 'of the right']]);
  const left = [rust, rustAsking];
  await until('the two of the left to meet', JOIN_MS, () => converged(left));
  await staysTrue('the clusters know nothing of each other', 1_000, async () => {
    const known = (await parley.view()).nodes.size;
    if (known !== 1) return `parley knows ${known} nodes`;
    return (await seesLive(rust, left)) ?? (await seesLive(rustAsking, left));
  });
  // Both directions were tried, or the silence would prove nothing.
  for (const [peer, words] of [
    [rust, 'received SYN message addressed to a different cluster'],
    [rustAsking, 'message rejected by peer: wrong cluster'],
  ] as const) {
    if (!peer.warnings().includes(words)) throw new Error(`${peer.nodeId} never said: ${words}`);
  }
}
