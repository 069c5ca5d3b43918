// A log that nobody reads.

import type { Log } from '../../src/base/capabilities.ts';

export const silentLog: Log = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  writes: () => false,
  with: () => silentLog,
};
