// `add-nodes n [voters=(..)] [learners=(..)] [index=i] [content=s] [options]`: new nodes with the
// next numbers. Any of the four snapshot fields makes them start from a snapshot of term 1.

import { encodeText } from '../../src/base/bytes.ts';
import type { Snapshot } from '../../src/core/raft/index.ts';
import type { Arguments } from './arguments.ts';
import { CommandProblem } from './arguments.ts';
import type { Environment } from './environment.ts';
import { ERROR_TEXTS } from './model.ts';
import type { CommandError, NodeOptions } from './node.ts';
import { EMPTY_SNAPSHOT } from './node.ts';

export function addNodes(env: Environment, args: Arguments): CommandError {
  const snapshot = readSnapshot(args);
  const reads = args.text('read-only') ?? 'safe';
  const options: NodeOptions = {
    ...readOptions(args),
    reads: reads === 'safe' ? 'safe' : 'lease',
    appliedIndex: snapshot?.index ?? 0,
  };
  // Last, since a word that is no option must be the count.
  const count = args.number('count of nodes');
  if (reads !== 'safe' && reads !== 'lease-based') return `invalid read-only option "${reads}"`;
  if (snapshot !== undefined && snapshot.index <= 1) return ERROR_TEXTS.bootstrapIndex;
  if (options.inflightMessagesMax === 0) return ERROR_TEXTS.noInflight;
  if (reads === 'lease-based' && options.checkQuorum !== true) return ERROR_TEXTS.leaseNeedsQuorum;
  if (count < 1) throw new CommandProblem('adds at least one node');
  for (let i = 0; i < count; i++) env.addNode(snapshot ?? EMPTY_SNAPSHOT, options);
  return undefined;
}

function readOptions(args: Arguments): NodeOptions {
  return {
    ...optional('asyncStorageWrites', args.boolean('async-storage-writes')),
    ...optional('preVote', args.boolean('prevote')),
    ...optional('checkQuorum', args.boolean('checkquorum')),
    ...optional('inflightMessagesMax', args.integer('inflight')),
    ...optional('applyBytesMax', args.integer('max-committed-size-per-ready')),
    ...optional('stepDownOnRemoval', args.boolean('step-down-on-removal')),
    validateConfChanges: !(args.boolean('disable-conf-change-validation') ?? false),
  };
}

function optional<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): Partial<Record<Key, Value>> {
  return value === undefined ? {} : ({ [key]: value } as Record<Key, Value>);
}

/** The snapshot to start from; undefined when the nodes start empty. */
function readSnapshot(args: Arguments): Snapshot | undefined {
  const voters = args.integers('voters');
  const learners = args.integers('learners');
  const index = args.integer('index');
  const content = args.text('content');
  const given = [voters?.length, learners?.length, index, content?.length];
  if (given.every((size) => size === undefined || size === 0)) return undefined;
  return {
    index: index ?? 0,
    term: 1,
    confState: {
      ...EMPTY_SNAPSHOT.confState,
      voters: (voters ?? []).toSorted((a, b) => a - b),
      learners: (learners ?? []).toSorted((a, b) => a - b),
    },
    data: encodeText(content ?? ''),
  };
}
