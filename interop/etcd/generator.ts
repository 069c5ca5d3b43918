// Sequences from a seed: few keys, so that they meet; every option; and much that is wrong.

import type { Prng } from '../../src/base/prng.ts';
import type {
  Compare,
  DeleteOperation,
  KeyRange,
  KeyspaceOperation,
  LeaseId,
  PutOperation,
  RangeOperation,
  TxnOperation,
} from '../../src/service/keyspace/index.ts';
import type { Step, Watch } from './steps.ts';

const KEYS = ['a', 'b', 'c', 'ab', 'b\0', 'ba', '\xff', '\xff\xff'].map(bytesOf);
const VALUES = ['', '1', '2', 'value', 'x'.repeat(200)].map(bytesOf);
const STEPS_MAX = 50;
const DEPTH_MAX = 2;
const TTL_SECONDS = 5_000;
const TTL_SECONDS_MAX = 9_000_000_000;
const NOTHING = new Uint8Array(0);

export function sequenceOf(random: Prng): readonly Step[] {
  const generator = new Generator(random);
  return Array.from({ length: 3 + random.below(STEPS_MAX) }, () => generator.step());
}

class Generator {
  readonly #random: Prng;
  /** About where the store is: most revisions asked for are near it. */
  #revision = 1;
  /** At most: some are refused. */
  #compacted = 1;
  readonly #leases: LeaseId[] = [];
  /**
   * Whether the transaction that is made deletes up to the last key. Then it keeps nothing of a key
   * that it writes: etcd 3.4 stops where that key was deleted before, and ours refuses it.
   */
  #deletesToTheLast = false;

  constructor(random: Prng) {
    this.#random = random;
  }

  step(): Step {
    const draw = this.#random.below(40);
    if (draw < 2) return this.#compact();
    if (draw < 6) return this.#grant();
    if (draw < 8) {
      return { do: this.#oneOf(['revoke', 'keepAlive', 'timeToLive']), lease: this.#someLease() };
    }
    if (draw < 10)
      return { do: this.#chance(3) ? 'leases' : 'timeToLive', lease: this.#someLease() };
    // Seldom, since they are slow: etcd looks after those of the past ten times a second.
    if (draw === 10) return this.#watch();
    this.#deletesToTheLast = this.#chance(2);
    const operation = this.#operation(0);
    if (operation.kind !== 'range') this.#revision += 1;
    return { do: 'operate', operation };
  }

  #compact(): Step {
    const revision = this.#someRevision(2);
    this.#compacted = Math.max(this.#compacted, revision);
    return { do: 'compact', revision };
  }

  #grant(): Step {
    const lease = this.#chance(8) ? this.#someLease() : BigInt(1 + this.#random.below(6));
    const isWrong = this.#chance(12);
    if (!isWrong && lease !== 0n) this.#leases.push(lease);
    return { do: 'grant', lease, ttlSeconds: isWrong ? TTL_SECONDS_MAX + 1 : TTL_SECONDS };
  }

  #watch(): Watch {
    return {
      do: 'watch',
      range: this.#range(),
      from: this.#watchedFrom(),
      wantsPrevious: this.#chance(2),
      leavesOut: this.#oneOf(['nothing', 'nothing', 'puts', 'deletions']),
    };
  }

  /**
   * Behind or before the compacted revision: what it deleted etcd may have let go of already, or
   * not yet.
   */
  #watchedFrom(): number {
    const from = this.#someRevision(2);
    return from === this.#compacted ? from + 1 : from;
  }

  #operation(depth: number): KeyspaceOperation {
    const draw = this.#random.below(depth === 0 ? 10 : 12);
    const isAlone = depth === 0;
    if (draw < 4) return this.#put(isAlone || !this.#deletesToTheLast);
    if (draw < 6) return this.#delete(isAlone || this.#deletesToTheLast);
    if (draw < 9 || depth >= DEPTH_MAX) return this.#rangeOperation();
    return this.#txn(depth);
  }

  #put(mayKeep: boolean): PutOperation {
    const keepsValue = mayKeep && this.#chance(10);
    const keepsLease = mayKeep && this.#chance(10);
    const isWrong = this.#chance(8);
    return {
      kind: 'put',
      key: this.#key(),
      value: keepsValue && !isWrong ? NOTHING : this.#oneOf(VALUES),
      contentType: '',
      lease: this.#chance(4) && (!keepsLease || isWrong) ? this.#someLease() : 0n,
      ttlMs: 0,
      wantsPrevious: this.#chance(3),
      keepsValue,
      keepsLease,
    };
  }

  #delete(mayEndLast: boolean): DeleteOperation {
    let range = this.#range();
    if (range.end === 'last' && !mayEndLast) range = { key: range.key, end: undefined };
    return { kind: 'delete', range, wantsPrevious: this.#chance(2) };
  }

  #rangeOperation(): RangeOperation {
    const hasFilters = this.#chance(5);
    const bound = (): number => (hasFilters && this.#chance(2) ? this.#someRevision(1) : 0);
    return {
      kind: 'range',
      range: this.#range(),
      revision: this.#chance(3) ? this.#someRevision(1) : 0,
      limit: this.#chance(3) ? this.#random.below(4) : 0,
      keysOnly: this.#chance(8),
      countOnly: this.#chance(8),
      sort: this.#oneOf(['none', 'none', 'ascending', 'descending']),
      sortBy: this.#oneOf(['key', 'version', 'create', 'mod', 'value']),
      minModRevision: bound(),
      maxModRevision: bound(),
      minCreateRevision: bound(),
      maxCreateRevision: bound(),
    };
  }

  #txn(depth: number): TxnOperation {
    const most = this.#chance(40) ? 129 : 4;
    const list = (): KeyspaceOperation[] =>
      Array.from({ length: this.#random.below(most + 1) }, () => this.#operation(depth + 1));
    return {
      kind: 'txn',
      compares: Array.from({ length: this.#random.below(3) }, () => this.#compare()),
      success: list(),
      failure: this.#chance(2) ? list() : [],
    };
  }

  #compare(): Compare {
    const target = this.#oneOf(['version', 'create', 'mod', 'lease', 'value'] as const);
    return {
      range: this.#range(),
      is: this.#oneOf(['equal', 'equal', 'greater', 'less', 'notEqual']),
      target:
        target === 'value'
          ? { of: target, value: this.#oneOf(VALUES) }
          : target === 'lease'
            ? { of: target, lease: this.#someLease() }
            : { of: target, number: target === 'version' ? this.#random.below(4) : this.#mod() },
    };
  }

  /** 0 as well, which a key that is absent has. */
  #mod(): number {
    return this.#chance(3) ? 0 : this.#someRevision(1);
  }

  #range(): KeyRange {
    const key = this.#chance(40) ? NOTHING : this.#key();
    switch (this.#random.below(6)) {
      case 0:
      case 1:
      case 2:
        return { key, end: undefined };
      case 3:
        return { key, end: 'last' };
      case 4:
        return { key: bytesOf('\0'), end: 'last' };
      default:
        return { key, end: this.#oneOf(KEYS) };
    }
  }

  #key(): Uint8Array {
    return this.#chance(60) ? NOTHING : this.#oneOf(KEYS);
  }

  #someLease(): LeaseId {
    if (this.#leases.length === 0 || this.#chance(10)) return BigInt(90 + this.#random.below(3));
    return this.#oneOf(this.#leases);
  }

  /** Now and then one that is yet to come. */
  #someRevision(least: number): number {
    const ahead = this.#chance(10) ? 60 : 1;
    return Math.max(least, this.#revision + ahead - this.#random.below(12));
  }

  #chance(one: number): boolean {
    return this.#random.below(one) === 0;
  }

  #oneOf<T>(choices: readonly T[]): T {
    return choices[this.#random.below(choices.length)] as T;
  }
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}
