// The description of the HTTP interface, made from the route table when first asked for: as an
// OpenAPI 3.1 document and as a page for people.

import swagger from '@fastify/swagger';
import Fastify from 'fastify';
import type { TSchema } from 'typebox';
import type { OpenApi } from './openapi.ts';
import { drawPage } from './page.ts';
import { PROBLEM_TYPE } from './problem.ts';
import { type Route, TAGS } from './route.ts';
import { ROUTES } from './routes.ts';
import { PROBLEM_NAME, PROBLEM_REF, Problem } from './schemas.ts';
import { UNCOMPILED } from './uncompiled.ts';

export interface Documents {
  readonly openApi: string;
  readonly page: string;
  /** Content-Security-Policy of the page. */
  readonly policy: string;
}

/** `address` is where this member answers. */
export async function makeDocuments(version: string, address: string): Promise<Documents> {
  const document = await describe(version);
  return { openApi: `${JSON.stringify(document, null, 2)}\n`, ...drawPage(document, address) };
}

/** An application that is never served: it only carries the schemas to the generator. */
async function describe(version: string): Promise<OpenApi> {
  const app = Fastify({ exposeHeadRoutes: false, schemaController: UNCOMPILED });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Parley',
        version,
        description:
          'One member of a Parley cluster. Any member answers for the whole cluster; what one is ' +
          'told, all know about a second later.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      servers: [{ url: '/', description: 'the member that served this document' }],
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    },
    refResolver: { buildLocalReference: () => PROBLEM_NAME },
  });
  app.addSchema(Problem);
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  for (const route of ROUTES) {
    app.get(route.path, { schema: schemaOf(route) }, () => {
      throw new Error('this application describes routes and serves none');
    });
  }
  await app.ready();
  return app.swagger() as unknown as OpenApi;
}

function schemaOf(route: Route): Record<string, unknown> {
  const refusals = Object.entries(REFUSALS).map(
    ([status, title]) => [status, answerOf(title, PROBLEM_TYPE, PROBLEM_REF)] as const,
  );
  return {
    operationId: route.name,
    summary: route.summary,
    description: route.description,
    tags: [route.tag],
    ...(route.query === undefined ? {} : { querystring: route.query }),
    response: {
      200: answerOf('Done', 'application/json', route.answer),
      ...Object.fromEntries(refusals),
    },
  };
}

/** What any route may be refused with, by status. */
const REFUSALS: Readonly<Record<number, string>> = {
  400: 'A parameter is missing or not acceptable, or the request is not well-formed',
  403: 'A page of another site asked, or members keep the key for themselves',
  408: 'The request did not arrive in time',
  414: 'The URL is too long',
  431: 'URL and headers together are too long',
  500: 'Parley failed; this is a bug',
  503: 'There is no room for another connection',
};

function answerOf(description: string, type: string, schema: TSchema): Record<string, unknown> {
  return { description, content: { [type]: { schema } } };
}
