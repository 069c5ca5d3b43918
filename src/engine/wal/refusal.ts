// Why a log is not opened. Thrown while it is read, answered as a value.

import type { DiskError } from '../../base/capabilities.ts';
import type { RefusalReason, WalRefusal } from './types.ts';

export const RESTORE =
  'Remove this member and let it join again empty, or restore its data directory.';

export class Refusal extends Error {
  readonly value: WalRefusal;

  constructor(reason: RefusalReason, path: string, offset: number, message: string) {
    super(message);
    this.value = { kind: 'refused', reason, path, offset, message };
  }
}

export function diskRefusal(error: DiskError): WalRefusal {
  const message = `The log cannot be opened: ${error.message}. Check the disk, then start again.`;
  return { kind: 'refused', reason: 'disk', path: '', offset: 0, message };
}
