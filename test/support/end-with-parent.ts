// Preloaded (`node --import`) into processes of tests and drills: they do not outlive the one that
// started them, however that came to its end. Preload `end-with-parent.ts?PID`, the parent's
// number: it may be gone before this is read.

const LOOK_MS = 200;

const parent = Number(new URL(import.meta.url).search.slice(1));

setInterval(() => {
  // Whoever loses its parent is given another one by the system.
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}, LOOK_MS).unref();
