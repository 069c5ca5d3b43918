// All states that single replicas were ever in, each once. What an input does to a replica does not
// depend on the others, so it is found out once and remembered: exploring the group is then a
// matter of looking up numbers. A state is reached again by replaying the inputs that led to it.

import { must } from '../../../src/base/assert.ts';
import type { Message, NodeId } from '../../../src/core/raft/index.ts';
import { Actor, type Facts, type Input } from './actor.ts';
import { describeMessage } from './fingerprint.ts';

export const OWN_INPUTS = ['campaign', 'disk', 'propose', 'change', 'crash', 'heartbeat'] as const;

/** Inputs are numbers: those above come first, then deliveries of the messages by their number. */
export type InputNumber = number;

export interface Effect {
  readonly next: number;
  /** Numbers of the messages that leave. */
  readonly sent: readonly number[];
}

interface Known {
  readonly id: NodeId;
  readonly facts: Facts;
  readonly parent: number;
  readonly input: InputNumber;
  readonly effects: Map<InputNumber, Effect>;
}

export class ReplicaStates {
  readonly #voters: readonly NodeId[];
  readonly #isDiskLazy: boolean;
  readonly #known: Known[] = [];
  readonly #byText = new Map<string, number>();
  readonly #messages: Message[] = [];
  readonly #messageByText = new Map<string, number>();

  constructor(voters: readonly NodeId[], isDiskLazy: boolean) {
    this.#voters = voters;
    this.#isDiskLazy = isDiskLazy;
  }

  get size(): number {
    return this.#known.length;
  }

  get messageCount(): number {
    return this.#messages.length;
  }

  start(id: NodeId): number {
    return this.#add(id, new Actor(id, this.#voters, this.#isDiskLazy), -1, 0);
  }

  facts(state: number): Facts {
    return (this.#known[state] as Known).facts;
  }

  message(number: number): Message {
    return this.#messages[number] as Message;
  }

  effect(state: number, input: InputNumber): Effect {
    const known = must(this.#known[state], 'a state that was reached');
    const remembered = known.effects.get(input);
    if (remembered !== undefined) return remembered;
    const actor = this.#replay(state, known.id);
    const sent = actor.input(this.#inputOf(input)).map((message) => this.#numberOf(message));
    const effect = { next: this.#add(known.id, actor, state, input), sent };
    known.effects.set(input, effect);
    return effect;
  }

  /** The inputs that lead to `state`, oldest first. */
  path(state: number): string[] {
    const steps: string[] = [];
    for (let at = state; ; ) {
      const { input, parent } = this.#known[at] as Known;
      if (parent < 0) return steps.toReversed();
      const own = OWN_INPUTS[input];
      steps.push(own ?? describeMessage(this.message(input - OWN_INPUTS.length)));
      at = parent;
    }
  }

  #replay(state: number, id: NodeId): Actor {
    const inputs: InputNumber[] = [];
    for (let at = state; ; ) {
      const { input, parent } = this.#known[at] as Known;
      if (parent < 0) break;
      inputs.push(input);
      at = parent;
    }
    const actor = new Actor(id, this.#voters, this.#isDiskLazy);
    for (let i = inputs.length - 1; i >= 0; i--) actor.input(this.#inputOf(inputs[i] as number));
    return actor;
  }

  #inputOf(input: InputNumber): Input {
    const kind = OWN_INPUTS[input];
    if (kind !== undefined) return { kind };
    return { kind: 'deliver', message: this.message(input - OWN_INPUTS.length) };
  }

  #add(id: NodeId, actor: Actor, parent: number, input: InputNumber): number {
    const text = actor.describe();
    const found = this.#byText.get(text);
    if (found !== undefined) return found;
    const state = this.#known.length;
    this.#byText.set(text, state);
    this.#known.push({ id, facts: actor.facts(), parent, input, effects: new Map() });
    return state;
  }

  #numberOf(message: Message): number {
    const text = describeMessage(message);
    const found = this.#messageByText.get(text);
    if (found !== undefined) return found;
    this.#messageByText.set(text, this.#messages.length);
    this.#messages.push(message);
    return this.#messages.length - 1;
  }
}
