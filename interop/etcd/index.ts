// Generated sequences against a real etcd, answers compared field by field.

import { Prng } from '../../src/base/prng.ts';
import type { Reporter, Suite, SuiteFlags } from '../suite.ts';
import { differenceOf, shortest, tell } from './compare.ts';
import { EtcdServer, etcdVersion } from './etcd-server.ts';
import { EtcdPeer } from './gateway.ts';
import { sequenceOf } from './generator.ts';
import { MachinePeer } from './machine-peer.ts';
import type { KeyspacePeer } from './steps.ts';
import { WRONGS, WrongPeer } from './wrong-peers.ts';

/** Of these, each wrong store must be noticed in one. */
const SEQUENCES_FOR_WRONG = 150;
const SEQUENCES_FOR_ITSELF = 25;
const SEQUENCES = 150;

export const etcd: Suite = {
  name: 'etcd',
  summary: 'a real etcd and the key-value machine answer the same sequences',
  run: runAll,
};

async function runAll(
  reporter: Reporter,
  { seed = 1, sequences = SEQUENCES }: SuiteFlags,
): Promise<void> {
  const version = etcdVersion();
  if (version === undefined) {
    reporter.skip('there is no etcd on this machine (Debian: etcd-server).');
    return;
  }
  reporter.say(`etcd ${version}`);
  const servers = await Promise.all([EtcdServer.start(), EtcdServer.start()]);
  try {
    const [one, other] = servers.map(({ url }) => new EtcdPeer(url)) as [EtcdPeer, EtcdPeer];
    await reporter.check(`two of it agree in ${SEQUENCES_FOR_ITSELF} sequences`, async () => {
      await agree(one, other, seed, SEQUENCES_FOR_ITSELF);
    });
    await reporter.check(`the machine agrees with it in ${sequences} sequences`, async () => {
      await agree(one, new MachinePeer(), seed, sequences);
    });
    for (const wrong of WRONGS) {
      await reporter.check(`one that ${wrong.what} is noticed`, async () => {
        await mustDiffer(one, new WrongPeer(wrong, other), seed);
      });
    }
  } finally {
    for (const server of servers) await server.close();
  }
}

async function agree(
  one: KeyspacePeer,
  other: KeyspacePeer,
  seed: number,
  count: number,
): Promise<void> {
  for (let at = seed; at < seed + count; at++) {
    const found = await differenceOf(sequenceOf(Prng.from(at, 'etcd')), one, other);
    if (found === undefined) continue;
    const least = await shortest(found, one, other);
    throw new Error(`sequence of seed ${at}\n${tell(least, one, other)}`);
  }
}

async function mustDiffer(one: KeyspacePeer, wrong: KeyspacePeer, seed: number): Promise<void> {
  for (let at = seed; at < seed + SEQUENCES_FOR_WRONG; at++) {
    const found = await differenceOf(sequenceOf(Prng.from(at, 'etcd')), one, wrong);
    if (found !== undefined) return;
  }
  throw new Error(`${SEQUENCES_FOR_WRONG} sequences do not show it`);
}
