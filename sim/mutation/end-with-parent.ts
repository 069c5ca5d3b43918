// Preloaded (`node --import`) into processes that may run in circles, as a wrong product does: they
// do not outlive the one that started them. A thread of its own looks after that, because the main
// one may never come to it. Preload `end-with-parent.ts?PID`, the parent's number: it may be gone
// before this is read.

import { Worker } from 'node:worker_threads';

/** Whoever loses its parent is given another one by the system. */
const WATCH = `
  const { workerData } = require('node:worker_threads');
  setInterval(() => {
    if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL');
  }, 200);
`;

const parent = Number(new URL(import.meta.url).search.slice(1));
new Worker(WATCH, { eval: true, execArgv: [], workerData: parent }).unref();
