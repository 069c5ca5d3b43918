// Configuration changes as the files write them: `v1 l2 r3 u4`, separated by blanks.

import type {
  ConfChange,
  NodeChange,
  NodeChangeKind,
  Transition,
} from '../../src/core/raft/index.ts';
import { ERROR_TEXTS } from './model.ts';

const KINDS: Readonly<Record<string, NodeChangeKind>> = {
  v: 'addVoter',
  l: 'addLearner',
  r: 'remove',
  u: 'update',
};

const TRANSITIONS: ReadonlySet<string> = new Set<Transition>(['auto', 'implicit', 'explicit']);

/** The changes, or an error text. */
export function parseChanges(input: string): NodeChange[] | string {
  const changes: NodeChange[] = [];
  for (const token of input.split(/\s+/).filter((word) => word !== '')) {
    const kind = KINDS[token.charAt(0)];
    if (token.length < 2) return `unknown token ${token}`;
    if (kind === undefined || !/^\d+$/.test(token.slice(1))) return `unknown input: ${token}`;
    changes.push({ kind, node: Number(token.slice(1)) });
  }
  return changes;
}

/** The change, or the error text that `propose-conf-change` answers. */
export function parseConfChange(
  isVersion1: boolean,
  transition: string,
  input: string,
): ConfChange | string {
  if (!TRANSITIONS.has(transition)) return `unknown transition ${transition}`;
  const changes = parseChanges(input);
  if (typeof changes === 'string') return changes;
  if (isVersion1 && (changes.length !== 1 || transition !== 'auto')) return ERROR_TEXTS.oneChange;
  return {
    version: isVersion1 ? 1 : 2,
    transition: transition as Transition,
    changes,
    context: new Uint8Array(0),
  };
}
