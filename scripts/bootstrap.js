// Makes `npm test` and the other commands work on a fresh clone with nothing but Node 20 or newer
// and npm. Every command of package.json runs through it; it costs a few milliseconds once set up.
//
// 1. Installs what the lock file names, when node_modules is missing or differs from the lock file.
// 2. Where the machine's own Node is too old to run TypeScript, installs a newer Node as an npm
//    package beside the project and links it into node_modules/.bin, which npm puts first on PATH.
// 3. Runs what its arguments name: a script (`scripts/test.ts`) by that Node, or a program of
//    node_modules/.bin (`biome`). Without arguments it only does 1 and 2.
//
// It is not a `pretest` script, because npm leaves those out where `ignore-scripts` is set, as our
// own .npmrc does. This file is the only JavaScript of the project: it must run on Node versions
// that cannot read TypeScript.

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const binaries = join(root, 'node_modules', '.bin');
const toolchain = join(root, 'scripts', 'toolchain');
const NODE_NEEDED = [22, 18];

function say(text) {
  process.stderr.write(`parley: ${text}\n`);
}

function stop(text) {
  say(text);
  process.exit(1);
}

/** Installs `folder`'s lock file unless the stamp of the last install says it is already there. */
function install(folder, what) {
  const stamp = join(folder, 'node_modules', '.parley-installed');
  const lock = readFileSync(join(folder, 'package-lock.json'));
  const wanted = createHash('sha256').update(lock).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  say(`installing ${what} (once; needs the npm registry)`);
  const started = Date.now();
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const result = spawnSync(
    npm,
    ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  if (result.error) stop(`could not run npm: ${result.error.message}. Install npm and try again.`);
  if (result.status !== 0) {
    stop(`npm ci failed in ${folder}. See the lines above; is the npm registry reachable?`);
  }
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, wanted);
  say(`installed ${what} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
}

/** Chooses the Node to run with: this one, or the one that comes as a package. */
function chooseNode() {
  // Started through the link of an earlier run: the machine's own Node was too old then, and
  // `npm ci` may just have removed the link together with the rest of node_modules.
  const runsTheLinkedOne = process.execPath.startsWith(toolchain);
  const link = join(binaries, 'node');
  if (!runsTheLinkedOne && isRecentEnough()) return process.execPath;
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    stop(
      `this is Node ${process.versions.node}; Parley needs ${NODE_NEEDED.join('.')} or newer. ` +
        'Install a newer Node and try again.',
    );
  }
  install(toolchain, `Node 24, because this machine has Node ${process.versions.node}`);
  const folder = `scripts/toolchain/node_modules/node-${process.platform}-${process.arch}`;
  const target = `../../${folder}/bin/node`;
  if (!existsSync(link) || readlinkSync(link) !== target) {
    rmSync(link, { force: true });
    symlinkSync(target, link);
  }
  return link;
}

function isRecentEnough() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major > NODE_NEEDED[0] || (major === NODE_NEEDED[0] && minor >= NODE_NEEDED[1]);
}

function run(node, [what, ...rest]) {
  const isScript = /\.[jt]s$/.test(what);
  const [program, args] = isScript
    ? [node, [resolve(root, what), ...rest]]
    : [join(binaries, what), rest];
  const path = `${binaries}${delimiter}${process.env.PATH ?? ''}`;
  const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, PATH: path } });
  // The terminal sends an interrupt to the child as well: this process only waits for its end.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('error', (error) => stop(`could not run ${program}: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

install(root, 'dependencies');
const node = chooseNode();
if (process.argv.length > 2) run(node, process.argv.slice(2));
