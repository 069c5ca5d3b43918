// What `npm test` prints: one line per file, then what failed in full, and at the end what was
// skipped and why, and how many tests passed and failed.

import { relative, resolve } from 'node:path';
import type { FileRun } from './run-file.ts';

export interface ReportOptions {
  readonly root: string;
  /** Prints what tests write, also when they pass: for runs of a few files. */
  readonly verbose: boolean;
  /** A filter by name is at work: files without a test are expected. */
  readonly filtered: boolean;
  readonly write: (text: string) => void;
}

/** What the tests of one file come down to. */
interface Tally {
  passed: number;
  skipped: number;
  readonly failures: string[];
  /** Of the test at hand and those around it, outermost first. */
  readonly names: string[];
  /** What tests say about themselves. */
  readonly notes: string[];
}

export class Report {
  readonly #options: ReportOptions;
  readonly #skips: string[] = [];
  #files = 0;
  passed = 0;
  failed = 0;

  constructor(options: ReportOptions) {
    this.#options = options;
  }

  /** A file has ended. */
  take(file: string, run: FileRun): void {
    const { write, verbose } = this.#options;
    const name = relative(this.#options.root, resolve(file));
    const tally = this.#count(name, run);
    this.#files += 1;
    this.passed += tally.passed;
    this.failed += tally.failures.length;
    const failed = tally.failures.length > 0;
    const counts = [
      ...(failed ? [`${tally.failures.length} failed`] : []),
      ...(tally.passed > 0 || tally.skipped === 0 ? [`${tally.passed} passed`] : []),
      ...(tally.skipped > 0 ? [`${tally.skipped} skipped`] : []),
    ];
    write(`${name}  ${verdictOf(tally)}  ${counts.join(', ')}, ${seconds(run.durationMs)}\n`);
    for (const failure of tally.failures) write(`${indent(failure)}\n`);
    if (!failed && !verbose) return;
    const output = [run.output.trimEnd(), ...tally.notes].filter((text) => text !== '');
    if (output.length > 0) write(`${indent(output.join('\n'))}\n`);
  }

  /** The last lines of the run. */
  close(durationMs: number): void {
    const { write } = this.#options;
    for (const line of this.#skips) write(`skipped  ${line}\n`);
    write(`${this.#files} files in ${seconds(durationMs)}`);
    write(this.#skips.length === 0 ? '\n' : `, ${this.#skips.length} tests skipped\n`);
    write(`${this.passed} passed, ${this.failed} failed\n`);
  }

  #count(file: string, run: FileRun): Tally {
    const tally: Tally = { passed: 0, skipped: 0, failures: [], names: [], notes: [] };
    for (const line of run.lines) {
      if (line.kind === 'start') tally.names.splice(line.nesting, Infinity, line.name);
      else if (line.kind === 'note') tally.notes.push(line.text);
      else if (line.kind === 'pass') tally.passed += line.isSuite ? 0 : 1;
      else if (line.kind === 'skip') {
        tally.skipped += 1;
        this.#skips.push(`${file}: ${line.name}: ${line.why}`);
      } else {
        const path = tally.names.slice(0, line.nesting + 1).join(' > ');
        tally.failures.push(`${path}\n${line.why}`);
      }
    }
    const own = this.#ownFailure(tally, run);
    if (own !== undefined) tally.failures.push(own);
    return tally;
  }

  /** What is wrong with the file itself, whatever its tests say. */
  #ownFailure(tally: Tally, { durationMs, exitCode, isOverdue }: FileRun): string | undefined {
    const last = tally.names.join(' > ');
    if (isOverdue) {
      const where = last === '' ? 'no test had begun' : `the last test that began: ${last}`;
      return `killed: it still ran after ${seconds(durationMs)}; ${where}`;
    }
    if (exitCode === undefined) return `the file's process was killed; last test: ${last}`;
    if (exitCode !== 0 && tally.failures.length === 0) {
      return `the file's process ended with exit code ${exitCode}; last test: ${last}`;
    }
    const isEmpty = tally.passed + tally.skipped + tally.failures.length === 0;
    // What looks like a success would be a file that nobody runs.
    return isEmpty && !this.#options.filtered ? 'no test in this file' : undefined;
  }
}

function verdictOf({ failures, passed, skipped }: Tally): string {
  if (failures.length > 0) return 'FAILED';
  return passed === 0 && skipped > 0 ? 'skipped' : 'ok';
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '    ');
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}
