import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findingsOf } from './fixture.support.ts';
import { specRule } from './specs.ts';

const SPEC = '# Raft\n\n- **R1** One leader per term.\n- **R2** Logs agree.\n  More on it.\n';

function specs(files: Readonly<Record<string, string>>): string[] {
  return findingsOf(specRule, { 'src/core/raft/SPEC.md': SPEC, ...files });
}

test('rules cited in a comment, a message, a test name or a transcript are kept', () => {
  assert.deepEqual(
    specs({
      'src/core/raft/a.ts': '// Why: [R1]\n',
      'src/core/raft/a.test.ts': "test('[R2] logs agree', f);\n",
    }),
    [],
  );
  const transcript = '# [R1, R2]\ncampaign 1\n----\nok\n';
  assert.deepEqual(specs({ 'src/core/raft/testdata/a.txt': transcript }), []);
  assert.deepEqual(specs({ 'src/core/raft/a.ts': 'assert(x, `[R1][R2] ${why}`);\n' }), []);
});

test('a rule that nobody cites is found at its line', () => {
  assert.deepEqual(specs({ 'src/core/raft/a.ts': '// [R1]\n' }), [
    'src/core/raft/SPEC.md:4 no code or test of its module cites R2: write [R2] where it is kept',
  ]);
});

test('a rule cited only from another module is not kept by its own', () => {
  assert.equal(specs({ 'src/replica/a.ts': '// [R1, R2]\n' }).length, 2);
});

test('a citation of a rule that does not exist is found, also from elsewhere', () => {
  const cited = { 'src/core/raft/a.ts': '// [R1, R2]\n' };
  assert.deepEqual(specs({ ...cited, 'src/replica/a.ts': 'x;\n\n/* a\n b [R7] */\n' }), [
    'src/replica/a.ts:4 [R7] is no rule of src/core/raft/SPEC.md',
  ]);
});

test('brackets that are no citation pass', () => {
  const text = "// [R1, R2] and [V1], [x]\nconst a = b[R9];\n'[RFC3339]';\n";
  assert.deepEqual(specs({ 'src/core/raft/a.ts': text }), []);
});

test('an id has one place, and letters one SPEC.md', () => {
  const cited = { 'src/core/raft/a.ts': '// [R1, R2]\n' };
  const twice = { ...cited, 'src/core/raft/SPEC.md': `${SPEC}- **R1** Again.\n` };
  assert.match(specs(twice).join('\n'), /SPEC\.md:6 R1 is defined twice/);
  const other = { ...cited, 'src/core/gossip/SPEC.md': '# G\n\n- **R3** Mine.\n' };
  assert.match(specs(other).join('\n'), /takes the letters of src\/core\/raft\/SPEC\.md/);
});
