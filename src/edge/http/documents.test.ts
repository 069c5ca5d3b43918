import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { ERRORS } from '../../base/errors.ts';
import { makeDocuments } from './documents.ts';
import type { OpenApi } from './openapi.ts';
import { ROUTES } from './routes.ts';

const { openApi, page, policy } = await makeDocuments('1.2.3', '127.0.0.1:10001');
const document = JSON.parse(openApi) as OpenApi;

test('the document is OpenAPI 3.1 and has every route of the table', () => {
  assert.match(document.openapi, /^3\.1\./);
  assert.equal(document.info.version, '1.2.3');
  assert.deepEqual(
    Object.keys(document.paths),
    ROUTES.map((route) => route.path),
  );
  const ids = Object.values(document.paths).map((path) => path.get?.operationId);
  assert.equal(new Set(ids).size, ROUTES.length);
});

test('every reference of the document leads somewhere', () => {
  const references = [...openApi.matchAll(/"\$ref": "([^"]+)"/g)].map((match) => String(match[1]));
  assert.notEqual(references.length, 0);
  for (const reference of references) {
    assert.ok(reference.startsWith('#/'), reference);
    let at: unknown = document;
    for (const step of reference.slice(2).split('/')) at = (at as Record<string, unknown>)[step];
    assert.equal(typeof at, 'object', reference);
  }
});

test('the page shows every route with a form and every error with an anchor', () => {
  for (const { path, query } of ROUTES) {
    assert.ok(page.includes(`action="${path}"`), path);
    for (const name of Object.keys(query?.properties ?? {})) {
      assert.ok(page.includes(`<input name="${name}"`), `${path} ${name}`);
    }
  }
  for (const code of Object.keys(ERRORS)) assert.ok(page.includes(`id="${code}"`), code);
});

test('the page is small, has no script and names nothing outside', () => {
  assert.ok(Buffer.byteLength(page) < 30_000, `${Buffer.byteLength(page)} bytes`);
  assert.ok(!page.includes('<script'));
  assert.doesNotMatch(page, /(src|href|action)="(https?:)?\/\//);
  assert.doesNotMatch(page, /url\(|@import/);
});

test('the policy allows the style of the page by its hash, and nothing from elsewhere', () => {
  const style = /<style>([^]*?)<\/style>/.exec(page)?.[1] ?? '';
  const hash = createHash('sha256').update(style).digest('base64');
  assert.ok(policy.includes(`style-src 'sha256-${hash}'`));
  assert.ok(policy.startsWith("default-src 'none'"));
  assert.doesNotMatch(policy, /unsafe|https?:|\*/);
  assert.doesNotMatch(page, /\sstyle="/);
});

test('the errors are told whole on a narrow screen', () => {
  const narrow = /@media \(max-width: 40rem\) \{([^]*?)\n\}/.exec(page)?.[1] ?? '';
  assert.match(narrow, /\.errors tr \{[^}]*display: grid/);
  assert.ok(narrow.includes('content: "Try again? "'));
});

test('every input has a label, every frame a title, and there is one main heading', () => {
  assert.equal(page.match(/<h1>/g)?.length, 1);
  for (const frame of page.match(/<iframe[^>]*>/g) ?? []) assert.match(frame, /title="[^"]+"/);
  const inputs = page.match(/<input/g)?.length ?? 0;
  const labelled = page.match(/<label>[^]*?<input[^]*?<\/label>/g)?.length ?? 0;
  assert.equal(inputs, labelled);
});
