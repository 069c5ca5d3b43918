import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Log } from '../../base/capabilities.ts';
import { ParleyError } from '../../base/errors.ts';
import { jsonLog } from './json-log.ts';
import { levelFromEnvironment } from './log.ts';
import { describeFields, terminalLog } from './terminal-log.ts';

function readable(level: 'debug' | 'info', coloured = false): { log: Log; out: string[] } {
  const out: string[] = [];
  const noon = new Date(2026, 0, 2, 12, 3, 22, 48).getTime();
  const write = (line: string): void => void out.push(line);
  return { log: terminalLog({ level, coloured, write, wallMs: () => noon }), out };
}

test('a person reads time, level, event and fields on one line', () => {
  const { log, out } = readable('info');
  log.warn('member died', { node: 'n2', phi: 8.4, gone: undefined });
  log.with({ member: 'n1' }).error('line\nbreak', { text: 'two words', big: 2n ** 64n });
  log.debug('not written');
  assert.deepEqual(out, [
    '12:03:22.048 warn  member died  node=n2 phi=8.4\n',
    '12:03:22.048 error line\nbreak  member=n1 text="two words" big=18446744073709551616\n',
  ]);
});

test('the level says what is written', () => {
  assert.equal(readable('info').log.writes('debug'), false);
  assert.equal(readable('info').log.writes('info'), true);
  assert.equal(readable('debug').log.with({}).writes('debug'), true);
});

test('colours mark trouble and leave the words', () => {
  const { log, out } = readable('info', true);
  log.error('broken');
  assert.equal(out[0], '12:03:22.048 \u001b[31merror\u001b[0m broken\n');
});

test('values that could be mistaken are quoted, control characters escaped', () => {
  assert.equal(
    describeFields({ a: '', b: 'x=y', c: '\u001b[2J', d: true }),
    'a="" b="x=y" c="\\u001b[2J" d=true',
  );
});

test('PARLEY_LOG takes a level in any case and refuses the rest in one sentence', () => {
  assert.equal(levelFromEnvironment(undefined), 'info');
  assert.equal(levelFromEnvironment(''), 'info');
  assert.equal(levelFromEnvironment('WARN'), 'warn');
  assert.throws(
    () => levelFromEnvironment('loud'),
    (error) =>
      error instanceof ParleyError &&
      error.line ===
        'PARLEY_LOG=loud is not a log level. Use one of debug, info, warn, error. [E_CONFIG]',
  );
});

/** Runs a program that logs; answers its exit code and what came out of stderr. */
function runLogger(
  source: string,
  readStderr: boolean,
): Promise<{ code: number | null; err: string }> {
  const face = fileURLToPath(new URL('./index.ts', import.meta.url));
  const program = `import { openLog } from ${JSON.stringify(face)};\n${source}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, PARLEY_LOG: 'debug' },
  });
  let err = '';
  if (readStderr) child.stderr.on('data', (chunk) => (err += String(chunk)));
  else child.stderr.destroy();
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code, err }));
  });
}

test('into a pipe goes JSON, and the last words before an exit are not lost', async () => {
  const source = `const log = openLog().with({ node: 'n1' });
    for (let i = 0; i < 2000; i++) log.debug('counting', { i, big: 2n ** 63n });
    log.error('the last words');
    process.exit(7);`;
  const { code, err } = await runLogger(source, true);
  assert.equal(code, 7);
  const lines = err.trimEnd().split('\n');
  assert.equal(lines.length, 2_001);
  const { time, ...last } = JSON.parse(lines.at(-1) ?? '');
  assert.deepEqual(last, { level: 'error', node: 'n1', event: 'the last words' });
  assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
  assert.ok(lines[0]?.includes('"big":9223372036854775808'));
});

test('a program whose stderr nobody reads goes on', async () => {
  const source = `const log = openLog();
    const spam = setInterval(() => log.info('anyone?', { filler: 'x'.repeat(1000) }), 1);
    setTimeout(() => { clearInterval(spam); process.exitCode = 5; }, 150);`;
  const { code } = await runLogger(source, false);
  assert.equal(code, 5);
});

test('a machine reads any event and any field back as they were', () => {
  const out: string[] = [];
  const log = jsonLog({ level: 'info', write: (line) => void out.push(line), wallMs: () => 0 });
  log.with({ 'a "b"': 'c\n' }).warn('line\nbreak', { big: 2n ** 64n, no: undefined, yes: true });
  log.info('half of a pair', { text: '\ud800', not: Number.NaN });
  log.debug('not written');
  assert.deepEqual(out, [
    '{"level":"warn","time":"1970-01-01T00:00:00.000Z","a \\"b\\"":"c\\n",' +
      '"big":18446744073709551616,"yes":true,"event":"line\\nbreak"}\n',
    '{"level":"info","time":"1970-01-01T00:00:00.000Z","text":"\\ud800","not":null,' +
      '"event":"half of a pair"}\n',
  ]);
});
