// Compares answers with what the OpenAPI document promises.

import assert from 'node:assert/strict';
import { Compile } from 'typebox/schema';

interface Promised {
  readonly paths: Readonly<
    Record<
      string,
      {
        readonly get: {
          readonly responses: Readonly<
            Record<string, { readonly content: Readonly<Record<string, { schema: object }>> }>
          >;
        };
      }
    >
  >;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

/** Fails unless status, media type and body of `answer` are promised for `url`. */
export async function checkAnswer(document: unknown, url: string, answer: Response): Promise<void> {
  const { paths, components } = document as Promised;
  const path = new URL(url, 'http://any').pathname;
  const where = `GET ${url.slice(0, 60)} ${answer.status}`;
  const response = paths[path]?.get.responses[String(answer.status)];
  assert.ok(response !== undefined, `${where} is not promised`);
  const type = String(answer.headers.get('content-type')).split(';')[0] as string;
  const schema = response.content[type]?.schema;
  assert.ok(schema !== undefined, `${where} as ${type} is not promised`);
  // References of the document point into it, so the schema is compiled with those parts beside it.
  const checker = Compile({ ...schema, components } as object);
  const body: unknown = await answer.json();
  const [valid, errors] = checker.Errors(body);
  assert.ok(valid, `${where}: ${JSON.stringify(errors.slice(0, 3))} in ${JSON.stringify(body)}`);
}
