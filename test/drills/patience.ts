// How long drills wait. They run on the machine's own time, beside other tests, so none of them may
// count on how fast that is: how soon a leader is replaced is judged on virtual time, see the rules
// H70 and H71 in the host's tests. A drill judges that it happens.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/** What has not happened by then will not. */
export const PATIENCE_MS = 60_000;

export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  everyMs = 50,
): Promise<void> {
  const startedMs = performance.now();
  while (!(await isSo())) {
    assert.ok(performance.now() - startedMs < PATIENCE_MS, `never: ${what}`);
    await sleep(everyMs);
  }
}
