// [H91] Ends the member's replicas when they cannot go on: once, and with everyone told.

import type { Clock, Log } from '../../base/capabilities.ts';

export interface SupervisorParts {
  readonly clock: Pick<Clock, 'afterTurn'>;
  readonly log: Log;
  readonly onFatal: (reason: string) => void;
}

export class Supervisor {
  readonly #parts: SupervisorParts;
  readonly #onClose: () => void;
  #isClosed = false;

  /** `onClose` stops all shards. It is called once. */
  constructor(parts: SupervisorParts, onClose: () => void) {
    this.#parts = parts;
    this.#onClose = onClose;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Nobody waits for `work`: if it breaks, the member stops and says why. */
  watch(what: string, work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      this.#parts.log.error('background work broke', { what, stack: stackOf(error) });
      this.fail(`${what}: ${reasonOf(error)}`);
    });
  }

  /** The member cannot go on: everyone who waits is told, then the member, once. */
  fail(reason: string): void {
    if (this.#isClosed) return;
    this.#parts.log.error('replicas stopped', { reason });
    this.close();
    this.#parts.clock.afterTurn(() => this.#parts.onFatal(reason));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#onClose();
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined;
}
