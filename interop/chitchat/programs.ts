// Building the Rust peers. The first build takes about a minute, later ones a blink.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import { join } from 'node:path';

const FOLDER = import.meta.dirname;

export interface Variant {
  readonly crate: '0.10.1' | '0.13.0';
  readonly program: string;
  /** The version of the messages that both sides start. */
  readonly protocolVersion: 0 | 1;
}

const BINARIES = join(FOLDER, 'target', 'release');

export const VARIANTS: readonly Variant[] = [
  { crate: '0.10.1', program: join(BINARIES, 'peer-0-10'), protocolVersion: 0 },
  { crate: '0.13.0', program: join(BINARIES, 'peer-0-13'), protocolVersion: 0 },
  { crate: '0.13.0', program: join(BINARIES, 'peer-0-13'), protocolVersion: 1 },
];

/** `missing` when there is no cargo on this machine. */
export async function buildPeers(): Promise<'built' | 'failed' | 'missing'> {
  const environment = { ...process.env, CARGO_TARGET_DIR: join(FOLDER, 'target') };
  const cargo = spawn('cargo', ['build', '--release', '--locked'], {
    cwd: FOLDER,
    env: environment,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  cargo.once('spawn', () => {
    if (cargo.pid !== undefined) setPriority(cargo.pid, constants.priority.PRIORITY_LOW);
  });
  try {
    const [code] = (await once(cargo, 'close')) as [number | null];
    return code === 0 ? 'built' : 'failed';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'missing';
    throw error;
  }
}
