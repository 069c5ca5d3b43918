// The same checks as `npm run tidy`, so that `npm test` alone says whether the house is in order.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { PARTS } from './tidy/parts.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

for (const part of PARTS) {
  test(`tidy: ${part.name}`, async () => {
    const { findings } = await part.run(root);
    assert.deepEqual(findings, [], `${findings.length} findings of npm run tidy`);
  });
}
