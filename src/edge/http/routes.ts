// The one table of routes, in the order in which the documents show them. A new route is a file in
// routes/, a line here, and its test.

import type { Route } from './route.ts';
import { clusterStateRoute } from './routes/cluster-state.ts';
import { deleteKeyRoute } from './routes/delete-key.ts';
import { healthRoute } from './routes/health.ts';
import { setKeyRoute } from './routes/set-key.ts';

export const ROUTES: readonly Route[] = [
  clusterStateRoute,
  healthRoute,
  setKeyRoute,
  deleteKeyRoute,
];
