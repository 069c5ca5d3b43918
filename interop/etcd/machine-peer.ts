// The key-value machine by itself, asked as etcd is.

import { must } from '../../src/base/assert.ts';
import { wholeAnswer } from '../../src/core/machine.ts';
import {
  decodeKeyspaceAnswers,
  decodeKeyspaceResult,
  encodeKeyspaceCommand,
  encodeKeyspaceQuestion,
  type KeyspaceAnswer,
  type KeyspaceChange,
  type KeyspaceCommand,
  type KeyspaceQuestion,
  type KeyspaceRecord,
  type KeyspaceResult,
  keyspaceMachine,
  type OperationResult,
} from '../../src/service/keyspace/index.ts';
import { MachineBench } from '../../test/support/machine-bench.ts';
import {
  type Answer,
  type KeyspacePeer,
  type Step,
  type Told,
  type ToldEvent,
  type ToldRecord,
  textOf,
  type Watch,
} from './steps.ts';

const SECOND_MS = 1_000;
/** Between two steps: what is to be let go of goes meanwhile. */
const PAUSE_MS = 1;

export class MachinePeer implements KeyspacePeer {
  readonly name = 'parley';
  #bench = new MachineBench(keyspaceMachine);

  begin(): Promise<void> {
    this.#bench = new MachineBench(keyspaceMachine);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  carryOut(step: Step): Promise<Answer> {
    const answer = this.#carryOut(step);
    this.#bench.pass(PAUSE_MS);
    return Promise.resolve(answer);
  }

  #carryOut(step: Step): Answer {
    switch (step.do) {
      case 'operate':
        return this.#operate(step);
      case 'compact':
        return withoutResult(this.#apply({ kind: 'compact', revision: step.revision }));
      case 'grant':
        return timed(
          this.#apply({ kind: 'grant', lease: step.lease, ttlMs: step.ttlSeconds * SECOND_MS }),
        );
      case 'revoke':
        return withoutResult(this.#apply({ kind: 'revoke', lease: step.lease }));
      case 'keepAlive': {
        const result = this.#apply({ kind: 'keepAlive', lease: step.lease });
        // etcd answers a lease that is not there with no time.
        const isGone = result.kind === 'refused' && result.error === 'leaseNotFound';
        return isGone ? { revision: result.revision, ttlSeconds: 0 } : timed(result);
      }
      case 'timeToLive': {
        const [answer] = this.#ask({ kind: 'lease', lease: step.lease });
        if (answer?.kind !== 'lease') throw new Error('a lease is answered');
        const { found, revision } = answer;
        const keys = (found?.keys ?? []).map(textOf).toSorted();
        return { revision, ttlSeconds: found === undefined ? -1 : found.ttlMs / SECOND_MS, keys };
      }
      case 'leases': {
        const [answer] = this.#ask({ kind: 'leases' });
        if (answer?.kind !== 'leases') throw new Error('leases are answered');
        return { revision: answer.revision, leases: answer.leases.map(String).toSorted() };
      }
      case 'watch':
        return this.#watch(step);
    }
  }

  /** A range goes through the log now and then, as those within transactions do. */
  #operate({ operation }: Extract<Step, { do: 'operate' }>): Answer {
    if (operation.kind === 'range' && this.#bench.ordinal % 2 === 0) {
      return rangeAnswer(this.#ask({ kind: 'range', operation }));
    }
    const result = this.#apply({ kind: 'operate', operation });
    if (result.kind === 'refused') return { error: result.error };
    if (result.kind !== 'done') throw new Error('an operation has a result');
    return { revision: result.revision, result: toldOf(result.result) };
  }

  #watch({ from, leavesOut, range, wantsPrevious }: Watch): Answer {
    const events: ToldEvent[] = [];
    for (const answer of this.#ask({ kind: 'changes', range, from })) {
      if (answer.kind === 'compacted') return { compacted: answer.first };
      if (answer.kind === 'refused') return { error: answer.error };
      if (answer.kind !== 'changes') throw new Error('changes are answered');
      events.push(
        ...answer.changes
          .filter(({ kind }) => leavesOut !== (kind === 'put' ? 'puts' : 'deletions'))
          .map((change) => eventOf(change, wantsPrevious)),
      );
    }
    return { events };
  }

  #apply(command: KeyspaceCommand): KeyspaceResult {
    return must(
      decodeKeyspaceResult(this.#bench.apply(encodeKeyspaceCommand(command))),
      'a result is one',
    );
  }

  #ask(question: KeyspaceQuestion): readonly KeyspaceAnswer[] {
    const body = encodeKeyspaceQuestion(question);
    // Small pages, so that there are some.
    const budget = { stepsMax: 3, bytesMax: 1_000 };
    const bytes = wholeAnswer((cursor) => this.#bench.ask(body, { cursor, budget }));
    return must(decodeKeyspaceAnswers(bytes), 'an answer is one');
  }
}

function rangeAnswer(answers: readonly KeyspaceAnswer[]): Answer {
  const range: ToldRecord[] = [];
  let [count, more, revision] = [0, false, 0];
  for (const answer of answers) {
    if (answer.kind === 'refused') return { error: answer.error };
    if (answer.kind !== 'range' || answer.result.kind !== 'range') {
      throw new Error('a range is answered');
    }
    range.push(...answer.result.records.map(recordOf));
    count += answer.result.count;
    more ||= answer.result.more;
    revision = answer.revision;
  }
  return { revision, result: { range, count, more } };
}

function withoutResult(result: KeyspaceResult): Answer {
  if (result.kind === 'refused') return { error: result.error };
  return { revision: result.revision, result: { nothing: true } };
}

function timed(result: KeyspaceResult): Answer {
  if (result.kind !== 'carriedOut') return withoutResult(result);
  return { revision: result.revision, ttlSeconds: result.ttlMs / SECOND_MS };
}

function toldOf(result: OperationResult): Told {
  switch (result.kind) {
    case 'range':
      return { range: result.records.map(recordOf), count: result.count, more: result.more };
    case 'put':
      return { put: result.previous === undefined ? null : recordOf(result.previous) };
    case 'delete':
      return { deleted: result.deleted, previous: result.previous.map(recordOf) };
    case 'merge':
      throw new Error('etcd has no merges');
    case 'txn':
      return { succeeded: result.succeeded, results: result.results.map(toldOf) };
  }
}

function eventOf({ kind, previous, record }: KeyspaceChange, wantsPrevious: boolean): ToldEvent {
  const told = wantsPrevious && previous !== undefined ? recordOf(previous) : null;
  return { kind, record: recordOf(record), previous: told };
}

function recordOf(record: KeyspaceRecord): ToldRecord {
  return {
    key: textOf(record.key),
    value: textOf(record.value),
    create: record.createRevision,
    mod: record.modRevision,
    version: record.version,
    lease: String(record.lease),
  };
}
