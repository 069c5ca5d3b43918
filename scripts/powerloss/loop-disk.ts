// A disk of one's own whose power can be cut: ext4 in an image file on a loop device.
//
// The cut is the ioctl by which ext4 shuts a file system down without writing its journal: what
// stands in the memory of the system only never reaches the image, as when the power fails, and all
// later writes and syncs fail. Mounting again recovers the journal, as after a real power failure.
// Node has no ioctl; perl has, and its smallest package is part of every Debian.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { accessSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';

/** `_IOR('X', 125, u32)` with the flag "do not write the log" (2). */
const SHUT_DOWN = `
  for my $place (@ARGV) {
    open(my $root, '<', $place) or die "$place: $!";
    my $flag = pack('L', 2);
    ioctl($root, 0x8004587d, $flag) or die "$place: $!";
  }
`;
/**
 * Waits until its input ends, as it does with whoever holds the other end of it, and clears away
 * what is still there. Processes that wrote to the disks need a moment to end as well: they would
 * write to what the disk covers.
 */
const AFTERMATH = `
  trap '' HUP INT TERM
  cat > /dev/null
  [ -d "$1" ] && sleep 1
  for try in $(seq 50); do
    busy=
    for place in "$1"/*/; do
      if mountpoint -q "$place"; then umount "$place" || busy=yes; fi
    done
    if [ -z "$busy" ]; then rm -rf --one-file-system "$1"; exit; fi
    sleep 0.1
  done
  for place in "$1"/*/; do umount -l "$place"; done
  rm -rf --one-file-system "$1"
`;
/** A process that was killed a moment ago may have its files open yet. */
const RELEASE_TRIES = { atMost: 40, pauseMs: 50 };
const TOOLS = ['mkfs.ext4', 'mount', 'umount', 'perl'];

/** Why this machine has no disks of this kind below `directory`, undefined when it has. */
export function whyNoLoopDisks(directory: string): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root, to mount a loop device';
  for (const tool of TOOLS) {
    if (run('sh', '-c', `command -v ${tool}`) !== undefined) return `needs ${tool}`;
  }
  try {
    accessSync('/dev/loop-control');
  } catch {
    return 'needs loop devices (/dev/loop-control)';
  }
  const trial = new LoopDisks(directory);
  try {
    trial.add('trial', 16);
    return undefined;
  } catch (error) {
    return `a disk image cannot be mounted here (${(error as Error).message})`;
  } finally {
    trial.remove();
  }
}

/** The disks of one run, all below one directory. Removes them whichever way the process ends. */
export class LoopDisks {
  readonly directory: string;
  readonly #disks: LoopDisk[] = [];
  readonly #onExit = (): void => this.remove();
  readonly #aftermath: ChildProcess;

  constructor(below: string) {
    this.directory = mkdtempSync(join(below, 'parley-powerloss-'));
    process.on('exit', this.#onExit);
    // Killed processes do not remove anything any more. This one is in no group of theirs.
    const stdio = ['pipe', 'ignore', 'ignore'] as const;
    this.#aftermath = spawn('sh', ['-c', AFTERMATH, 'sh', this.directory], {
      stdio: [...stdio],
      detached: true,
    });
    this.#aftermath.unref();
    (this.#aftermath.stdin as Socket).unref();
  }

  /** A new, empty, mounted disk. Throws when this machine does not let us mount. */
  add(name: string, mebibytes: number): LoopDisk {
    const disk = new LoopDisk(join(this.directory, name), mebibytes);
    this.#disks.push(disk);
    disk.format();
    return disk;
  }

  remove(): void {
    process.off('exit', this.#onExit);
    // A disk that is still mounted must not be walked into by the removal of its directory.
    const stuck = this.#disks.filter((disk) => !disk.release());
    if (stuck.length === 0) rmSync(this.directory, { recursive: true, force: true });
    this.#aftermath.stdin?.destroy();
    for (const { root } of stuck) console.error(`still mounted, unmount it by hand: ${root}`);
  }
}

export class LoopDisk {
  /** Where it is mounted. */
  readonly root: string;
  readonly #image: string;
  readonly #mebibytes: number;
  #isMounted = false;

  constructor(place: string, mebibytes: number) {
    this.#image = `${place}.img`;
    this.root = place;
    this.#mebibytes = mebibytes;
  }

  /** Empties it. */
  format(): void {
    if (!this.release()) throw new Error(`${this.root} is in use`);
    rmSync(this.#image, { force: true });
    writeFileSync(this.#image, '');
    truncateSync(this.#image, this.#mebibytes * 1024 * 1024);
    mkdirSync(this.root, { recursive: true });
    must('mkfs.ext4', '-q', '-F', this.#image);
    this.#mount();
  }

  /** Ends a cut: nobody has files open. */
  restore(): void {
    if (!this.release()) throw new Error(`${this.root} is in use`);
    this.#mount();
  }

  /** False when the system does not let go of it. Holds up this process: it may be its last act. */
  release(): boolean {
    for (let tries = 0; this.#isMounted && tries < RELEASE_TRIES.atMost; tries++) {
      if (tries > 0) holdUp(RELEASE_TRIES.pauseMs);
      this.#isMounted = run('umount', this.root) !== undefined;
    }
    return !this.#isMounted;
  }

  #mount(): void {
    must('mount', '-t', 'ext4', '-o', 'loop', this.#image, this.root);
    this.#isMounted = true;
  }
}

/** Cuts the power of all of them, within a fraction of a millisecond. */
export function cutPower(disks: readonly LoopDisk[]): void {
  must('perl', '-e', SHUT_DOWN, ...disks.map(({ root }) => root));
}

function must(command: string, ...flags: readonly string[]): void {
  const failure = run(command, ...flags);
  if (failure !== undefined) throw new Error(`${command}: ${failure}`);
}

/** What went wrong, undefined when nothing did. */
function run(command: string, ...flags: readonly string[]): string | undefined {
  const { status, stderr, error } = spawnSync(command, flags, { encoding: 'utf8' });
  if (status === 0) return undefined;
  return error?.message ?? (stderr.trim() || `exit code ${status}`);
}

function holdUp(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
