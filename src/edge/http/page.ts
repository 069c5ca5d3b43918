// /docs: the OpenAPI document drawn for people, as one page without a line of script. "Try it" is
// an HTML form whose answer appears in a frame below it, so the page works with the strictest
// policy, from the keyboard, and in a terminal browser.

import { createHash } from 'node:crypto';
import { ERRORS } from '../../base/errors.ts';
import type { JsonSchema, OpenApi, Operation, Parameter } from './openapi.ts';
import { STYLE } from './page-style.ts';

/** Nothing may load but what is named: our own style, and our own answers in the frames. */
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "frame-src 'self'",
  "form-action 'self'",
  'img-src data:',
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

export interface Page {
  readonly page: string;
  /** Content-Security-Policy that goes with it. */
  readonly policy: string;
}

/** `address` is where this member answers, for the commands to copy. */
export function drawPage(document: OpenApi, address: string): Page {
  const { title, version, description } = document.info;
  const operations = Object.entries(document.paths).flatMap(([path, { get }]) =>
    get === undefined ? [] : [{ path, operation: get }],
  );
  const sections = document.tags.map((tag) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(tag.name));
    const cards = own.map(({ path, operation }) => drawOperation(path, operation, address));
    return `<h2>${escapeHtml(tag.description)}</h2>\n${cards.join('\n')}`;
  });
  const links = operations.map(
    ({ path, operation }) =>
      `<li><a href="#${escapeHtml(operation.operationId)}">${escapeHtml(path)}</a></li>`,
  );
  const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} HTTP API</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the calls</a>
<header>
<h1>${escapeHtml(title)} <small>${escapeHtml(version)}, at ${escapeHtml(address)}</small></h1>
<p class="soft">${escapeHtml(description)}</p>
<nav aria-label="Calls"><ul>${links.join('')}<li><a href="#errors">errors</a></li>
<li><a href="/v1/openapi.json">openapi.json</a></li></ul></nav>
</header>
<main id="main">
${sections.join('\n')}
${drawProblems()}
</main>
<footer>Drawn from <a href="/v1/openapi.json">/v1/openapi.json</a>. This page has no script and
loads nothing from elsewhere.</footer>
</body>
</html>
`;
  return { page, policy: POLICY };
}

function drawOperation(path: string, operation: Operation, address: string): string {
  const id = escapeHtml(operation.operationId);
  const parameters = operation.parameters ?? [];
  const fields = parameters.map(drawField).join('\n');
  const answers = Object.entries(operation.responses).map(([status, { description, content }]) => {
    const schema = Object.values(content)[0]?.schema;
    const shape = schema === undefined ? '' : `<pre>${escapeHtml(sketch(schema, ''))}</pre>`;
    return `<details><summary>${status}: ${escapeHtml(description)}</summary>${shape}</details>`;
  });
  return `<article id="${id}" aria-labelledby="${id}-title">
<header><span class="method">GET</span> <code>${escapeHtml(path)}</code>
<h3 id="${id}-title">${escapeHtml(operation.summary)}</h3></header>
<p>${escapeHtml(operation.description)}</p>
<h4>Try it</h4>
<form method="get" action="${escapeHtml(path)}" target="${id}-answer">
${fields}
<button>Send</button>
</form>
<iframe name="${id}-answer" title="Answer of ${escapeHtml(path)}"></iframe>
<h4>From a terminal</h4>
<pre>${escapeHtml(curlOf(path, parameters, address))}</pre>
<h4>Answers</h4>
${answers.join('\n')}
</article>`;
}

function drawField({ name, description = '', schema, example, required }: Parameter): string {
  const shown = escapeHtml(example ?? '');
  const must = required === true && (schema.minLength ?? 0) > 0 ? ' required' : '';
  const input = `<input name="${escapeHtml(name)}" value="${shown}" autocomplete="off"${must}>`;
  return `<label>${escapeHtml(name)} <span>${escapeHtml(description)}</span>\n${input}</label>`;
}

function curlOf(path: string, parameters: readonly Parameter[], address: string): string {
  const pairs = parameters.map(
    ({ name, example }) => `${name}=${encodeURIComponent(example ?? '')}`,
  );
  const query = pairs.length === 0 ? '' : `?${pairs.join('&')}`;
  return `curl -s 'http://${address}${path}${query}'`;
}

/** The shape of a value, as people write it on a whiteboard. */
function sketch(schema: JsonSchema, indent: string): string {
  const inner = `${indent}  `;
  const values = schema.enum ?? (schema.const === undefined ? undefined : [schema.const]);
  if (schema.$ref !== undefined) return schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1);
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.anyOf !== undefined) return schema.anyOf.map((one) => sketch(one, indent)).join(' | ');
  if (schema.type === 'array') return `[ ${sketch(schema.items ?? {}, indent)}, ... ]`;
  if (schema.type !== 'object') return schema.type ?? 'anything';
  const lines = Object.entries(schema.properties ?? {}).map(
    ([name, one]) => `${inner}"${name}": ${sketch(one, inner)}`,
  );
  const others = schema.additionalProperties;
  if (typeof others === 'object') lines.push(`${inner}<any key>: ${sketch(others, inner)}`);
  return `{\n${lines.join(',\n')}\n${indent}}`;
}

function drawProblems(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { title, http, retry }]) =>
      `<tr id="${code}"><td><code>${code}</code></td><td>${http}</td>` +
      `<td>${escapeHtml(title)}</td><td>${RETRY[retry]}</td></tr>`,
  );
  return `<h2 id="errors">Errors</h2>
<p class="soft">Every refusal is <code>application/problem+json</code> (RFC 9457) with one of these
codes, what happened here, what to do, and the parameters at fault.</p>
<div class="errors scroll"><table>
<thead><tr><th>Code</th><th>Status</th><th>Meaning</th><th>Try again?</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody></table></div>`;
}

const RETRY = { never: 'no', refresh: 'elsewhere', after: 'later' } as const;

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}
