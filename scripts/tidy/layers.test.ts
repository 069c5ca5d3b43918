import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cycleRule } from './cycles.ts';
import { findingsOf } from './fixture.support.ts';
import { faceRule, layerRule } from './layers.ts';

function layers(path: string, text: string): string[] {
  return findingsOf(layerRule, { [path]: text });
}

test('a core that imports the engine is refused with the rule as a sentence', () => {
  assert.deepEqual(
    layers('src/core/raft/log.ts', "import { Wal } from '../../engine/wal/index.ts';"),
    ['src/core/raft/log.ts:1 imports src/engine/wal: cores import only base'],
  );
});

test('an import that points downward passes, one that points up does not, types included', () => {
  const up = "import type { App } from '../edge/http/index.ts';";
  const down = "import { assert } from '../base/assert.ts';";
  assert.deepEqual(layers('src/cluster/members.ts', down), []);
  assert.match(layers('src/cluster/members.ts', up)[0] ?? '', /imports no edge/);
  assert.match(layers('src/base/bytes.ts', "import '../core/machine.ts';")[0] ?? '', /nothing/);
  assert.match(
    layers('src/client/client.ts', "import '../engine/x/index.ts';")[0] ?? '',
    /outside/,
  );
  assert.deepEqual(layers('src/cli/main.ts', "import '../edge/http/index.ts';"), []);
});

test('an import by re-export, by import() or by import type expression counts as one', () => {
  const path = 'src/core/raft/log.ts';
  for (const text of [
    "export { x } from '../../engine/wal/index.ts';",
    "export * from '../../engine/wal/index.ts';",
    "const x = await import('../../engine/wal/index.ts');",
    "type X = import('../../engine/wal/index.ts').X;",
  ]) {
    assert.equal(layers(path, text).length, 1, text);
  }
});

test('a folder that is no layer is refused', () => {
  assert.match(layers('src/misc/a.ts', "import './b.ts';")[0] ?? '', /no layer/);
});

test('production code does not need what lies beside src, tests may', () => {
  const text = "import { world } from '../../../sim/world.ts';";
  assert.match(layers('src/cluster/members/a.ts', text)[0] ?? '', /src must not need sim/);
  assert.deepEqual(layers('src/cluster/members/a.test.ts', text), []);
});

test('cores take no package and no node module, their tests do', () => {
  const text = "import { readFileSync } from 'node:fs';\nimport fc from 'fast-check';";
  assert.equal(layers('src/core/raft/a.ts', text).length, 2);
  assert.equal(layers('src/base/a.ts', text).length, 2);
  assert.deepEqual(layers('src/core/raft/a.test.ts', text), []);
});

test('a test still imports nothing from a layer above', () => {
  const text = "import { x } from '../../engine/wal/index.ts';";
  assert.equal(layers('src/core/raft/a.test.ts', text).length, 1);
});

test('a library is used by the layer that wraps it', () => {
  assert.match(
    layers('src/cluster/members.ts', "import fastify from 'fastify';")[0] ?? '',
    /src\/edge/,
  );
  assert.deepEqual(layers('src/edge/http/app.ts', "import fastify from 'fastify';"), []);
  const plugin = "import swagger from '@fastify/swagger/lib/x.js';";
  assert.equal(layers('src/engine/x/a.ts', plugin).length, 1);
});

test('services and cores import only the siblings they are listed with', () => {
  const kv = "import { x } from '../kv/index.ts';";
  assert.deepEqual(layers('src/service/model/a.ts', kv), []);
  assert.match(layers('src/service/search/a.ts', kv)[0] ?? '', /siblings/);
  assert.equal(layers('src/core/raft/a.ts', "import '../gossip/index.ts';").length, 1);
  assert.deepEqual(layers('src/core/raft/a.ts', "import '../machine.ts';"), []);
  assert.deepEqual(layers('src/core/raft/a.ts', "import './b.ts';"), []);
});

test('another module is imported through its face only', () => {
  const inside = "import { x } from '../../core/gossip/delta.ts';";
  const face = "import { x } from '../../core/gossip/index.ts';";
  const faces = (path: string, text: string): string[] => findingsOf(faceRule, { [path]: text });
  assert.deepEqual(faces('src/cluster/node/a.ts', inside), [
    'src/cluster/node/a.ts:1 imports src/core/gossip/delta.ts: ' +
      'import src/core/gossip/index.ts, the face of that module',
  ]);
  assert.deepEqual(faces('src/cluster/node/a.ts', face), []);
  assert.deepEqual(faces('src/cluster/node/a.test.ts', inside), []);
  assert.deepEqual(faces('src/core/gossip/state.ts', "import { x } from './delta.ts';"), []);
  assert.equal(faces('sim/world.ts', "import '../src/core/gossip/delta.ts';").length, 1);
  assert.deepEqual(faces('src/engine/x/a.ts', "import '../../base/assert.ts';"), []);
});

test('an index.ts re-exports and does nothing else', () => {
  const face = (text: string): string[] => findingsOf(faceRule, { 'src/core/x/index.ts': text });
  const good = [
    "export { a, type B } from './a.ts';",
    "export * from './b.ts';",
    "export type { C } from './c.ts';",
  ].join('\n');
  assert.deepEqual(face(good), []);
  assert.equal(face('export const a = 1;').length, 1);
  assert.equal(face("import { a } from './a.ts';\nexport { a };").length, 1);
});

test('a cycle is found with the files on its way, also when only types go round', () => {
  assert.deepEqual(
    findingsOf(cycleRule, {
      'src/core/x/a.ts': "import { b } from './b.ts';",
      'src/core/x/b.ts': "import type { C } from './c.ts';",
      'src/core/x/c.ts': "export * from './a.ts';",
      'src/core/x/d.ts': "import { a } from './a.ts';",
    }),
    [
      'src/core/x/a.ts:0 import cycle: ' +
        'src/core/x/a.ts -> src/core/x/b.ts -> src/core/x/c.ts -> src/core/x/a.ts',
    ],
  );
});

test('a graph without a cycle passes, however often its paths meet', () => {
  const files = {
    'a.ts': "import './b.ts';\nimport './c.ts';",
    'b.ts': "import './d.ts';",
    'c.ts': "import './d.ts';",
    'd.ts': "import './gone.ts';",
  };
  assert.deepEqual(findingsOf(cycleRule, files), []);
});

test('two cycles are two findings, and a knot says how large it is', () => {
  const files = {
    'a.ts': "import './b.ts';",
    'b.ts': "import './a.ts';\nimport './c.ts';",
    'c.ts': "import './b.ts';",
    'p.ts': "import './p.ts';",
  };
  const found = findingsOf(cycleRule, files);
  assert.equal(found.length, 2);
  assert.match(found.join('\n'), /a\.ts -> b\.ts -> a\.ts \(1 more files in the same knot\)/);
});
