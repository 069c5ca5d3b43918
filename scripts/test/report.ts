// What `npm test` prints: one line per file, then what failed in full and what was skipped and why,
// and as the last line how many tests passed and failed.

import { relative, resolve } from 'node:path';
import type { TestEvent } from 'node:test/reporters';
import { inspect, stripVTControlCharacters } from 'node:util';

/**
 * Of the file being reported. The runner tells the results of one file after those of another, and
 * names with each the file where `test` was called, which for a shared suite is not the test file.
 */
interface Tally {
  passed: number;
  failures: string[];
  /** Of the test at hand and those around it, outermost first. */
  readonly names: string[];
}

export interface ReportOptions {
  readonly root: string;
  /** Prints what tests write, also when they pass: for runs of a few files. */
  readonly verbose: boolean;
  /** A filter by name is at work: files without a test are expected. */
  readonly filtered: boolean;
  readonly write: (text: string) => void;
}

export class Report {
  readonly #options: ReportOptions;
  readonly #files = new Set<string>();
  /** What was printed while a file ran; unlike results it may come while another is reported. */
  readonly #output = new Map<string, string>();
  #tally: Tally = { passed: 0, failures: [], names: [] };
  readonly #skipped: string[] = [];
  passed = 0;
  failed = 0;

  constructor(options: ReportOptions) {
    this.#options = options;
  }

  take(event: TestEvent): void {
    if (event.type === 'test:stdout' || event.type === 'test:stderr') {
      this.#print(event.data.file, event.data.message);
    } else if (event.type === 'test:diagnostic') {
      // Errors after a test's end arrive this way, and what a test says about itself.
      const { file, message } = event.data;
      if (file !== undefined) this.#print(file, `${message}\n`);
    } else if (event.type === 'test:start') {
      this.#tally.names.splice(event.data.nesting, Infinity, event.data.name);
    } else if (event.type === 'test:pass') this.#pass(event.data);
    else if (event.type === 'test:fail') this.#fail(event.data);
    else if (event.type === 'test:summary' && event.data.file !== undefined) {
      this.#closeFile(event.data.file, event.data.duration_ms);
    }
  }

  /** The last lines of the run. */
  close(durationMs: number): void {
    const { write } = this.#options;
    for (const line of this.#skipped) write(`skipped  ${line}\n`);
    write(`${this.#files.size} files in ${seconds(durationMs)}\n`);
    write(`${this.passed} passed, ${this.failed} failed\n`);
  }

  #print(file: string, text: string): void {
    const key = resolve(file);
    this.#output.set(key, `${this.#output.get(key) ?? ''}${text}`);
  }

  #pass(data: Extract<TestEvent, { type: 'test:pass' }>['data']): void {
    const tally = this.#tally;
    if (standsForFile(data)) {
      // No test in it: what looks like a success would be a file that nobody runs.
      if (!this.#options.filtered) {
        this.failed += 1;
        tally.failures.push('no test in this file');
      }
      this.#closeFile(data.file as string, data.details.duration_ms);
    } else if (data.skip !== undefined) {
      const why = typeof data.skip === 'string' ? data.skip : 'without saying why';
      this.#skipped.push(`${this.#short(data.file)}: ${data.name}: ${why}`);
    } else if (data.details.type !== 'suite') {
      this.passed += 1;
      tally.passed += 1;
    }
  }

  #fail(data: Extract<TestEvent, { type: 'test:fail' }>['data']): void {
    const tally = this.#tally;
    const { error } = data.details;
    // A test around a failed one fails as well; it is the inner one that counts and tells why.
    const echoes = 'failureType' in error && error.failureType === 'subtestsFailed';
    if (!echoes) {
      this.failed += 1;
      const path = standsForFile(data) ? [] : tally.names.slice(0, data.nesting + 1);
      tally.failures.push(
        [path.join(' > '), describeError(error.cause ?? error)].join('\n').trim(),
      );
    }
    if (standsForFile(data)) this.#closeFile(data.file as string, data.details.duration_ms);
  }

  #closeFile(file: string, durationMs: number): void {
    const { write, verbose } = this.#options;
    const tally = this.#tally;
    const key = resolve(file);
    const output = this.#output.get(key)?.trimEnd() ?? '';
    this.#tally = { passed: 0, failures: [], names: [] };
    this.#files.add(key);
    const failed = tally.failures.length > 0;
    const count = `${tally.passed} passed`;
    const verdict = failed ? `FAILED  ${tally.failures.length} failed, ${count}` : `ok  ${count}`;
    write(`${this.#short(file)}  ${verdict}, ${seconds(durationMs)}\n`);
    for (const failure of tally.failures) write(`${indent(failure)}\n`);
    if (!failed && !verbose) return;
    if (output !== '') write(`${indent(output)}\n`);
    this.#output.delete(key);
  }

  #short(file: string | undefined): string {
    return file === undefined ? '?' : relative(this.#options.root, resolve(file));
  }
}

/** A file that registers no test, or dies before or after its tests, reports under its own name. */
function standsForFile({ name, file }: { name: string; file?: string | undefined }): boolean {
  return file !== undefined && resolve(name) === resolve(file);
}

function describeError(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : inspect(error);
  // Lines of node itself tell the reader nothing.
  const own = text
    .split('\n')
    .filter((line) => !/^\s+at .*\(?node:(internal|async_hooks)/.test(line));
  return stripVTControlCharacters(own.join('\n'));
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '    ');
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}
