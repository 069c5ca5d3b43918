import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type EdnValue, parseEdn } from './edn.ts';
import { NEVER } from './model.ts';
import { parseJepsenLog } from './parse-jepsen.ts';
import { parseKvLog } from './parse-kv.ts';

const JEPSEN = 'INFO  jepsen.util - ';

function jepsenLines(...events: string[]): string {
  return events.map((event) => `${JEPSEN}${event}\n`).join('');
}

test('[C10] Jepsen lines become operations on one register', () => {
  const parsed = parseJepsenLog(
    jepsenLines(
      '0\t:invoke\t:write\t3',
      '1   :invoke :read   nil',
      '0\t:ok\t:write\t3',
      '2\t:invoke\t:cas\t[3 1]',
      '1\t:ok\t:read\t3',
      '2\t:fail\t:cas\t[3 1]',
    ),
  );
  assert(parsed.kind === 'history');
  assert.deepEqual(
    parsed.operations.map(({ process, action, callAt, returnAt }) => [
      process,
      action,
      callAt,
      returnAt,
    ]),
    [
      [0, { kind: 'write', value: 3 }, 1, 3],
      [1, { kind: 'read', value: 3 }, 2, 5],
      [2, { kind: 'cas', from: 3, to: 1, answer: 'mismatch' }, 4, 6],
    ],
  );
});

test('[C2] [C3] unknown outcomes stay pending, failures are withdrawn, processes go on', () => {
  const parsed = parseJepsenLog(
    jepsenLines(
      '0\t:invoke\t:cas\t[1 2]',
      '0\t:info\t:cas\t:timed-out',
      '0\t:invoke\t:read\tnil',
      '0\t:fail\t:read\t:timed-out',
      '0\t:invoke\t:write\t4',
      '0\t:fail\t:write\t4',
      '0\t:invoke\t:write\t5',
    ),
  );
  assert(parsed.kind === 'history');
  assert.deepEqual(
    parsed.operations.map(({ action, returnAt }) => [action, returnAt]),
    [
      [{ kind: 'cas', from: 1, to: 2, answer: 'unknown' }, NEVER],
      [{ kind: 'write', value: 5 }, NEVER],
    ],
  );
});

function assertMalformed(
  parsed: ReturnType<typeof parseJepsenLog | typeof parseKvLog>,
  line: number,
  problem: RegExp,
): void {
  assert(parsed.kind === 'malformed', 'refused');
  assert.equal(parsed.line, line);
  assert.match(parsed.problem, problem);
}

test('[C10] a line that is not understood is an error, not skipped', () => {
  const good = jepsenLines('0 :invoke :write 1');
  for (const bad of [
    'INFO  jepsen.core - run starts',
    `${JEPSEN}0 :ok :delete 1`,
    `${JEPSEN}0 :okay :write 1`,
    `${JEPSEN}:nemesis :info :start nil`,
    `${JEPSEN}0 :ok :write 1 2`,
    `${JEPSEN}0 :ok :write`,
    'x',
  ]) {
    assertMalformed(parseJepsenLog(`${good}\n${bad}\n`), 3, /not an event of a known kind/);
  }
});

test('[C10] events that contradict each other are errors', () => {
  const cases: readonly [string[], RegExp][] = [
    [['0 :invoke :write 1', '0 :invoke :read nil'], /invokes while its read is open/],
    [['0 :ok :write 1'], /reports ok without an open operation/],
    [['0 :invoke :write 1', '0 :ok :read 1'], /reports read, but write is open/],
    [['0 :invoke :write 1', '0 :ok :write 2'], /ok of write does not fit/],
    [['0 :invoke :cas [1 2]', '0 :ok :cas [1 3]'], /ok of cas does not fit/],
    [['0 :invoke :cas [1 2]', '0 :fail :cas [2 2]'], /fail of cas does not fit/],
    [['0 :invoke :read nil', '0 :ok :read [1]'], /ok of read does not fit/],
    [['0 :invoke :cas 1'], /cannot read what cas asks for/],
    [['0 :invoke :read 1'], /cannot read what read asks for/],
    [['0 :invoke :write 1', '0 :info :write :x', '0 :ok :write 1'], /without an open operation/],
  ];
  for (const [events, problem] of cases) {
    assertMalformed(parseJepsenLog(jepsenLines(...events)), events.length, problem);
  }
});

function kvLine(process: number, type: string, verb: string, key: string, value: string): string {
  return `{:process ${process}, :type :${type}, :f :${verb}, :key ${key}, :value ${value}}\n`;
}

test('[C10] key-value lines become operations by key', () => {
  const parsed = parseKvLog(
    kvLine(0, 'invoke', 'append', '"k"', '"a \\"b\\""') +
      kvLine(1, 'invoke', 'get', '7', 'nil') +
      kvLine(1, 'ok', 'get', '7', '""') +
      kvLine(0, 'ok', 'append', '"k"', '"a \\"b\\""') +
      kvLine(0, 'invoke', 'put', '"k"', '"c"') +
      kvLine(0, 'info', 'put', '"k"', ':timed-out'),
  );
  assert(parsed.kind === 'history');
  assert.deepEqual(
    parsed.operations.map(({ key, action, returnAt }) => [key, action, returnAt]),
    [
      ['k', { kind: 'append', value: 'a "b"' }, 4],
      ['7', { kind: 'get', value: '' }, 3],
      ['k', { kind: 'put', value: 'c' }, NEVER],
    ],
  );
});

test('[C10] key-value lines with other or missing fields are errors', () => {
  const good = kvLine(0, 'invoke', 'put', '"k"', '"a"');
  for (const bad of [
    good.replace(':key', ':kez'),
    good.replace('}', ', :index 3}'),
    good.replace(', :key "k"', ''),
    good.replace(':process 0', ':process :nemesis'),
    good.replace(':invoke', ':begin'),
    `${good.trim()}}`,
  ]) {
    assertMalformed(parseKvLog(good + bad), 2, /not an event of a known kind/);
  }
  assertMalformed(parseKvLog(good.replace(':put', ':delete')), 1, /cannot read what delete/);
  assertMalformed(
    parseKvLog(good + kvLine(0, 'ok', 'put', '"l"', '"a"')),
    2,
    /reports put, but put is open/,
  );
});

/** EDN text of a value, written by hand of the notation's definition. */
function printEdn(value: EdnValue): string {
  if (value === null || typeof value === 'boolean' || typeof value === 'number') {
    return value === null ? 'nil' : `${value}`;
  }
  if (typeof value === 'string') {
    return `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
  }
  if (Array.isArray(value)) return `[${value.map(printEdn).join(' ')}]`;
  if (value instanceof Map) {
    return `{${Array.from(value, ([key, of]) => `:${key} ${printEdn(of)}`).join(', ')}}`;
  }
  return `:${(value as { keyword: string }).keyword}`;
}

const keyword = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
const leaf: fc.Arbitrary<EdnValue> = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.maxSafeInteger().map((number) => (Object.is(number, -0) ? 0 : number)),
  fc.string(),
  keyword.map((name) => ({ keyword: name })),
);
const ednValue: fc.Arbitrary<EdnValue> = fc.letrec<{ value: EdnValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 5 },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(keyword, tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
  ),
})).value;

test('[C10] what is printed as EDN reads back the same', () => {
  fc.assert(fc.property(ednValue, (value) => assert.deepEqual(parseEdn(printEdn(value)), value)));
});

test('[C10] text that is not one EDN value is refused', () => {
  for (const text of [
    '',
    '[1',
    '1 2',
    '{:a}',
    '{1 2}',
    '{:a 1 :a 2}',
    '"x',
    '"\\q"',
    'nill',
    '1.5',
    '99999999999999999999',
    '#{1}',
    '(1)',
    ':',
    '['.repeat(50) + ']'.repeat(50),
  ]) {
    assert.equal(parseEdn(text), undefined, text);
  }
});
