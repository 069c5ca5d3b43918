// What the rules need to know of a TypeScript file, read from its syntax tree in one walk. Types
// are seen as well: an `import type` is an edge of the import graph like any other.

import { type Node, parseSync, visitorKeys } from 'oxc-parser';
import type { Source } from './source.ts';

interface Import {
  readonly specifier: string;
  readonly line: number;
}

interface FunctionSpan {
  readonly name: string;
  readonly line: number;
  /** Lines of its own: those of functions inside it count for them. */
  readonly ownLines: number;
}

/** A name that is not declared as a property: `Date`, `Math.random`, `test.only`. */
interface Use {
  readonly name: string;
  readonly line: number;
}

interface Remark {
  readonly text: string;
  readonly line: number;
}

export interface Syntax {
  readonly imports: readonly Import[];
  readonly functions: readonly FunctionSpan[];
  readonly uses: readonly Use[];
  /** Names that the file itself gives to variables, parameters, functions and imports. */
  readonly declared: ReadonlySet<string>;
  readonly comments: readonly Remark[];
  readonly strings: readonly Remark[];
  /** Kinds of the statements at the top of the file. */
  readonly topLevel: readonly { readonly kind: string; readonly line: number }[];
  /** Lines where an `async` function or an `await` stands. */
  readonly asyncLines: readonly number[];
  readonly error: string | undefined;
}

const cache = new WeakMap<Source, Syntax>();

export function syntaxOf(source: Source): Syntax {
  const known = cache.get(source);
  if (known !== undefined) return known;
  const syntax = new Walk(source).run();
  cache.set(source, syntax);
  return syntax;
}

type Mutable<T> = { -readonly [K in keyof T]: Changeable<T[K]> };
type Changeable<T> = T extends readonly (infer U)[]
  ? U[]
  : T extends ReadonlySet<infer U>
    ? Set<U>
    : T;

interface OpenFunction {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  innerLines: number;
}

class Walk {
  readonly #text: string;
  readonly #path: string;
  readonly #lineStarts: readonly number[];
  readonly #open: OpenFunction[] = [];
  readonly #out: Mutable<Syntax> = {
    imports: [],
    functions: [],
    uses: [],
    declared: new Set(),
    comments: [],
    strings: [],
    topLevel: [],
    asyncLines: [],
    error: undefined,
  };

  constructor(source: Source) {
    this.#text = source.text;
    this.#path = source.path;
    this.#lineStarts = lineStarts(source.text);
  }

  run(): Syntax {
    const parsed = parseSync(this.#path, this.#text);
    this.#out.error = parsed.errors[0]?.message;
    for (const { value, start } of parsed.comments) {
      this.#out.comments.push({ text: value, line: this.#line(start) });
    }
    for (const statement of parsed.program.body) {
      this.#out.topLevel.push({ kind: statement.type, line: this.#line(statement.start) });
    }
    this.#visit(parsed.program, undefined, '');
    return this.#out;
  }

  #line(offset: number): number {
    // Asked for nearly every node, so it halves the lines rather than counting them.
    let low = 0;
    let high = this.#lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((this.#lineStarts[middle] as number) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  }

  #visit(node: Node, parent: Node | undefined, key: string): void {
    this.#note(node, parent, key);
    const isFunction = 'body' in node && /Function/.test(node.type) && node.body !== null;
    if (isFunction) this.#enter(node, parent);
    for (const childKey of visitorKeys[node.type] ?? []) {
      const child = (node as unknown as Record<string, unknown>)[childKey];
      for (const item of Array.isArray(child) ? child : [child]) {
        if (isNode(item)) this.#visit(item, node, childKey);
      }
    }
    if (isFunction) this.#leave();
  }

  #note(node: Node, parent: Node | undefined, key: string): void {
    if ('source' in node) this.#noteImport(node);
    else if (node.type === 'Identifier') this.#identifier(node.name, node, parent, key);
    else if (node.type === 'ObjectPattern') this.#pattern(node);
    else if (node.type === 'MemberExpression') this.#use(dottedName(node), node);
    else if (node.type === 'Literal') this.#string(node.value, node);
    else if (node.type === 'TemplateElement') this.#string(node.value.raw, node);
    if (node.type === 'AwaitExpression' || ('async' in node && node.async)) {
      this.#out.asyncLines.push(this.#line(node.start));
    }
  }

  /** `import`, `export ... from`, `import()` and `import('x').Type` all have a source. */
  #noteImport(node: Node & { source: Node | null }): void {
    if (node.source?.type !== 'Literal') return;
    const specifier = String(node.source.value);
    this.#out.imports.push({ specifier, line: this.#line(node.start) });
  }

  #identifier(name: string, node: Node, parent: Node | undefined, key: string): void {
    if (namesAProperty(parent, key)) return;
    if (declares(parent, key)) this.#out.declared.add(name);
    else this.#use(name, node);
  }

  #pattern(node: Node & { type: 'ObjectPattern' }): void {
    for (const property of node.properties) {
      if (property.type !== 'Property' || property.value.type !== 'Identifier') continue;
      this.#out.declared.add(property.value.name);
    }
  }

  #use(name: string | undefined, node: Node): void {
    if (name !== undefined) this.#out.uses.push({ name, line: this.#line(node.start) });
  }

  #string(value: unknown, node: Node): void {
    if (typeof value !== 'string') return;
    this.#out.strings.push({ text: value, line: this.#line(node.start) });
  }

  #enter(node: Node, parent: Node | undefined): void {
    const name = functionName(node) ?? functionName(parent) ?? 'a function';
    this.#open.push({ name, start: node.start, end: node.end, innerLines: 0 });
  }

  #leave(): void {
    const closed = this.#open.pop() as OpenFunction;
    const first = this.#line(closed.start);
    const lines = this.#line(closed.end) - first + 1;
    const ownLines = lines - closed.innerLines;
    this.#out.functions.push({ name: closed.name, line: first, ownLines });
    // A function within a line takes no line from the one around it.
    const outer = this.#open.at(-1);
    if (outer !== undefined && lines > 1) outer.innerLines += lines;
  }
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value;
}

/** True where an identifier is only a label: `a.Date`, `{ Date: 1 }`, `readonly Date: string`. */
function namesAProperty(parent: Node | undefined, key: string): boolean {
  if (parent === undefined) return false;
  const computed = 'computed' in parent && parent.computed;
  if (parent.type === 'MemberExpression') return key === 'property' && !computed;
  if (parent.type === 'Property') return key === 'key' && !computed && !parent.shorthand;
  if (parent.type === 'ImportSpecifier') return true;
  return key === 'key' && !computed;
}

const DECLARING: Readonly<Record<string, readonly string[]>> = {
  VariableDeclarator: ['id'],
  ArrayPattern: ['elements'],
  RestElement: ['argument'],
  AssignmentPattern: ['left'],
  CatchClause: ['param'],
  ClassDeclaration: ['id'],
  ImportDefaultSpecifier: ['local'],
  ImportNamespaceSpecifier: ['local'],
};

/** True where an identifier is given a meaning in this file; see `#pattern` for `{ a: b }`. */
function declares(parent: Node | undefined, key: string): boolean {
  if (parent === undefined) return false;
  if (key === 'params' || (key === 'id' && /Function/.test(parent.type))) return true;
  return DECLARING[parent.type]?.includes(key) ?? false;
}

/** `Math.random` for a plain member of a plain name; `globalThis.x` is `x`. */
function dottedName(node: Node): string | undefined {
  if (node.type !== 'MemberExpression' || node.computed) return undefined;
  if (node.object.type !== 'Identifier' || node.property.type !== 'Identifier') return undefined;
  if (node.object.name === 'globalThis') return node.property.name;
  return `${node.object.name}.${node.property.name}`;
}

function functionName(node: Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  if ('id' in node && isNode(node.id) && node.id.type === 'Identifier') return node.id.name;
  if (!('key' in node) || !isNode(node.key)) return undefined;
  if (node.key.type === 'PrivateIdentifier') return `#${node.key.name}`;
  return node.key.type === 'Identifier' ? node.key.name : undefined;
}
