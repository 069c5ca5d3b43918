// A world in which everything happens at once: machines that chat over datagrams and streams and
// write files, under every fault there is. It checks nothing but that it is the same each time.
//
//   node sim/chaos.ts 7        prints the trace hash of seed 7 and the table of faults

import type { Capabilities, DatagramSocket, StreamHandler } from '../src/base/capabilities.ts';
import type { SocketAddress } from '../src/base/ids.ts';
import type { FaultCounters } from './faults.ts';
import type { Machine } from './machine.ts';
import { World } from './world.ts';

const PORT = 7_000;
const NAMES = ['n1', 'n2', 'n3', 'n4', 'n5'];

export interface ChaosResult {
  readonly hash: string;
  readonly events: number;
  readonly faults: FaultCounters;
}

/** A program without sense: it talks to random peers and keeps a log of what it hears. */
class Chatter {
  readonly #world: World;
  readonly #peers: readonly SocketAddress[];
  readonly #io: Capabilities;
  #heard = 0;

  constructor(world: World, io: Capabilities) {
    this.#world = world;
    this.#io = io;
    this.#peers = NAMES.map((name) => world.machine(name).address(PORT));
  }

  async run(): Promise<void> {
    const anywhere = `0.0.0.0:${PORT}` as SocketAddress;
    const socket = await this.#io.net.openDatagrams(anywhere, {
      onDatagram: (bytes) => {
        this.#heard += bytes.length;
      },
      onTrouble: (reason) => this.#io.log.warn('trouble', { reason }),
    });
    await this.#io.net.listenStreams(anywhere, (stream) => ({
      ...SILENT,
      onData: (bytes) => void stream.write(bytes),
      onEnd: () => stream.end(),
    }));
    this.#chat(socket);
    await this.#remember();
  }

  #chat(socket: DatagramSocket): void {
    const { random, clock } = this.#io;
    socket.send(new Uint8Array(random.below(2_000)), this.#anyPeer());
    if (random.below(10) === 0) void this.#call();
    clock.setTimer(random.below(20), () => this.#chat(socket));
  }

  async #call(): Promise<void> {
    try {
      const stream = await this.#io.net.connectStream(this.#anyPeer(), SILENT, 500);
      stream.write(new Uint8Array(this.#io.random.below(100_000)));
      this.#io.clock.setTimer(200, () => stream.end());
    } catch {
      this.#io.log.info('no answer', { at: this.#world.nowMs });
    }
  }

  async #remember(): Promise<void> {
    const { disk, clock, random } = this.#io;
    for (let turn = 0; ; turn++) {
      await new Promise<void>((resolve) => void clock.setTimer(30, resolve));
      try {
        const file = await disk.open(`log-${turn % 3}`, 'create');
        const record = Buffer.alloc(1 + random.below(4_000), this.#heard);
        await file.write(await file.size(), record);
        if (turn % 2 === 0) await file.sync();
        if (turn % 3 === 0) await file.read(0, new Uint8Array(100));
        await file.close();
        if (turn % 5 === 0) await disk.remove(`log-${random.below(3)}`);
        if (turn % 8 === 0) await disk.syncDirectory('');
      } catch (error) {
        this.#io.log.warn('disk trouble', { error: String(error) });
      }
    }
  }

  #anyPeer(): SocketAddress {
    return this.#peers[this.#io.random.below(this.#peers.length)] as SocketAddress;
  }
}

const SILENT: StreamHandler = {
  onData: () => {},
  onDrain: () => {},
  onEnd: () => {},
  onClose: () => {},
};

export async function runChaos(seed: number, durationMs: number): Promise<ChaosResult> {
  const world = new World({ seed });
  for (const name of NAMES) world.machine(name);
  for (const machine of world.machines) {
    machine.disk.rules({
      readErrorRate: 0.01,
      writeErrorRate: 0.02,
      syncErrorRate: 0.02,
      nameErrorRate: 0.01,
      bitFlipRate: 0.02,
      misdirectRate: 0.02,
      capacityBytes: 50_000,
    });
    begin(world, machine);
  }
  world.network.links.all({ lossRate: 0.05, duplicateRate: 0.05, lateRate: 0.05, lateMs: 50 });
  const random = world.random('faults');
  const plague = (): void => {
    const names = [...world.machines];
    strike(world, names[random.below(names.length)] as Machine, random.below(9));
    world.after(random.below(400), plague);
  };
  world.after(0, plague);
  await world.runFor(durationMs);
  return { hash: world.traceHash, events: world.events, faults: world.faults };
}

function begin(world: World, machine: Machine): void {
  void new Chatter(world, machine.capabilities).run();
}

function others(index: number): number[] {
  return NAMES.map((_, i) => i).filter((i) => i !== index);
}

/** One random fault, and what undoes it. */
function strike(world: World, victim: Machine, kind: number): void {
  const links = world.network.links;
  const back = (): void => {
    if (victim.alive) return;
    victim.restart();
    begin(world, victim);
  };
  if (!victim.alive) return;
  if (kind === 0) victim.kill();
  else if (kind === 1) victim.losePower();
  else if (kind === 2) victim.pause();
  else if (kind === 3) {
    victim.drift(500);
    victim.setClockRates({ wall: 200, monotonic: -300 });
  } else if (kind === 4) victim.jumpWall(-3_000);
  else if (kind === 5) victim.disk.rot(0);
  else if (kind === 6) {
    victim.kill();
    victim.disk.wipe();
  } else if (kind === 7) world.network.partition([victim.index], others(victim.index));
  else victim.disk.rules({ slowFactor: 20 });
  world.after(300, () => {
    back();
    victim.resume();
    links.heal();
    victim.disk.rules({ slowFactor: 1 });
  });
}

if (import.meta.main) {
  const { hash, events, faults } = await runChaos(Number(process.argv[2] ?? 1), 6_000);
  console.log(`${hash} after ${events} events`);
  for (const [fault, count] of Object.entries(faults))
    console.log(`${String(count).padStart(8)} ${fault}`);
}
