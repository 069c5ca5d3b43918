import type { Reporter, Suite } from '../suite.ts';
import { Arena } from './arena.ts';
import type { Check } from './checks/check.ts';
import { deletion } from './checks/deletion.ts';
import { joining } from './checks/joining.ts';
import { keys } from './checks/keys.ts';
import { lives } from './checks/lives.ts';
import { resets } from './checks/resets.ts';
import { buildPeers, VARIANTS, type Variant } from './programs.ts';

const CHECKS: readonly Check[] = [...joining, ...keys, ...deletion, ...resets, ...lives];

export const chitchat: Suite = {
  name: 'chitchat',
  summary: 'real Rust chitchat peers (0.10.1 and 0.13.0) and Parley members in one cluster',
  run: runAll,
};

async function runAll(reporter: Reporter): Promise<void> {
  reporter.say('Building the Rust peers (a minute the first time) ...');
  const outcome = await buildPeers();
  if (outcome === 'missing') {
    reporter.skip('there is no cargo on this machine to build the Rust peers with.');
    return;
  }
  if (outcome === 'failed') {
    await reporter.check('the Rust peers build', () => Promise.reject(new Error('see above')));
    return;
  }
  for (const variant of VARIANTS) {
    reporter.say(`\nchitchat ${variant.crate}, protocol version ${variant.protocolVersion}`);
    for (const check of CHECKS) {
      if (check.appliesTo?.(variant) === false) continue;
      await reporter.check(check.name, () => runInArena(check, variant));
    }
  }
}

/** A check passes when it succeeds and no peer came to harm meanwhile. */
async function runInArena(check: Check, variant: Variant): Promise<void> {
  const arena = new Arena(variant);
  const failures: string[] = [];
  try {
    await check.run(arena);
  } catch (error) {
    failures.push(error instanceof Error ? error.message : String(error));
  }
  failures.push(...arena.faults());
  await arena.clear();
  if (failures.length > 0) throw new Error(failures.join('\n'));
}
