// Where commands print. The level works on two kinds of lines alike: log lines of the core below
// it are left out, and NONE silences the commands as well, except for errors that a command
// returns (commands.ts adds those at the end).

import type { LogLevel, OutputEvent, PlacedEvent } from './model.ts';

export const LOG_LEVELS: readonly LogLevel[] = ['DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL', 'NONE'];

export class Output {
  level: LogLevel = 'DEBUG';
  #events: PlacedEvent[] = [];
  #indented = false;

  print(...events: readonly OutputEvent[]): void {
    if (this.level !== 'NONE') this.printAlways(...events);
  }

  printAlways(...events: readonly OutputEvent[]): void {
    for (const event of events) this.#events.push({ event, indented: this.#indented, line: 0 });
  }

  log(level: LogLevel, event: OutputEvent): void {
    if (LOG_LEVELS.indexOf(this.level) <= LOG_LEVELS.indexOf(level)) this.print(event);
  }

  /** What `work` prints stands under the header before it. */
  indent<Result>(work: () => Result): Result {
    const before = this.#indented;
    this.#indented = true;
    try {
      return work();
    } finally {
      this.#indented = before;
    }
  }

  /** What was printed since the last call. */
  take(): PlacedEvent[] {
    const taken = this.#events;
    this.#events = [];
    return taken;
  }
}
