// What a member in production gets: this machine's clock, entropy, files, sockets and stderr.

import type { Capabilities, Log } from '../base/capabilities.ts';
import { SystemClock } from './clock/index.ts';
import { SystemDisk } from './disk/index.ts';
import { type LogOptions, openLog } from './log/index.ts';
import { randomFromSystem } from './random/index.ts';
import { systemNet } from './transport/index.ts';

export interface RealOptions extends LogOptions {
  /** Root of the member's files; made when the first file is. */
  readonly dataDirectory?: string;
  /** Replaces the log to stderr. */
  readonly log?: Log;
}

export function realCapabilities(options: RealOptions = {}): Capabilities {
  return {
    clock: new SystemClock(),
    random: randomFromSystem(),
    disk: new SystemDisk(options.dataDirectory ?? 'data'),
    net: systemNet,
    log: options.log ?? openLog(options),
  };
}
