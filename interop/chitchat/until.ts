// Waiting with a deadline that says what is awaited, half way and when it is too late.

import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 25;

/** Answers what is still missing, in words, or undefined when the wait is over. */
export type Missing = () => Promise<string | undefined>;

export async function until(what: string, deadlineMs: number, missing: Missing): Promise<void> {
  const started = performance.now();
  let warned = false;
  for (;;) {
    const lack = await missing();
    if (lack === undefined) return;
    const waitedMs = performance.now() - started;
    if (waitedMs > deadlineMs)
      throw new Error(`waited ${inSeconds(waitedMs)} for: ${what}\n${lack}`);
    if (!warned && waitedMs > deadlineMs / 2) {
      warned = true;
      process.stdout.write(`          ${inSeconds(waitedMs)} waiting for: ${what}\n`);
    }
    await sleep(POLL_MS);
  }
}

/** The opposite: nothing may be `wrong` for the whole of `spanMs`. */
export async function staysTrue(what: string, spanMs: number, wrong: Missing): Promise<void> {
  const started = performance.now();
  while (performance.now() - started < spanMs) {
    const fault = await wrong();
    if (fault !== undefined) throw new Error(`it did not stay true that ${what}\n${fault}`);
    await sleep(POLL_MS);
  }
}

function inSeconds(spanMs: number): string {
  return `${(spanMs / 1000).toFixed(1)} s`;
}
