import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ERRORS, type ErrorCode, ParleyError } from './errors.ts';

const PAGE = new URL('../../docs/reference/errors.md', import.meta.url);
const codes = Object.keys(ERRORS) as ErrorCode[];

/** What the page says under each `## CODE`. */
function sections(): Map<string, string> {
  const found = new Map<string, string>();
  for (const section of readFileSync(PAGE, 'utf8').split(/^## /m).slice(1)) {
    const [code, ...rest] = section.split('\n');
    assert.equal(found.has(code as string), false, `${code} has two sections`);
    found.set(code as string, rest.join('\n').trim());
  }
  return found;
}

test('the page of errors has a section for every code, in the same order, and no other', () => {
  assert.deepEqual([...sections().keys()], codes);
});

test('a section begins with what the catalogue says and goes on with what to do', () => {
  for (const [code, section] of sections()) {
    const { title, http, retry } = ERRORS[code as ErrorCode];
    const [first] = section.split('\n');
    assert.equal(first, `${title}. HTTP ${http}, retry ${retry}.`, code);
    const labels = [...section.matchAll(/^- \*\*(.+?):\*\* /gm)].map((match) => match[1]);
    assert.deepEqual(labels, ['Means', 'Usual causes', 'What to do'], code);
  }
});

test('codes are names that stay, statuses are refusals', () => {
  for (const code of codes) {
    assert.match(code, /^E_[A-Z]+(_[A-Z]+)*$/);
    assert.ok(ERRORS[code].http >= 400 && ERRORS[code].http <= 599, code);
    assert.doesNotMatch(ERRORS[code].title, /[.!]$/, `${code}: a title is no sentence`);
  }
});

test('one line for a terminal: what happened, what to do, the code last', () => {
  const bare = new ParleyError('E_CONFIG', 'interval_ms is 0.');
  assert.equal(bare.line, 'interval_ms is 0. [E_CONFIG]');
  const advised = new ParleyError('E_CONFIG', 'interval_ms is 0.', { advice: 'Give at least 10.' });
  assert.equal(advised.line, 'interval_ms is 0. Give at least 10. [E_CONFIG]');
});

test('an error keeps its code, its subject and its cause', () => {
  const cause = new Error('EADDRINUSE');
  const error = new ParleyError('E_ADDRESS_IN_USE', 'taken.', { cause, subject: 'listen_addr' });
  assert.equal(error.cause, cause);
  assert.equal(error.subject, 'listen_addr');
  assert.equal(error.entry, ERRORS.E_ADDRESS_IN_USE);
  assert.equal(error.name, 'ParleyError');
  assert.equal('cause' in new ParleyError('E_CONFIG', 'x'), false);
});
