// What every interop suite is made of: named checks that pass or throw, counted by one reporter.

export interface Suite {
  readonly name: string;
  readonly summary: string;
  run(reporter: Reporter, flags: SuiteFlags): Promise<void>;
}

/** For suites that make up what they try. */
export interface SuiteFlags {
  readonly seed?: number;
  readonly sequences?: number;
}

export class Reporter {
  passed = 0;
  failed = 0;
  skipped = false;
  /** Only checks whose name contains this text run. */
  readonly #only: string;

  constructor(only: string) {
    this.#only = only;
  }

  say(line: string): void {
    process.stdout.write(`${line}\n`);
  }

  /** For a suite whose tools this machine lacks. */
  skip(why: string): void {
    this.skipped = true;
    this.say(`Skipped: ${why}`);
  }

  async check(name: string, run: () => Promise<void>): Promise<void> {
    if (!name.includes(this.#only)) return;
    const started = performance.now();
    try {
      await run();
      this.passed += 1;
      this.say(`  ok      ${name} (${secondsSince(started)} s)`);
    } catch (error) {
      this.failed += 1;
      this.say(`  FAILED  ${name} (${secondsSince(started)} s)`);
      this.say(indent(error instanceof Error ? error.message : String(error)));
    }
  }
}

function secondsSince(startedMs: number): string {
  return ((performance.now() - startedMs) / 1000).toFixed(1);
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '          ');
}
