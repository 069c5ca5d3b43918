import { type Machine, World } from '../../../../sim/index.ts';
import { PeerMember } from '../../../../test/support/peer-member.ts';
import { silentLog } from '../../../../test/support/silent-log.ts';
import { transcriptTests } from '../../../../test/support/transcript.ts';
import { must } from '../../../base/assert.ts';
import type { Events, Log, LogFields, StreamHandler } from '../../../base/capabilities.ts';
import type { Command } from '../../../base/transcript.ts';
import { connectClient } from './client.ts';
import { narratedNet } from './narrator.support.ts';
import type { Admission, PeerEvent, RequestOutcome } from './types.ts';

const PORT = 7_000;

/** Whoever is on the other side tells enough. */
const DEAF: StreamHandler = {
  onData: () => {},
  onDrain: () => {},
  onEnd: () => {},
  onClose: () => {},
};

/** What a command line gives: words by their place, values by their name. */
class Given {
  readonly #command: Command;

  constructor(command: Command) {
    this.#command = command;
  }

  text(place: number): string {
    const words = this.#command.args.filter(({ values }) => values.length === 0);
    return must(words[place], `line ${this.#command.line}: word ${place} is given`).key;
  }

  number(place: number): number {
    return Number(this.text(place));
  }

  all(key: string): readonly string[] {
    return this.#command.args.find((argument) => argument.key === key)?.values ?? [];
  }

  optional(key: string): string | undefined {
    return this.all(key)[0];
  }
}

function describeOutcome(outcome: RequestOutcome): string {
  if (outcome.kind !== 'answered') return `${outcome.kind}, ${outcome.reason}`;
  return `answered, ${Buffer.from(outcome.body).toString()}`;
}

class Stage {
  readonly #world = new World({ seed: 1 });
  readonly #members = new Map<number, PeerMember>();
  readonly #lines: string[] = [];

  readonly run = async (command: Command): Promise<string> => {
    const given = new Given(command);
    switch (command.name) {
      case 'start':
        await this.#start(given);
        break;
      case 'dial':
        this.#member(given.number(0)).peers.setPeer(
          given.number(1),
          this.#machine(given.optional('at') ?? given.text(1)).address(PORT),
        );
        break;
      case 'drop':
        this.#member(given.number(0)).peers.dropPeer(given.number(1));
        break;
      case 'send':
      case 'ask':
      case 'stream':
        this.#talk(command.name, given);
        break;
      case 'client':
        this.#client(given);
        break;
      case 'raw':
        await this.#raw(given);
        break;
      case 'kill':
        this.#machine(given.text(0)).kill();
        break;
      case 'cut':
        this.#cut(given);
        break;
      case 'heal':
        this.#world.network.links.heal();
        break;
      case 'run':
        await this.#world.runFor(given.number(0));
        break;
      default:
        throw new Error(`unknown command ${command.name}`);
    }
    return this.#lines.splice(0).join('\n');
  };

  readonly #tell = (line: string): void => {
    this.#lines.push(line);
  };

  #machine(name: string): Machine {
    return this.#world.machine(`n${name}`);
  }

  #member(number: number): PeerMember {
    return must(this.#members.get(number), `member ${number} runs`);
  }

  #nameOf(address: string): string {
    for (const { name, ip } of this.#world.machines) {
      if (address.startsWith(`${ip}:`)) return name.slice(1);
    }
    return address;
  }

  #capabilities(machine: Machine, log: Log, events?: Events<PeerEvent>) {
    const told = { nameOf: (address: string) => this.#nameOf(address), tell: this.#tell };
    const net = narratedNet(machine.capabilities.net, told);
    return { ...machine.capabilities, net, log, events };
  }

  /** A machine may run a process that says it is another member: `machine=`. */
  async #start(given: Given): Promise<void> {
    const number = given.number(0);
    const place = given.optional('machine') ?? String(number);
    const machine = this.#machine(place);
    if (!machine.alive) machine.restart();
    const { events, tell, warnings } = this.#logOf(place);
    const incarnation = BigInt(given.optional('incarnation') ?? number * 11);
    const hello = { clusterId: given.optional('cluster') ?? 'red', incarnation };
    const capabilities = this.#capabilities(machine, warnings, events);
    const member = new PeerMember(capabilities, number, { hello, options: { pingMs: 100 } });
    this.#members.set(Number(place), member);
    member.onChange = tell;
    member.onAsked = (request) => {
      if (request.kind === 1) request.respond(request.body);
      if (request.kind === 2) request.refuse('noHandler');
    };
    const unwanted = given.optional('refuses')?.split(':');
    member.onAdmit = (peer): Admission => {
      if (unwanted === undefined || peer.member !== Number(unwanted[0])) {
        return { kind: 'admitted' };
      }
      const message = `member ${peer.member} had incarnation 99`;
      return { kind: 'refused', reason: 'incarnation', message };
    };
    await this.#world.settle(capabilities.net.listenStreams(machine.address(PORT), member.accept));
  }

  #logOf(place: string) {
    const tell = (line: string): void => this.#tell(`     ${place}: ${line}`);
    const warn = (event: string, fields?: LogFields): void => {
      tell(`warning, ${event}: ${String(fields?.['reason'])}`);
    };
    const events: Events<PeerEvent> = {
      tell: ({ kind, peer, reason }) => tell(`event, ${kind} ${peer}: ${reason}`),
    };
    return { tell, events, warnings: { ...silentLog, warn } };
  }

  #talk(what: 'send' | 'ask' | 'stream', given: Given): void {
    const [from, to] = [given.number(0), given.number(1)];
    const { peers } = this.#member(from);
    const say = (line: string): void => this.#tell(`     ${from}: ${line}`);
    const kind = Number(given.optional('kind') ?? 1);
    const body = Buffer.from(given.optional('body') ?? '');
    if (what === 'send') say(peers.send(to, 'ordinary', kind, body));
    if (what === 'ask') {
      peers.request(to, kind, body, Number(given.optional('timeout') ?? 1_000), (outcome) =>
        say(describeOutcome(outcome)),
      );
    }
    if (what !== 'stream') return;
    const stream = peers.openStream(to, kind, body, {
      onDrain: () => say('goes on'),
      onEnd: (end) => say(end.kind === 'accepted' ? 'accepted' : `failed, ${end.why}`),
    });
    for (const size of given.all('chunks')) stream?.write(new Uint8Array(Number(size)));
    if (given.optional('then') === 'abort') stream?.abort('not needed');
    else stream?.finish();
  }

  #client(given: Given): void {
    const to = this.#machine(given.text(0)).address(PORT);
    const identity = {
      clusterId: given.optional('cluster') ?? '',
      callee: Number(given.optional('callee') ?? 0),
    };
    const capabilities = this.#capabilities(this.#machine('9'), silentLog);
    connectClient(capabilities, to, identity).then(
      () => this.#tell('     client: connected'),
      (error: Error) => this.#tell(`     client: ${error.message}`),
    );
  }

  /** Bytes that no member of this version would send. */
  async #raw(given: Given): Promise<void> {
    const machine = this.#machine('8');
    const to = this.#machine(given.text(0)).address(PORT);
    const { net } = machine.capabilities;
    const stream = await this.#world.settle(net.connectStream(to, DEAF, 1_000));
    stream.write(Buffer.from(given.optional('hex') ?? '', 'hex'));
    await this.#world.runFor(Number(given.optional('wait') ?? 50));
    stream.destroy();
    await this.#world.runFor(5);
  }

  #cut(given: Given): void {
    const [from, to] = [this.#machine(given.text(0)), this.#machine(given.text(1))];
    this.#world.network.links.cut(from.index, to.index);
  }
}

transcriptTests(new URL('testdata/', import.meta.url), () => new Stage().run);
