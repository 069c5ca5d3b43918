// The one table of routes. What stands here is checked on the way in, answered, described in
// /v1/openapi.json and drawn on /docs; there is no second list.

import { type TObject, type TSchema, Type } from 'typebox';
import type { ClusterPort } from '../../cluster/index.ts';
import { classicState } from './classic.ts';
import type { Json } from './json.ts';
import { ClusterStateAnswer, DoneAnswer, MarkQuery, ProblemAnswer, SetQuery } from './schemas.ts';

export interface Route {
  readonly path: string;
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly tag: string;
  readonly query?: TObject;
  readonly answer: TSchema;
  /** Writes are refused to other sites' pages and are not done for HEAD. */
  readonly changesState: boolean;
  readonly run: (cluster: ClusterPort, query: unknown) => Json;
}

export const TAGS: Readonly<Record<string, string>> = {
  cluster: 'Who is there and what they say',
  keys: 'The keys of this member, which spread to all members by gossip',
};

export const PROBLEM = ProblemAnswer;
/** The one shape that several answers share: the document defines it once and refers to it. */
export const PROBLEM_NAME = 'Problem';
export const PROBLEM_REF = Type.Ref(`${PROBLEM_NAME}#`);

export const ROUTES: readonly Route[] = [
  {
    path: '/',
    name: 'getCluster',
    summary: 'The cluster as this member sees it',
    description:
      'Members, their keys, and for each key the value written last. Every member answers the ' +
      'same once gossip has gone round.',
    tag: 'cluster',
    answer: ClusterStateAnswer,
    changesState: false,
    run: (cluster) => classicState(cluster.view()),
  },
  {
    path: '/set_kv',
    name: 'setKey',
    summary: 'Set a key',
    description:
      'This member sets the key in its own state; the others know it about a second later. ' +
      'Answers once it is set here.',
    tag: 'keys',
    query: SetQuery,
    answer: DoneAnswer,
    changesState: true,
    run: (cluster, query) => {
      const { key, value } = query as SetQuery;
      return done(() => cluster.set(key, value));
    },
  },
  {
    path: '/mark_for_deletion',
    name: 'deleteKey',
    summary: 'Delete a key',
    description:
      'This member deletes the key from its own state. The value is gone at once, the fact that ' +
      'it was deleted is kept for a while so that everyone hears of it. A key that this member ' +
      'does not have is no error.',
    tag: 'keys',
    query: MarkQuery,
    answer: DoneAnswer,
    changesState: true,
    run: (cluster, query) => done(() => cluster.delete((query as MarkQuery).key)),
  },
];

function done(write: () => void): Json {
  write();
  return { status: true };
}
