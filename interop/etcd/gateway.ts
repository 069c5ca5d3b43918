// etcd by its JSON gateway: bytes are base64, 64-bit numbers are texts, what is zero is left out.

import type {
  Compare,
  KeyRange,
  KeyspaceError,
  KeyspaceOperation,
  LeaseId,
  RangeOperation,
} from '../../src/service/keyspace/index.ts';
import type { Answer, KeyspacePeer, Step, Told, ToldEvent, ToldRecord, Watch } from './steps.ts';

type Json = Readonly<Record<string, unknown>>;

const ERRORS: Readonly<Record<string, KeyspaceError>> = {
  'etcdserver: mvcc: required revision is a future revision': 'futureRevision',
  'etcdserver: mvcc: required revision has been compacted': 'compacted',
  'etcdserver: requested lease not found': 'leaseNotFound',
  'etcdserver: lease already exists': 'leaseExists',
  'etcdserver: too large lease TTL': 'leaseTtlTooLarge',
  'etcdserver: key is not provided': 'emptyKey',
  'etcdserver: value is provided': 'valueProvided',
  'etcdserver: lease is provided': 'leaseProvided',
  'etcdserver: key not found': 'keyNotFound',
  'etcdserver: too many operations in txn request': 'tooManyOperations',
  'etcdserver: duplicate key given in txn request': 'duplicateKey',
};

const RESULTS = { equal: 'EQUAL', greater: 'GREATER', less: 'LESS', notEqual: 'NOT_EQUAL' };
const TARGETS = {
  version: 'VERSION',
  create: 'CREATE',
  mod: 'MOD',
  value: 'VALUE',
  lease: 'LEASE',
};
const SORTS = { none: 'NONE', ascending: 'ASCEND', descending: 'DESCEND' };
const SORT_TARGETS = {
  key: 'KEY',
  version: 'VERSION',
  create: 'CREATE',
  mod: 'MOD',
  value: 'VALUE',
};
const FILTERS = { nothing: [], puts: ['NOPUT'], deletions: ['NODELETE'] };
const EVERYTHING = { key: base64('\0'), range_end: base64('\0') };
const QUIET_MS = 150;
/** It closes connections now and then, perhaps under the next request. */
const ONE_REQUEST = { connection: 'close' };

/** The store refused, and said why. */
class Refused extends Error {
  readonly reason: KeyspaceError;

  constructor(reason: KeyspaceError) {
    super(reason);
    this.reason = reason;
  }
}

export class EtcdPeer implements KeyspacePeer {
  readonly name = 'etcd';
  readonly #url: string;
  /** What etcd's revisions are ahead of the sequence's. */
  #ahead = 0;

  constructor(url: string) {
    this.#url = url;
  }

  /** Its revisions go on: the sequence begins at the one at which it is emptied. */
  async begin(): Promise<void> {
    const leases = await this.#leases();
    for (const lease of leases) await this.#post('lease/revoke', { ID: lease });
    await this.#post('kv/deleterange', EVERYTHING);
    const { header } = await this.#post('kv/range', { ...EVERYTHING, count_only: true });
    const revision = numberOf((header as Json)['revision']);
    this.#ahead = revision - 1;
    // Refused where the sequence before did it, and changed nothing since.
    await this.carryOut({ do: 'compact', revision: 1 });
  }

  async close(): Promise<void> {}

  async carryOut(step: Step): Promise<Answer> {
    try {
      return await this.#carryOut(step);
    } catch (error) {
      if (error instanceof Refused) return { error: error.reason };
      throw error;
    }
  }

  async #carryOut(step: Step): Promise<Answer> {
    switch (step.do) {
      case 'operate':
        return this.#operate(step.operation);
      case 'compact': {
        const told = await this.#post('kv/compaction', { revision: step.revision + this.#ahead });
        return { revision: this.#revisionOf(told), result: { nothing: true } };
      }
      case 'grant': {
        const body = { ID: `${step.lease}`, TTL: step.ttlSeconds };
        return this.#timed(await this.#post('lease/grant', body));
      }
      case 'revoke': {
        const told = await this.#post('lease/revoke', { ID: `${step.lease}` });
        return { revision: this.#revisionOf(told), result: { nothing: true } };
      }
      case 'keepAlive': {
        const told = await this.#post('lease/keepalive', { ID: `${step.lease}` });
        return this.#timed(told['result'] as Json);
      }
      case 'timeToLive':
        return this.#timeToLive(step.lease);
      case 'leases': {
        const told = await this.#post('lease/leases', {});
        return { revision: this.#revisionOf(told), leases: leasesOf(told).toSorted() };
      }
      case 'watch':
        return this.#watch(step);
    }
  }

  async #operate(operation: KeyspaceOperation): Promise<Answer> {
    const [route, body] = this.#request(operation);
    const told = await this.#post(`kv/${route}`, body);
    return { revision: this.#revisionOf(told), result: this.#told(operation, told) };
  }

  #timed(told: Json): Answer {
    return { revision: this.#revisionOf(told), ttlSeconds: numberOf(told['TTL']) };
  }

  async #timeToLive(lease: LeaseId): Promise<Answer> {
    const told = await this.#post('lease/timetolive', { ID: `${lease}`, keys: true });
    const isThere = numberOf(told['TTL']) >= 0;
    const keys = ((told['keys'] as string[] | undefined) ?? []).map(textOf).toSorted();
    return {
      revision: this.#revisionOf(told),
      // What is left of it says how fast the sequence is.
      ttlSeconds: isThere ? numberOf(told['grantedTTL']) : -1,
      keys,
    };
  }

  async #leases(): Promise<readonly string[]> {
    return leasesOf(await this.#post('lease/leases', {}));
  }

  // --- requests ---------------------------------------------------------------------------------

  #request(operation: KeyspaceOperation): readonly [string, Json] {
    switch (operation.kind) {
      case 'range':
        return ['range', this.#rangeBody(operation)];
      case 'put':
        return [
          'put',
          {
            key: base64(operation.key),
            value: base64(operation.value),
            lease: `${operation.lease}`,
            prev_kv: operation.wantsPrevious,
            ignore_value: operation.keepsValue,
            ignore_lease: operation.keepsLease,
          },
        ];
      case 'delete': {
        const { range, wantsPrevious } = operation;
        return ['deleterange', { ...rangeOf(range), prev_kv: wantsPrevious }];
      }
      case 'merge':
        throw new Error('etcd has no merges');
      case 'txn':
        return [
          'txn',
          {
            compare: operation.compares.map((compare) => this.#compare(compare)),
            success: operation.success.map((inner) => this.#nested(inner)),
            failure: operation.failure.map((inner) => this.#nested(inner)),
          },
        ];
    }
  }

  #rangeBody(operation: RangeOperation): Json {
    return {
      ...rangeOf(operation.range),
      revision: this.#absolute(operation.revision),
      limit: operation.limit,
      keys_only: operation.keysOnly,
      count_only: operation.countOnly,
      sort_order: SORTS[operation.sort],
      sort_target: SORT_TARGETS[operation.sortBy],
      min_mod_revision: this.#absolute(operation.minModRevision),
      max_mod_revision: this.#absolute(operation.maxModRevision),
      min_create_revision: this.#absolute(operation.minCreateRevision),
      max_create_revision: this.#absolute(operation.maxCreateRevision),
    };
  }

  #nested(operation: KeyspaceOperation): Json {
    const [route, body] = this.#request(operation);
    return { [`request_${route === 'deleterange' ? 'delete_range' : route}`]: body };
  }

  #compare({ is, range, target }: Compare): Json {
    const common = { ...rangeOf(range), result: RESULTS[is], target: TARGETS[target.of] };
    switch (target.of) {
      case 'value':
        return { ...common, value: base64(target.value) };
      case 'lease':
        return { ...common, lease: `${target.lease}` };
      case 'version':
        return { ...common, version: target.number };
      case 'create':
        return { ...common, create_revision: this.#absolute(target.number) };
      case 'mod':
        return { ...common, mod_revision: this.#absolute(target.number) };
    }
  }

  #absolute(revision: number): number {
    return revision === 0 ? 0 : revision + this.#ahead;
  }

  async #post(route: string, body: Json): Promise<Json> {
    const answer = await fetch(`${this.#url}/v3/${route}`, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: ONE_REQUEST,
    });
    const told = JSON.parse(await answer.text()) as Json;
    throwRefusal(told);
    return told;
  }

  // --- answers ----------------------------------------------------------------------------------

  #revisionOf(told: Json): number {
    return this.#relative((told['header'] as Json)['revision']);
  }

  #relative(revision: unknown): number {
    const number = numberOf(revision);
    return number === 0 ? 0 : number - this.#ahead;
  }

  #told(operation: KeyspaceOperation, told: Json): Told {
    switch (operation.kind) {
      case 'range':
        return {
          range: this.#records(told['kvs']),
          count: numberOf(told['count']),
          more: told['more'] === true,
        };
      case 'put':
        return { put: this.#recordOrNull(told['prev_kv']) };
      case 'delete':
        return { deleted: numberOf(told['deleted']), previous: this.#records(told['prev_kvs']) };
      case 'merge':
        throw new Error('etcd has no merges');
      case 'txn': {
        const succeeded = told['succeeded'] === true;
        const list = succeeded ? operation.success : operation.failure;
        const responses = (told['responses'] as Json[] | undefined) ?? [];
        const results = list.map((inner, i) => {
          const [response] = Object.values(responses[i] ?? {});
          return this.#told(inner, response as Json);
        });
        return { succeeded, results };
      }
    }
  }

  #records(told: unknown): readonly ToldRecord[] {
    return ((told as Json[] | undefined) ?? []).map((record) => this.#record(record));
  }

  #recordOrNull(told: unknown): ToldRecord | null {
    return told === undefined ? null : this.#record(told as Json);
  }

  #record(told: Json): ToldRecord {
    return {
      key: textOf(told['key']),
      value: textOf(told['value']),
      create: this.#relative(told['create_revision']),
      mod: this.#relative(told['mod_revision']),
      version: numberOf(told['version']),
      lease: stringOf(told['lease']) || '0',
    };
  }

  // --- watches ----------------------------------------------------------------------------------

  /** Asks for the progress behind the watch: what it answers comes after all events up to now. */
  async #watch({ from, leavesOut, range, wantsPrevious }: Watch): Promise<Answer> {
    if (range.key.length === 0) return { error: 'emptyKey' };
    const create = {
      ...rangeOf(range),
      start_revision: from + this.#ahead,
      prev_kv: wantsPrevious,
      filters: FILTERS[leavesOut],
    };
    const ending = new AbortController();
    const answer = await fetch(`${this.#url}/v3/watch`, {
      method: 'POST',
      body: `${JSON.stringify({ create_request: create })}\n`,
      headers: ONE_REQUEST,
      signal: ending.signal,
    });
    const events: ToldEvent[] = [];
    try {
      for await (const message of linesOf(answer, () => ending.abort())) {
        const told = message['result'] as Json;
        if (told['compact_revision'] !== undefined) {
          return { compacted: this.#relative(told['compact_revision']) };
        }
        if (told['canceled'] === true) return { error: 'emptyRange' };
        for (const event of (told['events'] as Json[] | undefined) ?? []) {
          events.push({
            kind: event['type'] === 'DELETE' ? 'delete' : 'put',
            record: this.#record(event['kv'] as Json),
            previous: this.#recordOrNull(event['prev_kv']),
          });
        }
      }
    } finally {
      ending.abort();
    }
    return { events };
  }
}

/** The messages of a stream, until it has been quiet for a while. */
async function* linesOf(answer: Response, onQuiet: () => void): AsyncGenerator<Json, void> {
  const decoder = new TextDecoder();
  let text = '';
  let timer = setTimeout(onQuiet, QUIET_MS);
  try {
    for await (const bytes of answer.body ?? []) {
      clearTimeout(timer);
      timer = setTimeout(onQuiet, QUIET_MS);
      text += decoder.decode(bytes as Uint8Array, { stream: true });
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        const message = JSON.parse(line) as Json;
        throwRefusal(message);
        yield message;
      }
    }
  } catch (error) {
    if (!(error instanceof DOMException && error.name === 'AbortError')) throw error;
  } finally {
    clearTimeout(timer);
  }
}

function throwRefusal(told: Json): void {
  const { error } = told;
  if (error === undefined) return;
  const message = typeof error === 'string' ? error : stringOf((error as Json)['message']);
  const reason = ERRORS[message];
  if (reason === undefined) throw new Error(`etcd refuses for a reason not known here: ${message}`);
  throw new Refused(reason);
}

function rangeOf({ end, key }: KeyRange): Json {
  if (end === undefined) return { key: base64(key) };
  return { key: base64(key), range_end: end === 'last' ? base64('\0') : base64(end) };
}

function leasesOf(told: Json): readonly string[] {
  return ((told['leases'] as Json[] | undefined) ?? []).map(({ ID }) => stringOf(ID));
}

function stringOf(told: unknown): string {
  return typeof told === 'string' ? told : '';
}

function numberOf(told: unknown): number {
  return Number(told ?? 0);
}

function base64(bytes: Uint8Array | string): string {
  const buffer = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : Buffer.from(bytes);
  return buffer.toString('base64');
}

function textOf(told: unknown): string {
  return Buffer.from(stringOf(told), 'base64').toString('latin1');
}
