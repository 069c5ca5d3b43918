// Preloaded (`node --import`) into processes that may run in circles, as a wrong product does: they
// do not outlive the one that started them. A thread of its own looks after that, because the main
// one may never come to it. Preload `end-with-parent.ts?PID`, the parent's number: it may be gone
// before this is read.

import { Worker } from 'node:worker_threads';

/**
 * Processes that such a process starts are given the same flags: to them the number is that of a
 * grandparent, so that it is not compared with the parent's.
 */
const WATCH = `
  const { workerData } = require('node:worker_threads');
  setInterval(() => {
    try {
      process.kill(workerData, 0);
    } catch {
      process.kill(process.pid, 'SIGKILL');
    }
  }, 200);
`;

// The files of a test run have processes of their own, which inherit this: theirs is the runner.
const isTestFile = process.env['NODE_TEST_CONTEXT'] !== undefined;
const parent = isTestFile ? process.ppid : Number(new URL(import.meta.url).search.slice(1));
new Worker(WATCH, { eval: true, execArgv: [], workerData: parent }).unref();
