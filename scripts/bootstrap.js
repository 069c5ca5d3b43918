// Makes `npm start`, `npm test` and the other commands work on a fresh clone with nothing but
// Node 20 or newer and npm. Runs before each of them and costs a few milliseconds once set up.
//
// 1. Installs what the lock file names, when node_modules is missing or older than the lock file.
// 2. Where the machine's own Node is too old to run TypeScript, installs a newer Node as an npm
//    package beside the project and links it into node_modules/.bin, which npm puts first on PATH.
//
// This file is the only JavaScript of the project: it must run on Node versions that cannot read
// TypeScript.

import { spawnSync } from 'node:child_process';
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
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const NODE_NEEDED = [22, 18];

function say(text) {
  process.stderr.write(`parley: ${text}\n`);
}

function stop(text) {
  say(text);
  process.exit(1);
}

function lockHash(folder) {
  return createHash('sha256')
    .update(readFileSync(join(folder, 'package-lock.json')))
    .digest('hex');
}

/** Installs `folder`'s lock file unless the stamp of the last install says it is already there. */
function install(folder, what) {
  const stamp = join(folder, 'node_modules', '.parley-installed');
  const wanted = lockHash(folder);
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

/** The Node of the machine itself, not one that an earlier run linked into node_modules/.bin. */
function nodeIsRecentEnough() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major > NODE_NEEDED[0] || (major === NODE_NEEDED[0] && minor >= NODE_NEEDED[1]);
}

function linkNewerNode() {
  const link = join(root, 'node_modules', '.bin', 'node');
  const toolchain = join(root, 'scripts', 'toolchain');
  const target = `../../scripts/toolchain/node_modules/node-${process.platform}-${process.arch}/bin/node`;
  const runningTheLinkedOne = process.execPath.startsWith(toolchain);
  if (runningTheLinkedOne) return;
  if (nodeIsRecentEnough()) {
    rmSync(link, { force: true });
    return;
  }
  if (existsSync(link) && readlinkSync(link) === target) return;
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    stop(
      `this is Node ${process.versions.node}; Parley needs ${NODE_NEEDED.join('.')} or newer. ` +
        'Install a newer Node and try again.',
    );
  }
  install(toolchain, `Node 24, because this machine has Node ${process.versions.node}`);
  rmSync(link, { force: true });
  symlinkSync(target, link);
}

install(root, 'dependencies');
linkNewerNode();
