// A member's gossip, made of capabilities and settings: the socket, the seeds, the core and the
// shell around it.

import { parseAddress } from '../base/address.ts';
import { assert, must } from '../base/assert.ts';
import type { Capabilities, DatagramSocket } from '../base/capabilities.ts';
import { ParleyError } from '../base/errors.ts';
import type { SocketAddress } from '../base/ids.ts';
import { type BlockCodec, Gossip, parseGossipConfig } from '../core/gossip/index.ts';
import { advertisedAddress, type GossipSettings } from './gossip-settings.ts';
import { defaultNodeId, generationAt } from './identity.ts';
import { Members } from './members.ts';
import { Seeds } from './seeds.ts';

export interface MemberGossipParts {
  readonly capabilities: Capabilities;
  readonly blocks: BlockCodec;
  /** An address of this machine, for the message that refuses to advertise 0.0.0.0. */
  readonly proposedHost: string;
}

export class MemberGossip {
  readonly members: Members;
  /** Bound for gossip. */
  readonly address: SocketAddress;
  readonly #socket: DatagramSocket;
  readonly #seeds: Seeds;
  readonly #log: Capabilities['log'];
  #isStarted = false;

  private constructor({ members, seeds, socket }: Made, log: Capabilities['log']) {
    this.members = members;
    this.address = socket.address;
    this.#seeds = seeds;
    this.#socket = socket;
    this.#log = log;
  }

  /**
   * Binds the address and resolves the seeds, or rejects with a `ParleyError` whose line is fit for
   * a terminal. Nothing is sent before `start`: a member that cannot have its TCP port as well must
   * not have been seen by its peers.
   */
  static async open(parts: MemberGossipParts, settings: GossipSettings): Promise<MemberGossip> {
    const { net, log } = parts.capabilities;
    let made: Made | undefined;
    const socket = await net.openDatagrams(settings.listen, {
      onDatagram: (bytes, from) => made?.members.receive(bytes, from),
      onTrouble: (reason, peer) => made?.members.noteTrouble(reason, peer),
    });
    try {
      made = await compose(parts, settings, socket);
    } catch (error) {
      await socket.close();
      throw error;
    }
    return new MemberGossip(made, log);
  }

  start(): void {
    const { nodeId, address, generation } = this.members.self;
    this.#log.info('member started', { member: nodeId, address, listen: this.address, generation });
    this.#isStarted = true;
    this.members.start();
  }

  /** Says goodbye where the others may have heard of this member, and closes. */
  async stop(reason: string): Promise<void> {
    if (!this.#isStarted) {
      this.#seeds.stop();
      await this.#socket.close();
      return;
    }
    await this.members.leave(reason);
    this.#log.info('member stopped', { member: this.members.self.nodeId, reason });
  }
}

interface Made {
  readonly members: Members;
  readonly seeds: Seeds;
  readonly socket: DatagramSocket;
}

async function compose(
  parts: MemberGossipParts,
  settings: GossipSettings,
  socket: DatagramSocket,
): Promise<Made> {
  const { capabilities } = parts;
  const advertised = advertisedAddress(settings, socket.address, parts.proposedHost);
  if (typeof advertised !== 'string') throw advertised;
  const outcome = parseGossipConfig({
    self: {
      nodeId: settings.nodeId ?? defaultNodeId(advertised, capabilities.random),
      generation: generationAt(capabilities.clock.wallMs()),
      address: advertised,
    },
    clusterId: settings.clusterId,
    gossipIntervalMs: settings.intervalMs,
    keyGraceMs: settings.keyGraceMs,
    deadNodeGraceMs: settings.deadGraceMs,
    protocolVersion: settings.protocolVersion,
    phiThreshold: settings.detector.phiThreshold,
    samplingWindowSize: settings.detector.samplingWindow,
    maxIntervalMs: settings.detector.maxIntervalMs,
    initialIntervalMs: settings.detector.initialIntervalMs,
  });
  if (outcome.kind === 'refused') {
    throw new ParleyError('E_CONFIG', `${outcome.field} ${outcome.why}.`);
  }
  const seeds = new Seeds(settings.seeds, reachableFamilies(socket.address), capabilities);
  await seeds.resolveAll();
  const { random, clock } = capabilities;
  const ports = { random, blocks: parts.blocks };
  const gossip = new Gossip(outcome.config, ports, clock.monotonicMs());
  return { members: new Members({ gossip, socket, seeds, capabilities }), seeds, socket };
}

/** A socket bound to `::` takes both families; any other speaks its own. */
function reachableFamilies(bound: SocketAddress): ReadonlySet<4 | 6> {
  const { family, octets } = must(parseAddress(bound), 'a bound socket has an address');
  assert(octets.length === (family === 4 ? 4 : 16), 'the family says how long the address is');
  const both = family === 6 && octets.every((octet) => octet === 0);
  return new Set<4 | 6>(both ? [4, 6] : [family]);
}
