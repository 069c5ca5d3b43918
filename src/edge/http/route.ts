// What a route is. A route is one file in routes/: its parameters, its answer and what it does;
// routes.ts lists them. From there it is checked on the way in, answered, described in
// /v1/openapi.json and drawn on /docs.

import type { Static, TObject, TSchema } from 'typebox';
import type { Clock } from '../../base/capabilities.ts';
import type { ClusterPort } from '../../cluster/index.ts';
import { type Json, renderJson } from './json.ts';
import type { MakePieces } from './turns.ts';

/** What routes may ask. */
export interface RouteContext {
  readonly cluster: ClusterPort;
  readonly clock: Pick<Clock, 'wallMs'>;
}

export type Answer =
  | { readonly kind: 'whole'; readonly text: string }
  /** JSON whose length nobody knows: it is made piece by piece while it is sent. */
  | { readonly kind: 'pieces'; readonly make: MakePieces };

export interface Route {
  readonly path: string;
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly tag: Tag;
  /** Every parameter is text. */
  readonly query: TObject | undefined;
  readonly answer: TSchema;
  /** Writes are refused to other sites' pages and are not done for HEAD. */
  readonly changesState: boolean;
  /** Parameters are text; all that the schema requires are there, and no other ones. */
  readonly run: (context: RouteContext, parameters: unknown) => Answer;
}

type Declared<Query extends TObject> = Omit<Route, 'query' | 'run'> & {
  readonly query: Query;
  readonly run: (context: RouteContext, parameters: Static<Query>) => Answer;
};

type Plain = Omit<Route, 'query' | 'run'> & { readonly run: (context: RouteContext) => Answer };

export function route<Query extends TObject>(declared: Declared<Query>): Route {
  const { run, ...rest } = declared;
  return { ...rest, run: (context, parameters) => run(context, parameters as Static<Query>) };
}

export function routeWithoutParameters(plain: Plain): Route {
  return { ...plain, query: undefined };
}

export const TAGS = {
  cluster: 'Who is there and what they say',
  keys: 'The keys of this member, which spread to all members by gossip',
} as const;

export type Tag = keyof typeof TAGS;

export function whole(body: Json): Answer {
  return { kind: 'whole', text: renderJson(body) };
}

/** The answer of a write that succeeded. */
export const DONE = whole({ status: true });
