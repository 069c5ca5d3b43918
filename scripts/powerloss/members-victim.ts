// Whole members with all that belongs to them: log, store, Raft. A client writes over the network.

import { setTimeout as sleep } from 'node:timers/promises';
import type { MemberId } from '../../src/engine/transport/index.ts';
import { KvCaller } from '../../test/drills/kv-caller.ts';
import { Members } from '../../test/drills/members.ts';
import { UniqueWrites } from '../../test/drills/unique-writes.ts';
import type { Findings, OptionsOf, Victim } from './victim.ts';

const LANES = 32;
/** Writes seen in earlier cycles that are looked for again. At the end it is all of them. */
const SAMPLE = 2_000;
const LATE_MS_MAX = 300;
const SERVES_MS_MAX = 10_000;
/** What the members still say after they were killed is on its way to the client. */
const LAST_ANSWERS_MS = 20;

export class MembersVictim implements Victim {
  readonly #members: Members;
  readonly #optionsOf: OptionsOf;
  readonly #kv: KvCaller;
  readonly #writes: UniqueWrites;
  #cycle = 0;
  /** Comes up when the others have gone on without it. */
  #straggler: Promise<unknown> = Promise.resolve();

  private constructor(members: Members, optionsOf: OptionsOf) {
    this.#members = members;
    this.#optionsOf = optionsOf;
    this.#kv = new KvCaller(members.addresses);
    this.#writes = new UniqueWrites(this.#kv);
  }

  static async at(directories: readonly string[], optionsOf: OptionsOf): Promise<MembersVictim> {
    return new MembersVictim(await Members.at(directories, '--small', '--log', 'warn'), optionsOf);
  }

  get acknowledged(): number {
    return this.#writes.acknowledged;
  }

  async start(cycle: number): Promise<Findings> {
    this.#cycle = cycle;
    // One of three is late in every other cycle: it is sent a snapshot, and the cut comes then.
    const late = this.#members.ids.length === 3 && cycle % 2 === 0 ? 1 + (cycle % 3) : undefined;
    const findings = await this.#comeUp(late, () => this.#writes.look(SAMPLE));
    this.#writes.begin(String(cycle), LANES);
    if (late !== undefined) this.#straggler = this.#startLate(late);
    return findings;
  }

  async #startLate(member: MemberId): Promise<void> {
    await sleep(Math.random() * LATE_MS_MAX);
    await this.#members.start(member, this.#optionsOf(this.#cycle));
  }

  async boot(cycle: number): Promise<void> {
    await this.#members.startAll(this.#members.ids, this.#optionsOf(cycle));
  }

  async inspect(): Promise<Findings> {
    const findings = await this.#comeUp(undefined, () => this.#writes.lookAtAll());
    await this.#members.killAll();
    return findings;
  }

  async kill(): Promise<void> {
    await this.#members.killAll();
    await this.#straggler;
    await this.#members.killAll();
    await this.#writes.end(LAST_ANSWERS_MS);
  }

  async release(): Promise<void> {
    await this.kill();
    this.#kv.close();
  }

  async #comeUp(late: MemberId | undefined, look: () => Promise<Findings>): Promise<Findings> {
    const early = this.#members.ids.filter((member) => member !== late);
    const problems = await this.#members.startAll(early, this.#optionsOf(this.#cycle));
    const quorum = Math.floor(this.#members.ids.length / 2) + 1;
    if (early.length - problems.length < quorum) return this.#allLost(problems);
    const first = await this.#kv.get('first', 'strong', SERVES_MS_MAX);
    if (first.kind === 'value') {
      const found = await look();
      return { ...found, problems: [...problems, ...found.problems] };
    }
    const said = early.map((member) => `member ${member} says: ${this.#members.stderr(member)}`);
    return this.#allLost([...problems, `nobody serves: ${first.reason}`, ...said]);
  }

  /** What nobody can be asked for is lost. */
  #allLost(problems: readonly string[]): Findings {
    const { acknowledged } = this.#writes;
    return { checked: acknowledged, lost: acknowledged, problems };
  }
}
