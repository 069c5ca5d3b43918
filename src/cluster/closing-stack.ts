// What has been opened in order and is to be closed in reverse, when a later step fails as well as
// in the end: one list serves both, so the two cannot differ.

export class ClosingStack {
  readonly #steps: (() => Promise<void> | void)[] = [];
  #closing: Promise<void> | undefined;

  /** `close` lets go of what was just opened. */
  add(close: () => Promise<void> | void): void {
    this.#steps.push(close);
  }

  /**
   * Closes all, the newest first, each once the one before is done. A step that fails ends it: what
   * was not closed may still be at work, so that what lies beneath it must stay. Harmless when
   * called again.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const step of this.#steps.toReversed()) await step();
  }
}
