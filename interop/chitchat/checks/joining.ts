import { freeAddress, hasIpv6Loopback } from '../../ports.ts';
import { converged, sameStates, seesLive } from '../agreement.ts';
import type { Arena } from '../arena.ts';
import type { CorePeer } from '../core-peer.ts';
import type { Peer } from '../peer.ts';
import type { RustPeer } from '../rust-peer.ts';
import { staysTrue, until } from '../until.ts';
import type { Check } from './check.ts';

const JOIN_MS = 6_000;
/** Without rounds of its own, so that only what is asked for is sent. */
const ONCE = { intervalMs: 600_000 };

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
    name: 'one exchange, started by either side, tells both sides everything',
    run: async (arena) => {
      await meetInOneExchange(await arena.rust('asking', ONCE), await arena.core('asked', ONCE));
      await meetInOneExchange(await arena.core('asking', ONCE), await arena.rust('asked', ONCE));
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
    appliesTo: ({ crate }) => crate === '0.13.0',
    run: answerAsAsked,
  },
];

async function becomeOne(seed: Peer, newcomer: Peer): Promise<void> {
  await seed.set([['color', 'red']]);
  await newcomer.set([['color', 'blue']]);
  const both = [seed, newcomer];
  await until('both to see two live nodes and equal states', JOIN_MS, () => converged(both));
}

async function meetInOneExchange(asking: RustPeer | CorePeer, asked: Peer): Promise<void> {
  await asking.set([['color', 'red']]);
  await asked.set([['color', 'blue']]);
  await asking.gossipTo(asked.address);
  await until('both to know both states', 1_000, () => sameStates([asking, asked]));
}

async function answerAsAsked(arena: Arena): Promise<void> {
  const started = arena.variant.protocolVersion;
  const other = started === 0 ? 1 : 0;
  const rust = await arena.rust('rust', { protocolVersion: started });
  const core = await arena.core('core', { protocolVersion: other, seeds: [rust] });
  await becomeOne(rust, core);
  const wanted = [`syn v${started}`, `synAck v${other}`, `ack v${started}`];
  await until('messages in both versions', JOIN_MS, () => {
    const missing = wanted.filter((message) => !core.messagesSeen().has(message));
    return Promise.resolve(missing.length === 0 ? undefined : `never received ${missing.join()}`);
  });
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
