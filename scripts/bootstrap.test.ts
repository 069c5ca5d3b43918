import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  constants,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';

const BOOTSTRAP = join(import.meta.dirname, 'bootstrap.js');

/** A project with nothing but the bootstrap and lock files, and an npm that only takes notes. */
class Project {
  readonly root = mkdtempSync(join(tmpdir(), 'parley-bootstrap-'));
  node = process.execPath;

  constructor(t: TestContext) {
    t.after(() => rmSync(this.root, { recursive: true }));
    this.write('package-lock.json', '1');
    this.write('scripts/toolchain/package-lock.json', '1');
    mkdirSync(join(this.root, 'scripts'), { recursive: true });
    copyFileSync(BOOTSTRAP, join(this.root, 'scripts', 'bootstrap.js'));
    this.npm('mkdir -p node_modules/.bin');
  }

  write(path: string, text: string): string {
    const full = join(this.root, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
    return full;
  }

  npm(command: string): void {
    const script = `#!/bin/sh\necho "$PWD $*" >> "${this.root}/npm.log"\n${command}\n`;
    chmodSync(this.write('fake/npm', script), 0o755);
  }

  /** Folders in which npm was called. */
  installs(): string[] {
    const log = readFileSync(join(this.root, 'npm.log'), { encoding: 'utf8', flag: 'a+' });
    return log.split('\n').flatMap((line) => (line === '' ? [] : [line.split(' ')[0] as string]));
  }

  environment(): NodeJS.ProcessEnv {
    return { ...process.env, PATH: `${join(this.root, 'fake')}${delimiter}${process.env['PATH']}` };
  }

  run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
    return spawnSync(this.node, [join(this.root, 'scripts', 'bootstrap.js'), ...args], {
      encoding: 'utf8',
      env: this.environment(),
    });
  }
}

test('a fresh clone installs once, and again when the lock file changes', (t) => {
  const project = new Project(t);
  const first = project.run();
  assert.match(first.stderr, /installing dependencies/);
  assert.deepEqual(project.installs(), [project.root]);
  assert.equal(project.run().stderr, '');
  assert.equal(project.installs().length, 1);
  project.write('package-lock.json', '2');
  project.run();
  assert.equal(project.installs().length, 2);
});

test('an installation that fails stops with a sentence and is tried again next time', (t) => {
  const project = new Project(t);
  project.npm('exit 1');
  const { status, stderr } = project.run('scripts/never.ts');
  assert.equal(status, 1);
  assert.match(stderr, /npm ci failed in .*is the npm registry reachable\?/);
  project.run();
  assert.equal(project.installs().length, 2);
});

test('a script gets its arguments, its exit code comes back', (t) => {
  const project = new Project(t);
  project.write(
    'scripts/a.ts',
    'const n: number = 7; console.log(process.argv[2]); process.exit(n);',
  );
  const { status, stdout } = project.run('scripts/a.ts', 'with blank');
  assert.equal(status, 7);
  assert.equal(stdout, 'with blank\n');
});

test('a word that is no script is a program of node_modules', (t) => {
  const project = new Project(t);
  project.npm('mkdir -p node_modules/.bin; echo "#!/bin/sh\necho got \\$1" > node_modules/.bin/x');
  project.run();
  chmodSync(join(project.root, 'node_modules', '.bin', 'x'), 0o755);
  assert.equal(project.run('x', 'this').stdout, 'got this\n');
  const missing = project.run('y');
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /could not run .*y/);
});

test('a signal reaches the script, and how it ended is passed on', async (t) => {
  const project = new Project(t);
  project.run();
  project.write('scripts/a.ts', "console.log('up'); setInterval(() => {}, 1000);");
  const args = [join(project.root, 'scripts', 'bootstrap.js'), 'scripts/a.ts'];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
  assert.equal(signal, 'SIGTERM');
});

test('the link to the newer Node is made again after npm removed it', (t) => {
  if (process.platform !== 'linux') {
    t.skip('Node comes as a package on Linux only');
    return;
  }
  const project = new Project(t);
  const folder = `scripts/toolchain/node_modules/node-linux-${process.arch}/bin`;
  const node = project.write(`${folder}/node`, '');
  copyFileSync(process.execPath, node, constants.COPYFILE_FICLONE);
  chmodSync(node, 0o755);
  // As after an earlier run: this process is the linked one, the link went with node_modules.
  project.node = node;
  project.run();
  const link = join(project.root, 'node_modules', '.bin', 'node');
  assert.equal(readlinkSync(link), `../../${folder}/node`);
  assert.deepEqual(project.installs(), [project.root, join(project.root, 'scripts', 'toolchain')]);
});
