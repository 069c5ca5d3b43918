// Stores that are wrong in one way each: a comparison that does not notice them is worth nothing.

import type { KeyspaceOperation } from '../../src/service/keyspace/index.ts';
import type { Answer, KeyspacePeer, Step, Told } from './steps.ts';

export interface Wrong {
  readonly what: string;
  readonly step?: (step: Step) => Step;
  readonly told?: (told: Told, operation: KeyspaceOperation) => Told;
  readonly answer?: (answer: Answer, step: Step) => Answer;
}

export const WRONGS: readonly Wrong[] = [
  {
    what: 'counts only what it answers',
    told: (told) => ('range' in told ? { ...told, count: told.range.length } : told),
  },
  {
    what: 'reads the present in place of the past',
    step: (step) => ranging(step, (operation) => ({ ...operation, revision: 0 })),
  },
  {
    what: 'says nothing of a limit that cut something',
    told: (told) => ('range' in told ? { ...told, more: false } : told),
  },
  {
    what: 'forgets the lease of a key',
    told: (told) =>
      'range' in told
        ? { ...told, range: told.range.map((record) => ({ ...record, lease: '0' })) }
        : told,
  },
  {
    what: 'tells deletions nobody the value before',
    answer: (answer) =>
      'events' in answer
        ? { events: answer.events.map((event) => ({ ...event, previous: null })) }
        : answer,
  },
  {
    what: 'compacts one revision less',
    step: (step) => (step.do === 'compact' ? { ...step, revision: step.revision - 1 } : step),
  },
  {
    what: 'takes the other way in a transaction without compares',
    step: (step) => {
      if (step.do !== 'operate' || step.operation.kind !== 'txn') return step;
      const { compares, failure, success } = step.operation;
      if (compares.length > 0) return step;
      return { ...step, operation: { ...step.operation, success: failure, failure: success } };
    },
  },
  {
    what: 'sorts by the wrong thing',
    step: (step) =>
      ranging(step, (operation) =>
        operation.sortBy === 'version' ? { ...operation, sortBy: 'mod' } : operation,
      ),
  },
];

type Ranging = (
  operation: Extract<KeyspaceOperation, { kind: 'range' }>,
) => Extract<KeyspaceOperation, { kind: 'range' }>;

function ranging(step: Step, change: Ranging): Step {
  if (step.do !== 'operate' || step.operation.kind !== 'range') return step;
  return { ...step, operation: change(step.operation) };
}

export class WrongPeer implements KeyspacePeer {
  readonly name: string;
  readonly #wrong: Wrong;
  readonly #peer: KeyspacePeer;

  constructor(wrong: Wrong, peer: KeyspacePeer) {
    this.name = wrong.what;
    this.#wrong = wrong;
    this.#peer = peer;
  }

  begin(): Promise<void> {
    return this.#peer.begin();
  }

  async carryOut(step: Step): Promise<Answer> {
    const { answer, step: change, told } = this.#wrong;
    const right = await this.#peer.carryOut(change?.(step) ?? step);
    const isOperation = step.do === 'operate' && 'result' in right;
    const changed =
      told !== undefined && isOperation
        ? { ...right, result: told(right.result, step.operation) }
        : right;
    return answer?.(changed, step) ?? changed;
  }

  close(): Promise<void> {
    return this.#peer.close();
  }
}
