import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { PARTS, readFindings } from './parts.ts';

test('the findings of a tool are told from the rest of what it prints', () => {
  const shape = {
    heading: /^(?<heading>[A-Z][a-z ]+) \(\d+\)$/,
    finding: /^(?<path>\S+?)(?:\((?<line>\d+)\))?: (?<message>.*)/,
  };
  const output = 'Unused files (1)\na.ts: a.ts\nUnused exports (1)\nb.ts(4): c\nall done\n';
  assert.deepEqual(readFindings(output, shape), [
    'a.ts: unused files: a.ts',
    'b.ts:4: unused exports: c',
  ]);
});

test('a tool that cannot be run is a finding, not a success', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'parley-tidy-'));
  mkdirSync(join(folder, 'node_modules'));
  writeFileSync(join(folder, 'a.ts'), 'x;\n');
  try {
    for (const part of PARTS.filter(({ name }) => name !== 'rules')) {
      const { findings } = await part.run(folder);
      assert.match(findings.join('\n'), /ENOENT/, part.name);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
