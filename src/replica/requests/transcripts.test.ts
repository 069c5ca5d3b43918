// Requests on their way, as stories: who was asked, and what the caller heard.

import { transcriptTests } from '../../../test/support/transcript.ts';
import type { Command } from '../../base/transcript.ts';
import type { RequestOutcome } from '../../engine/transport/index.ts';
import { REQUEST_KIND } from '../codec/index.ts';
import type { WriteDoubt, WriteOutcome, WriteRefusal } from '../types.ts';
import { encodePropose } from './bodies.ts';
import { writeAnswerOf } from './outcomes.ts';
import {
  applied,
  bytesOf,
  commandOf,
  type Fate,
  RequestWorld,
  refused,
} from './requests.support.ts';
import { type CommandOutcome, ShardSession } from './session.ts';
import type { ShardClient } from './shard-client.ts';

const FATES: Readonly<Record<string, Fate>> = {
  open: undefined,
  down: { kind: 'refused', reason: 'down' },
  full: { kind: 'refused', reason: 'full' },
  breaks: { kind: 'unknown', reason: 'connectionLost' },
  'loses answers': 'lostAnswer',
};

class Story {
  readonly #world = new RequestWorld();
  readonly #fates = new Map<number, Fate>();
  readonly #client: ShardClient;
  readonly #session: ShardSession;
  #told = 0;

  constructor() {
    this.#world.fateOf = (member) => this.#fates.get(member);
    this.#client = this.#world.client(200);
    this.#session = new ShardSession(this.#client);
  }

  readonly run = ({ name, args }: Command): string => {
    const words = args.map(({ key, values }) => [key, ...values].join(' '));
    switch (name) {
      case 'leader':
        return this.#lead(Number(words[0]));
      case 'member':
        return this.#script(Number(words[0]), words.slice(1));
      case 'way-to':
        this.#fates.set(Number(words[0]), FATES[words.slice(1).join(' ')]);
        return 'ok';
      case 'ask':
        return this.#ask(Number(words[0]), words.slice(1));
      case 'client':
        return this.#propose(words[0] === 'repeatable', Number(words.at(-1)));
      case 'session':
        return this.#submit(Number(words[0]));
      default:
        throw new Error(`no command ${name}`);
    }
  };

  /** Members carry out sessions as a shard would: `open` is answered with session 40. */
  #lead(leader: number): string {
    for (const member of this.#world.members) {
      this.#world.host(member).onPropose = (payload) => {
        if (member !== leader) return refused('notLeader', leader);
        if (payload[0] === 2) return { kind: 'applied', index: 40, result: SESSION_40 };
        return payload[0] === 1 ? { kind: 'applied', index: 41, result: DONE } : applied(5);
      };
    }
    return 'ok';
  }

  #script(member: number, [kind, reason, leader]: readonly string[]): string {
    let outcome: WriteOutcome | undefined;
    if (kind === 'refuses') outcome = refused(reason as WriteRefusal, Number(leader ?? 0));
    if (kind === 'doubts') outcome = { kind: 'unknown', reason: reason as WriteDoubt };
    this.#world.host(member).onPropose = () => outcome;
    return 'ok';
  }

  /** A single request, without the help of a client. */
  #ask(member: number, commands: readonly string[]): string {
    const body = encodePropose({ shard: 7, isForwarded: false, commands: commands.map(commandOf) });
    let heard: RequestOutcome = { kind: 'unknown', reason: 'timeout' };
    this.#world.request(member, REQUEST_KIND.propose, body, 500, (outcome) => {
      heard = outcome;
    });
    this.#world.clock.run(500);
    const { outcomes, leader } = writeAnswerOf(heard, commands.length);
    const hint = leader === 0 ? [] : [`ask ${leader} the next time`];
    return [...this.#trail(), ...outcomes.map(describe), ...hint].join('\n');
  }

  #propose(isRepeatable: boolean, timeoutMs: number): string {
    let heard = 'nothing';
    this.#client.propose(commandOf('c'), timeoutMs, isRepeatable, (outcome) => {
      heard = describe(outcome);
    });
    this.#world.clock.run(timeoutMs * 2);
    return [...this.#trail(), heard].join('\n');
  }

  #submit(timeoutMs: number): string {
    let heard = 'nothing';
    this.#session.submit(bytesOf('c'), timeoutMs, (outcome: CommandOutcome) => {
      heard = outcome.kind === 'done' ? 'done' : `${outcome.kind} ${outcome.reason}`;
    });
    this.#world.clock.run(timeoutMs * 2);
    return [...this.#trail(), heard].join('\n');
  }

  /** The requests since the last command; 0 is the client. */
  #trail(): string[] {
    const { trail } = this.#world;
    const lines = trail.slice(this.#told);
    this.#told = trail.length;
    return lines.length > 8 ? [...lines.slice(0, 6), `... ${lines.length} in all`] : lines;
  }
}

const SESSION_40 = Uint8Array.of(1, 40, 0, 0, 0, 0, 0, 0, 0);
const DONE = Uint8Array.of(0);

function describe(outcome: WriteOutcome): string {
  if (outcome.kind === 'applied') return `applied at ${outcome.index}`;
  if (outcome.kind === 'unknown') return `unknown ${outcome.reason}`;
  const leader = outcome.leader === 0 ? '' : `, leader ${outcome.leader}`;
  return `refused ${outcome.reason}${leader}`;
}

transcriptTests(new URL('testdata/', import.meta.url), () => new Story().run);
