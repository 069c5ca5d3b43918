// The interaction environment: nodes, one queue of messages on the wire, and the loops that move
// work between them. `commands.ts` drives it; what it does is printed as it is done.

import { assert, must } from '../../src/base/assert.ts';
import type { Message, Snapshot } from '../../src/core/raft/index.ts';
import { APPEND_THREAD, APPLY_THREAD } from '../../src/core/raft/index.ts';
import type { CoreUnderTest } from './core-under-test.ts';
import { describeMessage, describeReady, messageEvent } from './describe.ts';
import type { Activity, MessageType } from './model.ts';
import { ERROR_TEXTS } from './model.ts';
import type { CommandError, NodeOptions } from './node.ts';
import { HarnessNode } from './node.ts';
import { Output } from './output.ts';

/** Enough for any file; a core that never becomes quiet must not stop the run. */
const STABILIZE_ROUNDS_MAX = 500;

/** Whether a phase found work, or the error that ended it. */
type Worked = boolean | string;

export interface Recipient {
  readonly id: number;
  readonly drop: boolean;
}

export class Environment {
  readonly output = new Output();
  readonly #makers: CoreUnderTest;
  readonly #nodes: HarnessNode[] = [];
  #wire: Message[] = [];

  constructor(makers: CoreUnderTest) {
    this.#makers = makers;
  }

  get nodes(): readonly HarnessNode[] {
    return this.#nodes;
  }

  node(id: number): HarnessNode {
    return must(this.#nodes[id - 1], `node ${id} exists`);
  }

  addNode(start: Snapshot, options: NodeOptions): void {
    const id = this.#nodes.length + 1;
    this.#nodes.push(new HarnessNode(id, this.#makers, start, options, this.output));
  }

  send(message: Message): void {
    this.#wire.push(message);
  }

  /** How many messages were handled. A recipient that drops need not exist. */
  deliver(recipients: readonly Recipient[], type: MessageType | undefined): number {
    let count = 0;
    for (const { id, drop } of recipients) {
      const messages = this.#takeFor(id, type, drop);
      count += messages.length;
      for (const message of messages) {
        const described = describeMessage(message);
        this.output.print({ kind: 'message', message: described, dropped: drop });
        if (!drop) this.#step(id, message);
      }
    }
    return count;
  }

  /** Local work cannot get lost, so a recipient that drops keeps it. */
  #takeFor(id: number, type: MessageType | undefined, drop: boolean): Message[] {
    const taken: Message[] = [];
    const left: Message[] = [];
    for (const message of this.#wire) {
      const fits = message.to === id && !(drop && isLocal(message));
      const wanted = type === undefined || describeMessage(message).type === type;
      (fits && wanted ? taken : left).push(message);
    }
    this.#wire = left;
    return taken;
  }

  #step(id: number, message: Message): void {
    const outcome = this.node(id).core.step(message);
    const fail = (text: string): void => this.output.print({ kind: 'error', text });
    if (outcome === 'unknownPeer') fail(ERROR_TEXTS.unknownPeer);
    else if (outcome === 'localMessage') fail(ERROR_TEXTS.localMessage);
    else if (outcome === 'dropped' && message.kind === 'propose') fail(ERROR_TEXTS.proposalDropped);
    else if (outcome === 'malformed' || outcome === 'contradiction') fail(`core says ${outcome}`);
  }

  processReady(id: number): CommandError {
    const node = this.node(id);
    const ready = node.core.ready();
    this.output.print(...describeReady(ready));
    if (!node.isAsync) {
      const error = node.persist(ready.hardState, ready.entries, ready.snapshot);
      if (error !== undefined) return error;
      node.apply(ready.committedEntries);
    }
    for (const message of ready.messages) {
      const isLocalWork = message.to === APPEND_THREAD || message.to === APPLY_THREAD;
      assert(!isLocalWork || node.isAsync, 'only asynchronous writes travel as messages');
      if (message.to === APPEND_THREAD) node.appendWork.push(message);
      else if (message.to === APPLY_THREAD) node.applyWork.push(message);
      else this.send(message);
    }
    if (!node.isAsync) node.core.advance();
    return undefined;
  }

  processAppendThread(id: number): CommandError {
    const node = this.node(id);
    const message = node.appendWork.shift();
    if (message === undefined) {
      this.output.print({ kind: 'notice', text: 'no append work to perform' });
      return undefined;
    }
    this.#printWork(message);
    const { term, vote, commit } = message;
    const hardState = term === 0 && vote === 0 && commit === 0 ? undefined : { term, vote, commit };
    const error = node.persist(hardState, message.entries, message.snapshot);
    if (error === undefined) this.#respond(message);
    return error;
  }

  processApplyThread(id: number): void {
    const node = this.node(id);
    const message = node.applyWork.shift();
    if (message === undefined) {
      this.output.print({ kind: 'notice', text: 'no apply work to perform' });
      return;
    }
    this.#printWork(message);
    node.apply(message.entries);
    this.#respond(message);
  }

  #printWork(message: Message): void {
    const bare = { ...message, responses: [] };
    this.output.print({ kind: 'label', label: 'Processing' }, messageEvent(bare));
  }

  #respond(message: Message): void {
    this.output.print({ kind: 'label', label: 'Responses' });
    for (const response of message.responses) {
      this.output.print(messageEvent(response));
      this.send(response);
    }
  }

  /** Lets `nodes` work, in their order, until none of them has anything left to do. */
  stabilize(nodes: readonly HarnessNode[]): CommandError {
    for (let round = 0; round < STABILIZE_ROUNDS_MAX; round++) {
      let worked = false;
      const phases = [
        (): Worked => this.#readyPhase(nodes),
        (): Worked => this.#deliveryPhase(nodes),
        (): Worked => this.#threadPhases(nodes),
      ];
      for (const phase of phases) {
        const result = phase();
        if (typeof result === 'string') return result;
        worked ||= result;
      }
      if (!worked) return undefined;
    }
    throw new Error(`no rest after ${STABILIZE_ROUNDS_MAX} rounds`);
  }

  #readyPhase(nodes: readonly HarnessNode[]): Worked {
    let worked = false;
    for (const node of nodes) {
      if (!node.core.hasReady()) continue;
      const error = this.under(node.id, 'handling Ready', () => this.processReady(node.id));
      if (error !== undefined) return error;
      worked = true;
    }
    return worked;
  }

  #deliveryPhase(nodes: readonly HarnessNode[]): Worked {
    let worked = false;
    for (const { id } of nodes) {
      if (!this.#wire.some((message) => message.to === id)) continue;
      const recipients = [{ id, drop: false }];
      this.under(id, 'receiving messages', () => this.deliver(recipients, undefined));
      worked = true;
    }
    return worked;
  }

  /** Both threads take one step per pass here, for all nodes the append threads first. */
  #threadPhases(nodes: readonly HarnessNode[]): Worked {
    let worked = false;
    for (const { id, appendWork } of nodes) {
      if (appendWork.length === 0) continue;
      const error = this.under(id, 'processing append thread', () => {
        let failed: CommandError;
        while (appendWork.length > 0 && failed === undefined) failed = this.processAppendThread(id);
        return failed;
      });
      if (error !== undefined) return error;
      worked = true;
    }
    for (const { id, applyWork } of nodes) {
      if (applyWork.length === 0) continue;
      this.under(id, 'processing apply thread', () => {
        while (applyWork.length > 0) this.processApplyThread(id);
      });
      worked = true;
    }
    return worked;
  }

  /** Prints a header and what `work` prints below it. */
  under<Result>(node: number, activity: Activity, work: () => Result): Result {
    this.output.print({ kind: 'header', node, activity });
    return this.output.indent(work);
  }
}

function isLocal({ from, to }: Message): boolean {
  return from === to || [from, to].some((id) => id === APPEND_THREAD || id === APPLY_THREAD);
}
