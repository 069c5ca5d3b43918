import { transcriptTests } from '../../../test/support/transcript.ts';
import { CrashDisk } from '../../../test/support/wal-crash-disk.ts';
import { must } from '../../base/assert.ts';
import type { Command } from '../../base/transcript.ts';
import type { Entry } from '../../core/raft/index.ts';
import {
  describeResult,
  entryOf,
  type OpenState,
  openState,
  payloadOf,
  textOf,
  utf8,
  votersOf,
  wordMachine,
} from './state.support.ts';
import type { PreparedSnapshot, ReplicaState } from './types.ts';

/** Runs the commands of one file on shards of one member. */
class Bench {
  #open: OpenState | undefined;
  #prepared: PreparedSnapshot | undefined;
  readonly #shards = new Map<number, ReplicaState>();
  readonly #sessions = { sessionsMax: 3, idleMs: 1_000, resultBytesMax: 8 };

  async run(command: Command): Promise<string> {
    const { name, args, input } = command;
    const number = (key: string, otherwise: number): number => {
      return Number(args.find((arg) => arg.key === key)?.values[0] ?? otherwise);
    };
    const shard = number('shard', 1);
    const open = await this.#opened();
    switch (name) {
      case 'create':
        return this.#create(open, shard, number('at', 1));
      case 'apply':
        return this.#apply(shard, input.split('\n'), number('term', 1));
      case 'config':
        return this.#config(shard, (args[0]?.values ?? []).map(Number));
      case 'query':
        return textOf(this.#data(shard).query(utf8(args[0]?.key ?? '')));
      case 'status':
        return this.#status(shard);
      case 'dump':
        return dump(open);
      case 'flush':
        await open.store.flush();
        return '';
      case 'restart':
      case 'crash':
        return this.#restart(open, name === 'restart');
      case 'pass':
        await open.clock.pass(number('ms', 5));
        return '';
      case 'prepare':
        this.#prepared = await this.#data(shard).prepareSnapshot();
        return `index ${this.#prepared.snapshot.index}`;
      case 'stage':
        return this.#stage(
          shard,
          args.some(({ key }) => key === 'part'),
        );
      case 'drop':
        this.#data(shard).dropStaging();
        return '';
      case 'install':
        return String(this.#data(shard).install(this.#snapshot()));
      case 'finish':
        return this.#data(shard).finishInstall(this.#snapshot());
      default:
        throw new Error(`there is no command ${name}`);
    }
  }

  async #opened(): Promise<OpenState> {
    this.#open ??= await openState(new CrashDisk(), this.#sessions);
    return this.#open;
  }

  #data(shard: number): ReplicaState {
    return must(this.#shards.get(shard), `shard ${shard} is there`);
  }

  #snapshot(): PreparedSnapshot['snapshot'] {
    return must(this.#prepared, 'a snapshot was prepared').snapshot;
  }

  #create({ states }: OpenState, shard: number, index: number): string {
    const confState = index === 0 ? votersOf() : votersOf(1, 2, 3);
    const at = { index, term: index === 0 ? 0 : 1 };
    this.#shards.set(shard, states.create(shard, wordMachine, at, confState));
    return '';
  }

  #apply(shard: number, lines: string[], term: number): string {
    const data = this.#data(shard);
    const first = data.applied().index + 1;
    const entries = lines.map((line, i) => entryOf(first + i, payloadOf(line), term));
    const told: string[] = [];
    const sink = {
      onResult: ({ index }: Entry, _position: number, result: Uint8Array) => {
        told.push(`${index} ${describeResult(result)}`);
      },
    };
    try {
      data.apply(entries, sink);
    } catch (error) {
      told.push(String(error));
    }
    return told.join('\n');
  }

  #config(shard: number, voters: number[]): string {
    const data = this.#data(shard);
    const { index, term } = data.applied();
    data.setConfState(votersOf(...voters), { index: index + 1, term });
    return '';
  }

  #status(shard: number): string {
    const data = this.#data(shard);
    const { index, term } = data.applied();
    const { staging } = data;
    const staged = staging === undefined ? 'nothing' : staging.snapshot.index;
    const broken = data.broken === undefined ? '' : ' broken';
    return (
      `applied ${index}/${term} durable ${data.durableApplied()} ` +
      `voters ${data.confState().voters.join(' ')} ` +
      `staged ${staged}${staging?.isComplete === true ? ' (whole)' : ''}` +
      broken
    );
  }

  async #restart({ disk, store }: OpenState, isOrderly: boolean): Promise<string> {
    if (isOrderly) await store.flush();
    this.#open = await openState(new CrashDisk(disk.files()), this.#sessions);
    const { states } = this.#open;
    for (const shard of this.#shards.keys()) this.#shards.delete(shard);
    for (const shard of states.shardIds()) {
      this.#shards.set(shard, must(states.open(shard, wordMachine), 'a known shard opens'));
    }
    return `shards ${states.shardIds().join(' ')}`;
  }

  /** Copies what was prepared to `shard`, as if it had come over the network. */
  #stage(shard: number, isPartial: boolean): string {
    const { view, prefix, snapshot } = must(this.#prepared, 'a snapshot was prepared');
    const staging = this.#data(shard).stage(snapshot);
    const end = Uint8Array.from(prefix);
    end[prefix.length - 1] = (end[prefix.length - 1] as number) + 1;
    for (const { key, value } of view.range(prefix, end)) {
      const pair = { key: key.subarray(prefix.length), value };
      const { progress } = staging;
      const chunks = progress.chunks + 1;
      staging.add([pair], { ...progress, chunks, lastKey: pair.key });
      if (isPartial) return `${chunks} of it`;
    }
    staging.complete();
    return `${staging.progress.chunks} pairs`;
  }
}

const SPACES = ['format', 'peer', 'meta', 'staged', 'garbage', 'state'];

/** Every pair of the store: where it belongs, the rest of the key, the length of the value. */
function dump({ store }: OpenState): string {
  const lines: string[] = [];
  for (const { key, value } of store.range(new Uint8Array(0), undefined)) {
    const hex = Buffer.from(key.subarray(1)).toString('hex');
    lines.push(`${SPACES[key[0] as number]} ${hex} ${value.length}`);
  }
  return lines.join('\n');
}

transcriptTests(new URL('testdata/', import.meta.url), () => {
  const bench = new Bench();
  return (command) => bench.run(command);
});
