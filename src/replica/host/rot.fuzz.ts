// Rot in the log of one of three members, while processes die, connections break and logs are cut.
// The other two have everything, so that nothing may be lost and nobody may stand still for long.
//
//   node src/replica/host/rot.fuzz.ts --runs 100000 --seed 1

import { parseArgs } from 'node:util';
import { describeWrite, HostCluster } from '../../../test/support/host-cluster.ts';
import { assert, must } from '../../base/assert.ts';
import { Prng } from '../../base/prng.ts';

/** What happens in one history, one after the other. */
const STEPS = 60;
const MEMBERS = [1, 2, 3];
/** Of an entry's record, before its payload. */
const RECORD_HEADER_BYTES = 36;
const PATIENCE_MS = 30_000;
const RETRY_MS = 100;

export interface RotResult {
  rotted: number;
  acknowledged: number;
  /** Steps after which a member lacked entries, or a leader did, or all peers did as well. */
  holed: number;
  holedLeaders: number;
  lostEntries: number;
}

/** `runs` counts the steps of all histories. */
export async function fuzzRot(options: {
  readonly runs: number;
  readonly seed: number;
}): Promise<RotResult> {
  const result = { rotted: 0, acknowledged: 0, holed: 0, holedLeaders: 0, lostEntries: 0 };
  for (let at = 0; at * STEPS < options.runs; at++) {
    const seed = options.seed + at;
    const history = await History.begin(seed, result);
    try {
      for (let step = 0; step < STEPS; step++) await history.step();
      await history.end();
    } catch (error) {
      throw new Error(`the history of seed ${seed}`, { cause: error });
    }
  }
  return result;
}

class History {
  readonly #cluster: HostCluster;
  readonly #random: Prng;
  readonly #result: RotResult;
  readonly #harmed: number;
  readonly #acknowledged: string[] = [];
  #written = 0;

  static async begin(seed: number, result: RotResult): Promise<History> {
    const random = Prng.from(seed, 'rot');
    const scrub = random.below(2) === 0 ? {} : { scrubEveryMs: 1_000, scrubPauseMs: 5 };
    const cluster = await HostCluster.start({
      seed,
      host: {
        trailingEntries: random.below(2) * 5,
        purgeEntries: 1 + random.below(20),
        segmentsMax: 3 + random.below(5),
        ...scrub,
      },
      wal: {
        segmentBytes: 32 * 1024,
        batchBytesMax: 16 * 1024,
        cacheBytesMax: random.below(2) === 0 ? 2_000 : 1_000_000,
      },
      storeFlushMs: [100, 1_000, 600_000][random.below(3)] as number,
    });
    return new History(cluster, random, result);
  }

  private constructor(cluster: HostCluster, random: Prng, result: RotResult) {
    this.#cluster = cluster;
    this.#random = random;
    this.#result = result;
    this.#harmed = 1 + random.below(MEMBERS.length);
  }

  async step(): Promise<void> {
    const what = this.#random.below(12);
    if (what < 6) await this.#write();
    else if (what < 9) await this.#rot();
    else if (what === 9) await this.#restart(this.#oneMember());
    else if (what === 10) await this.#restartAll();
    else await this.#cut(this.#oneMember());
    this.#count();
  }

  #oneMember(): number {
    return this.#random.below(2) === 0 ? this.#harmed : 1 + this.#random.below(MEMBERS.length);
  }

  async #write(): Promise<void> {
    const { world } = this.#cluster;
    const leader = this.#cluster.leader();
    const count = leader === 0 ? 0 : 10 + this.#random.below(30);
    for (let i = 0; i < count; i++) {
      this.#written += 1;
      const key = `k${this.#written}`;
      const value = 'x'.repeat(this.#random.below(300)) + key;
      void this.#cluster.write(leader, `${key}=${value}`).then(({ kind }) => {
        if (kind === 'applied') this.#acknowledged.push(key);
      });
    }
    await world.runFor(this.#random.below(300));
  }

  /** What rots was written a while ago: the very last batch would look like one never finished. */
  async #rot(): Promise<void> {
    const random = this.#random;
    const { disk } = this.#cluster.machine(this.#harmed);
    const { index } = this.#cluster.plane(this.#harmed).wal.shard(1);
    const lastSeen = index.last;
    await this.#cluster.world.runFor(200);
    for (let tries = 1 + random.below(4); tries > 0; tries--) {
      const last = Math.min(lastSeen, index.last);
      if (index.count === 0 || last < index.first) return;
      const isLast = random.below(3) === 0;
      const at = isLast ? last : index.first + random.below(last - index.first + 1);
      const payloadBytes = index.lengthOf(at);
      if (payloadBytes === 0) continue;
      const path = `data/wal/${String(index.segmentOf(at)).padStart(10, '0')}.wal`;
      const offset = index.offsetOf(at) + RECORD_HEADER_BYTES + random.below(payloadBytes);
      disk.flipBit(path, offset, random.below(8));
      this.#result.rotted += 1;
    }
  }

  /** A power failure may take the mark that tells rot in the last batch from a torn end. */
  async #restart(id: number): Promise<void> {
    if (id === this.#harmed || this.#random.below(2) === 0) this.#cluster.kill(id);
    else this.#cluster.losePower(id);
    await this.#cluster.world.runFor(this.#random.below(1_500));
    await this.#cluster.restart(id);
  }

  async #restartAll(): Promise<void> {
    for (const id of MEMBERS) this.#cluster.kill(id);
    const others = MEMBERS.filter((id) => id !== this.#harmed);
    const isFirst = this.#random.below(2) === 0;
    for (const id of isFirst ? [this.#harmed, ...others] : [...others, this.#harmed]) {
      await this.#cluster.restart(id);
      await this.#cluster.world.runFor(this.#random.below(400));
    }
  }

  async #cut(id: number): Promise<void> {
    const { network } = this.#cluster.world;
    network.partition(
      [id - 1],
      MEMBERS.filter((other) => other !== id).map((other) => other - 1),
    );
    await this.#cluster.world.runFor(this.#random.below(3_000));
    network.links.mendAll();
  }

  #count(): void {
    const status = this.#cluster.status(this.#harmed);
    if (status === undefined || status.lostEntries === 0) return;
    this.#result.holed += 1;
    if (status.role === 'leader') this.#result.holedLeaders += 1;
    if (status.isUnrepairable) this.#result.lostEntries += 1;
  }

  /** A leader may be handing over just now, and refuse. */
  async #writeOnce(): Promise<string> {
    const { world } = this.#cluster;
    for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
      const leader = this.#cluster.leader();
      const writing = leader === 0 ? undefined : this.#cluster.write(leader, 'z=');
      const outcome =
        writing === undefined ? 'refused' : describeWrite(await world.settle(writing));
      if (!outcome.startsWith('refused') || waitedMs >= PATIENCE_MS) return outcome;
      await world.runFor(RETRY_MS);
    }
  }

  /** All are equal in the end, wait for nothing, and have what was acknowledged. */
  async end(): Promise<void> {
    const cluster = this.#cluster;
    assert(cluster.fatal.length === 0, `nobody stops: ${cluster.fatal.join()}`);
    const isWell = (): boolean =>
      cluster.leader() !== 0 && MEMBERS.every((id) => waitsForNothing(cluster, id));
    const becameWell = await cluster.world.runUntil(isWell, PATIENCE_MS);
    assert(becameWell, 'two members that have everything mend the third');
    const outcome = await this.#writeOnce();
    assert(outcome.startsWith('applied'), `the shard takes writes again: ${outcome}`);
    assert(await cluster.converge(PATIENCE_MS), 'all come to hold the same');
    for (const key of this.#acknowledged) {
      for (const id of MEMBERS) {
        const seen = await cluster.get(id, 'local', key);
        assert(seen.endsWith(`${key}"`), `[H60] ${key} is on member ${id}: ${seen}`);
      }
    }
    this.#result.acknowledged += this.#acknowledged.length;
    await cluster.close();
  }
}

function waitsForNothing(cluster: HostCluster, id: number): boolean {
  return must(cluster.status(id), 'every member runs in the end').waitsFor === undefined;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
    },
  });
  const [runs, seed] = [Number(values.runs), Number(values.seed)];
  const { acknowledged, lostEntries, holed, holedLeaders, rotted } = await fuzzRot({ runs, seed });
  process.stdout.write(
    `${rotted} bits rotted, ${acknowledged} writes acknowledged; entries were missing after ` +
      `${holed} steps, from a leader after ${holedLeaders}, from everyone after ${lostEntries}\n`,
  );
  assert(runs < 10_000 || (holedLeaders > 0 && lostEntries > 0), 'the run was not vacuous');
}

if (import.meta.main) await main();
