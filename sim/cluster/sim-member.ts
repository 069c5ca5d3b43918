// One member of a simulated cluster: its machine, the process on it, and what became of its disk.

import { assert, must } from '../../src/base/assert.ts';
import type { MemberId } from '../../src/engine/transport/index.ts';
import type { ShardId } from '../../src/engine/wal/index.ts';
import type { Machine } from '../machine.ts';
import type { Opened, OpenProgram, Program, ProgramSettings } from './program.ts';
import type { Scenario, Sizes } from './scenario.ts';

const PORT = 7_000;

export type MemberState =
  | 'down'
  | 'starting'
  | 'up'
  /** Ends in good order. */
  | 'stopping'
  /** Its disk is not usable any more: to be replaced. */
  | 'lost'
  /** It left the cluster for good. */
  | 'retired';

export interface MemberEvents {
  readonly onUp: (member: SimMember) => void;
  readonly onRefused: (member: SimMember, reason: string) => void;
  /** The process still runs: it is to be ended, at once or in good order. */
  readonly onFatal: (member: SimMember, reason: string) => void;
}

export class SimMember {
  readonly id: MemberId;
  readonly machine: Machine;
  state: MemberState = 'down';
  /** Counts the starts of the process. */
  life = 0;
  /** Something that was durable on its disk may be gone or changed. */
  isHarmed = false;
  /** An empty disk took the place of the one that the others know. */
  isWiped = false;
  /** What the disk had refused when the process started. */
  #errorsAtStart = 0;
  isOld: boolean;
  /** Shards that it holds, or is about to. */
  readonly shards = new Set<ShardId>();
  /** Shards that it held once, and left. */
  readonly hasLeft = new Set<ShardId>();
  /** It listens on another one after some restarts. */
  port = PORT;
  sizes: Sizes;
  program: Program | undefined;
  readonly #events: MemberEvents;

  constructor(
    id: MemberId,
    machine: Machine,
    { beginsOld, members, seed, sizes }: Scenario,
    events: MemberEvents,
  ) {
    this.id = id;
    this.machine = machine;
    // In half of the runs one member alone is old, so that upgrades come to an end. Nobody adds an
    // old one to shards that may have been raised.
    this.isOld = beginsOld && (seed % 2 === 0 || id === 1) && id <= members;
    this.sizes = sizes;
    this.#events = events;
  }

  get isUp(): boolean {
    return this.state === 'up' && this.program !== undefined;
  }

  /** Something went wrong with the disk since the process started. */
  get hasDiskTrouble(): boolean {
    return this.isHarmed || this.isWiped || this.machine.disk.errors > this.#errorsAtStart;
  }

  start(open: OpenProgram, settings: Omit<ProgramSettings, 'onFatal'>): void {
    assert(this.state === 'down', 'a process starts where none runs');
    const capabilities = this.machine.alive ? this.machine.capabilities : this.machine.restart();
    this.state = 'starting';
    this.life += 1;
    this.#errorsAtStart = this.machine.disk.errors;
    const { life } = this;
    const onFatal = (reason: string): void => {
      if (this.life === life && this.machine.alive) this.#events.onFatal(this, reason);
    };
    const settled = (opened: Opened): void => {
      if (this.life !== life || !this.machine.alive) return;
      if (opened.kind === 'refused') {
        this.#end('exit');
        this.#events.onRefused(this, opened.reason);
        return;
      }
      this.program = opened.program;
      this.state = 'up';
      this.#events.onUp(this);
    };
    void open(capabilities, { ...settings, onFatal }).then(settled);
  }

  /** Lets the process end in good order, then calls `onEnded`, unless something else ends it. */
  stop(onEnded: () => void): void {
    const program = must(this.program, 'only a member that is up stops');
    const { life } = this;
    this.state = 'stopping';
    void program.close().then(() => {
      if (this.life !== life || this.state !== 'stopping') return;
      this.#end('exit');
      onEnded();
    });
  }

  exit(): void {
    this.#end('exit');
  }

  kill(): void {
    this.#end('kill');
  }

  losePower(keepsNothing: boolean): void {
    this.#end(keepsNothing ? 'blackout' : 'power');
  }

  #end(how: 'exit' | 'kill' | 'power' | 'blackout'): void {
    assert(this.machine.alive, 'only a running process ends');
    this.program = undefined;
    this.state = 'down';
    this.machine.resume();
    if (how === 'exit') this.machine.exit();
    else if (how === 'kill') this.machine.kill();
    else this.machine.losePower(how === 'blackout');
  }
}
