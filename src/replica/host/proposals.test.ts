// Which proposal hears what, as the log takes its turns.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeWrite } from '../../../test/support/host-cluster.ts';
import { readU64le } from '../../base/bytes.ts';
import { type RaftCore } from '../../core/raft/index.ts';
import { Admission, MemberLoad } from './admission.ts';
import { Answers } from './answers.ts';
import { packed } from './packing.ts';
import { Proposals } from './proposals.ts';

const DONE = Uint8Array.of(0);
const TIME_MS = 1_234;

function timeIn(payload: Uint8Array): number {
  return readU64le(payload, 1);
}

/** A leader of `term` whose log ends at `last`. */
class LeaderStub {
  term = 2;
  last = 10;
  refusal = '';
  payloads: readonly Uint8Array[] = [];

  propose(payloads: readonly Uint8Array[]): unknown {
    this.payloads = payloads;
    if (this.refusal !== '') return { kind: 'refused', reason: this.refusal };
    const firstIndex = this.last + 1;
    this.last += payloads.length;
    return { kind: 'accepted', term: this.term, firstIndex, lastIndex: this.last };
  }
}

class Scene {
  readonly load = new MemberLoad();
  readonly answers = new Answers();
  readonly proposals = new Proposals(new Admission(this.load), this.answers, 1_000);
  readonly leader = new LeaderStub();
  readonly heard: string[] = [];
  mayPack = false;

  add(...names: string[]): void {
    for (const name of names) {
      const refusal = this.proposals.add(new Uint8Array(10), (outcome) => {
        this.heard.push(`${name} ${describeWrite(outcome)}`);
      });
      assert.equal(refusal, undefined);
    }
  }

  hand(): void {
    this.proposals.hand(this.leader as unknown as RaftCore, 7, this.mayPack, TIME_MS);
  }

  /** What was heard since the last call. */
  news(): string {
    this.answers.deliver();
    return this.heard.splice(0).join(', ');
  }
}

test('[H10] entries of our term at our indexes are ours, whatever the pace of applying', () => {
  const scene = new Scene();
  scene.add('a', 'b');
  scene.hand();
  scene.add('c');
  scene.hand();
  scene.proposals.settle(11, 2, 0, DONE);
  assert.equal(scene.news(), 'a applied 11 ""');
  scene.proposals.settle(12, 2, 0, DONE);
  scene.proposals.settle(13, 2, 0, DONE);
  assert.equal(scene.news(), 'b applied 12 "", c applied 13 ""');
  assert.ok(scene.proposals.isEmpty);
  assert.deepEqual([scene.load.count, scene.load.bytes], [0, 0]);
});

test('[H10] an entry of another term at our index means that ours is replaced', () => {
  const scene = new Scene();
  scene.add('a', 'b');
  scene.hand();
  // The first entry of the new leader has no payload, and so no result.
  scene.proposals.settleTo(11);
  scene.proposals.settle(12, 3, 0, DONE);
  assert.equal(scene.news(), 'a refused replaced 0, b refused replaced 0');
});

test('[H10] who leads again after losing its tail tells both lives apart', () => {
  const scene = new Scene();
  scene.add('old1', 'old2', 'old3');
  scene.hand();
  scene.proposals.orphan(5_000);
  scene.leader.term = 4;
  scene.leader.last = 11;
  scene.add('new1', 'new2');
  scene.hand();
  scene.proposals.settleTo(11);
  scene.proposals.settle(12, 4, 0, DONE);
  scene.proposals.settle(13, 4, 0, DONE);
  assert.equal(
    scene.news(),
    'old1 refused replaced 0, old2 refused replaced 0, new1 applied 12 "", ' +
      'old3 refused replaced 0, new2 applied 13 ""',
  );
  assert.ok(scene.proposals.isEmpty);
});

test('[H10] an old entry that comes back and is committed was applied after all', () => {
  const scene = new Scene();
  scene.add('a');
  scene.hand();
  scene.proposals.orphan(5_000);
  scene.proposals.sweep(4_999);
  assert.equal(scene.news(), '');
  scene.proposals.settle(11, 2, 0, DONE);
  assert.equal(scene.news(), 'a applied 11 ""');
});

test('[H10] whoever watched for long enough is told that nobody knows', () => {
  const scene = new Scene();
  scene.add('a', 'b');
  scene.hand();
  scene.proposals.settle(11, 2, 0, DONE);
  scene.proposals.orphan(5_000);
  scene.proposals.sweep(5_000);
  assert.equal(scene.news(), 'a applied 11 "", b unknown leaderChanged');
  assert.equal(scene.load.count, 0);
});

test('a snapshot hides what became of the entries that it covers', () => {
  const scene = new Scene();
  scene.add('a', 'b');
  scene.hand();
  scene.proposals.skipTo(11);
  scene.proposals.settle(12, 2, 0, DONE);
  assert.equal(scene.news(), 'a unknown leaderChanged, b applied 12 ""');
});

test('a batch that the core refuses is refused as a whole, each once', () => {
  const scene = new Scene();
  scene.add('a', 'b');
  scene.leader.refusal = 'transferringLeadership';
  scene.hand();
  assert.equal(scene.news(), 'a refused transferring 7, b refused transferring 7');
  assert.equal(scene.load.count, 0);
});

test('at a stop, what is in the log is in doubt, what is not is refused', () => {
  const scene = new Scene();
  scene.add('a');
  scene.hand();
  scene.add('b');
  scene.proposals.stop();
  assert.equal(scene.news(), 'b refused stopping 0, a unknown stopped');
  assert.equal(scene.load.bytes, 0);
});

/** `count` commands of a hundred bytes that came in one piece. */
function commandsOf(count: number): Uint8Array[] {
  const request = new Uint8Array(count * 100);
  return Array.from({ length: count }, (_, i) => request.subarray(i * 100, (i + 1) * 100));
}

test('[H20] what is let in of a large request is copied, and is left as it was', () => {
  const scene = new Scene();
  const commands = commandsOf(50).slice(20, 22);
  const before = commands.map((command) => command.slice());
  for (const payload of commands) scene.proposals.add(payload, () => {});
  scene.hand();
  const { payloads } = scene.leader;
  assert.deepEqual(
    payloads.map(({ buffer }) => buffer.byteLength),
    [100, 100],
  );
  assert.deepEqual(payloads.map(timeIn), [TIME_MS, TIME_MS]);
  assert.deepEqual(commands, before);
});

// --- several to an entry ------------------------------------------------------------------------

/** Commands by name, of `bytes` with their headers; `open` cannot stand with others. */
function addAll(scene: Scene, names: readonly string[], bytes = 20): void {
  for (const name of names) {
    const payload = new Uint8Array(name.startsWith('open') ? 9 : bytes);
    if (name.startsWith('open')) payload[0] = 2;
    const refusal = scene.proposals.add(payload, (outcome) => {
      scene.heard.push(`${name} ${describeWrite(outcome)}`);
    });
    assert.equal(refusal, undefined);
  }
}

function packingScene(): Scene {
  const scene = new Scene();
  scene.mayPack = true;
  return scene;
}

function kindsOf({ leader }: Scene): string {
  return leader.payloads.map(({ 0: kind, 1: count }) => (kind === 7 ? count : '-')).join(' ');
}

test('[H98] neighbours share an entry, but for commands that must stand alone', () => {
  const scene = packingScene();
  addAll(scene, ['a', 'b', 'open1', 'c', 'open2', 'open3', 'd', 'e', 'f']);
  scene.hand();
  assert.equal(kindsOf(scene), '2 - - - - 3');
  const order = ['a', 'b', 'open1', 'c', 'open2', 'open3', 'd', 'e', 'f'];
  const places = ['11.0', '11.1', '12.0', '13.0', '14.0', '15.0', '16.0', '16.1', '16.2'];
  for (const place of places) {
    const [index = 0, position = 0] = place.split('.').map(Number);
    scene.proposals.settle(index, 2, position, Uint8Array.of(0, 60 + index));
  }
  const told = scene.news().split(', ');
  assert.deepEqual(
    told.map((text) => text.split(' ')[0]),
    order,
  );
  assert.deepEqual(
    told.map((text) => text.split(' ')[2]),
    places.map((place) => place.split('.')[0]),
  );
  assert.ok(scene.proposals.isEmpty);
  assert.deepEqual([scene.load.count, scene.load.bytes], [0, 0]);
});

test('[H98] one alone in its turn, or before the raise, is an entry as it is', () => {
  const scene = packingScene();
  addAll(scene, ['a']);
  scene.hand();
  assert.equal(kindsOf(scene), '-');
  scene.mayPack = false;
  addAll(scene, ['b', 'c']);
  scene.hand();
  assert.equal(kindsOf(scene), '- -');
});

test('[H98] entries end at their bounds, in bytes and in commands', () => {
  const scene = packingScene();
  // The scene takes a thousand bytes to an entry, and each command here some 8 for its place.
  addAll(
    scene,
    Array.from({ length: 12 }, (_, i) => `c${i}`),
    200,
  );
  addAll(scene, ['large'], 990);
  addAll(scene, ['after', 'it'], 200);
  scene.hand();
  assert.equal(kindsOf(scene), '4 4 4 - 2');
  for (const payload of scene.leader.payloads) assert.ok(payload.length <= 1_000);

  const many = packed(
    Array.from({ length: 2_500 }, () => new Uint8Array(9)),
    1_000_000,
    TIME_MS,
  );
  assert.deepEqual(many.ends, [1_024, 2_048, 2_500]);
  const long = packed(
    Array.from({ length: 200 }, () => new Uint8Array(1_000)),
    1_000_000,
    TIME_MS,
  );
  assert.deepEqual(long.ends, [65, 130, 195, 200]);
  for (const { length } of long.payloads) assert.ok(length <= 64 * 1024);
});

test('[H10, H98] all commands of an entry share its fate', () => {
  const replaced = packingScene();
  addAll(replaced, ['a', 'b', 'c']);
  replaced.hand();
  replaced.proposals.settle(11, 3, 0, DONE);
  replaced.proposals.settle(11, 3, 1, DONE);
  assert.equal(replaced.news(), 'a refused replaced 0, b refused replaced 0, c refused replaced 0');
  assert.ok(replaced.proposals.isEmpty);

  const passed = packingScene();
  addAll(passed, ['a', 'b']);
  passed.hand();
  passed.proposals.settleTo(11);
  assert.equal(passed.news(), 'a refused replaced 0, b refused replaced 0');

  const covered = packingScene();
  addAll(covered, ['a', 'b', 'open', 'c']);
  covered.hand();
  covered.proposals.skipTo(11);
  covered.proposals.settle(12, 2, 0, DONE);
  covered.proposals.orphan(5_000);
  covered.proposals.sweep(5_000);
  assert.equal(
    covered.news(),
    'a unknown leaderChanged, b unknown leaderChanged, open applied 12 "", c unknown leaderChanged',
  );
  assert.equal(covered.load.count, 0);

  const refused = packingScene();
  addAll(refused, ['a', 'b']);
  refused.leader.refusal = 'uncommittedBytes';
  refused.hand();
  assert.equal(refused.news(), 'a refused overloaded 7, b refused overloaded 7');
  assert.deepEqual([refused.load.count, refused.load.bytes], [0, 0]);
});

test('[H10, H98] two lives of a leader, with packed entries at the same indexes', () => {
  const scene = packingScene();
  addAll(scene, ['old1', 'old2', 'open1', 'old3', 'old4']);
  scene.hand();
  scene.proposals.orphan(5_000);
  scene.leader.term = 4;
  scene.leader.last = 11;
  addAll(scene, ['new1', 'new2']);
  scene.hand();
  scene.proposals.settle(11, 2, 0, DONE);
  scene.proposals.settle(11, 2, 1, DONE);
  scene.proposals.settle(12, 4, 0, DONE);
  scene.proposals.settle(12, 4, 1, DONE);
  scene.proposals.settleTo(13);
  assert.equal(
    scene.news(),
    'old1 applied 11 "", old2 applied 11 "", open1 refused replaced 0, new1 applied 12 "", ' +
      'new2 applied 12 "", old3 refused replaced 0, old4 refused replaced 0',
  );
  assert.ok(scene.proposals.isEmpty);
});
