import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AssertionError } from '../../base/assert.ts';
import { FeedHub } from './index.ts';
import type { FeedNews, Follower } from './types.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const SMALL = { bytesMax: 256, blockBytes: 64, turnBytesMax: 20 };

/** `events 5:a=1 6:b=2 (6)`, `gap 4`, `end`. */
function describe(news: FeedNews): string {
  if (news.kind === 'end') return 'end';
  if (news.kind === 'gap') return `gap ${news.index}`;
  const events = news.events.map(({ event, index, topic }) => {
    return `${index}:${textOf(topic)}=${textOf(event)}`;
  });
  return `events ${events.join(' ')} (${news.index})`;
}

class Bench {
  readonly hub: FeedHub;
  readonly heard: string[] = [];

  constructor(sizes = {}) {
    this.hub = new FeedHub(sizes);
    this.hub.openShard(1, 10);
  }

  emit(index: number, ...pairs: string[]): void {
    for (const pair of pairs) {
      const [topic = '', event = ''] = pair.split('=');
      this.hub.emit(1, index, utf8(topic), utf8(event));
    }
    this.hub.commit(1);
  }

  follow(index: number): Follower {
    const follower = this.hub.follow(1, index, (news) => this.heard.push(describe(news)));
    assert.ok(follower !== undefined);
    return follower;
  }

  turn(): string[] {
    this.hub.deliver();
    return this.heard.splice(0);
  }
}

test('[F2, F4] a follower hears what comes behind its index, at the end of the turn', () => {
  const bench = new Bench();
  bench.follow(10).close();
  bench.emit(11, 'a=1', 'b=2');
  bench.follow(11);
  bench.follow(10);
  bench.emit(13, 'a=3');
  assert.deepEqual(bench.heard, []);
  assert.deepEqual(bench.turn(), ['events 13:a=3 (13)', 'events 11:a=1 11:b=2 13:a=3 (13)']);
  assert.equal(bench.hub.hasNews, false);
  assert.deepEqual(bench.turn(), []);
});

test('[F3] events of a batch that was taken back are never told', () => {
  const bench = new Bench();
  bench.follow(10);
  bench.hub.emit(1, 11, utf8('a'), utf8('1'));
  bench.hub.deliver();
  assert.deepEqual(bench.turn(), [], 'the batch is open yet');
  bench.hub.rollback(1);
  bench.emit(12, 'b=2');
  assert.deepEqual(bench.turn(), ['events 12:b=2 (12)']);
});

test('[F1, F2] what the ring let go of is a gap, and after it all is told', () => {
  const bench = new Bench(SMALL);
  const late = bench.follow(10);
  late.pause();
  for (let index = 11; index < 40; index++) bench.emit(index, `k${index}=v`);
  assert.deepEqual(bench.turn(), []);
  assert.ok(bench.hub.bytes <= SMALL.bytesMax);
  late.resume();
  const [gap = '', ...rest] = [...bench.turn(), ...bench.turn(), ...bench.turn(), ...bench.turn()];
  const floor = Number(/^gap (\d+)$/.exec(gap)?.[1]);
  assert.ok(floor > 10 && floor < 39, gap);
  const told = rest.join(' ').match(/\d+:/g);
  assert.deepEqual(
    told,
    Array.from({ length: 39 - floor }, (_, i) => `${floor + 1 + i}:`),
  );
});

test('[F1] a quiet shard has no gap, however much others emit', () => {
  const bench = new Bench(SMALL);
  bench.hub.openShard(2, 0);
  bench.emit(11, 'a=1');
  bench.follow(11);
  for (let index = 1; index < 40; index++) {
    bench.hub.emit(2, index, utf8('k'), utf8('v'));
    bench.hub.commit(2);
  }
  bench.emit(12, 'a=2');
  assert.deepEqual(bench.turn(), ['events 12:a=2 (12)']);
});

test('[F4] a follower that is far behind is told some each turn, entries cut in between', () => {
  const bench = new Bench({ turnBytesMax: 3 });
  bench.follow(10);
  bench.emit(11, 'a=1', 'b=2', 'c=3');
  assert.deepEqual(bench.turn(), ['events 11:a=1 11:b=2 (10)'], 'all of 11 is not told yet');
  assert.equal(bench.hub.hasNews, true);
  assert.deepEqual(bench.turn(), ['events 11:c=3 (11)']);
  assert.equal(bench.hub.hasNews, false);
});

test('[F5] a snapshot takes the place of all that was before', () => {
  const bench = new Bench();
  bench.follow(10);
  bench.emit(11, 'a=1');
  bench.turn();
  bench.hub.openShard(1, 50);
  assert.deepEqual(bench.turn(), ['gap 50']);
  bench.emit(51, 'a=2');
  bench.follow(49);
  bench.follow(50);
  const told = bench.turn();
  assert.deepEqual(told, ['events 51:a=2 (51)', 'gap 50', 'events 51:a=2 (51)']);
  assert.deepEqual(bench.turn(), ['events 51:a=2 (51)'], 'and behind the gap all is told');
});

test('[F2, F6] when a shard leaves everyone hears of it once, and nobody who went before', () => {
  const bench = new Bench();
  bench.follow(10);
  bench.follow(10).close();
  bench.hub.wait(1, utf8('a'), () => bench.heard.push('woken'));
  bench.hub.closeShard(1);
  assert.deepEqual(bench.turn(), ['woken', 'end']);
  assert.equal(
    bench.hub.follow(1, 10, () => {}),
    undefined,
  );
  assert.equal(
    bench.hub.wait(1, utf8('a'), () => {}),
    undefined,
  );
  assert.throws(() => bench.emit(11, 'a=1'), AssertionError);
  bench.hub.openShard(1, 0);
  bench.emit(1, 'a=1');
  assert.deepEqual(bench.turn(), []);
});

test('[F6] who waits is woken by the very topic, once, and not after it went', () => {
  const bench = new Bench();
  const wake = (name: string) => () => bench.heard.push(name);
  bench.hub.wait(1, utf8('a'), wake('first'));
  bench.hub.wait(1, utf8('a'), wake('second'));
  bench.hub.wait(1, utf8('ab'), wake('other'));
  bench.hub.wait(1, utf8('a'), wake('gone'))?.close();
  const late = bench.hub.wait(1, utf8('b'), wake('late'));
  bench.emit(11, 'a=1', 'a=2', 'b=1');
  late?.close();
  assert.deepEqual(bench.turn(), ['first', 'second']);
  bench.emit(12, 'a=3');
  assert.deepEqual(bench.turn(), []);
});

test('[F6] a batch that is larger than the ring wakes everyone who waits on its shard', () => {
  const bench = new Bench(SMALL);
  const wake = (name: string) => () => bench.heard.push(name);
  bench.hub.wait(1, utf8('a'), wake('of what is gone'));
  bench.hub.wait(1, utf8('b'), wake('of what is there'));
  bench.emit(11, 'a=1', ...Array.from({ length: 20 }, (_, i) => `c=${i}`), 'b=1');
  assert.deepEqual(bench.turn(), ['of what is gone', 'of what is there']);
  bench.emit(12, 'a=2', 'b=2');
  assert.deepEqual(bench.turn(), [], 'once');
});

test('[F7] nothing is kept for nobody, and who follows from before hears a gap', () => {
  const bench = new Bench();
  bench.emit(11, 'a=1');
  bench.emit(12, 'a=2', 'b=2');
  assert.equal(bench.hub.bytes, 0);
  bench.follow(11);
  bench.follow(12);
  bench.emit(13, 'a=3');
  assert.deepEqual(bench.turn(), ['gap 12', 'events 13:a=3 (13)']);
  assert.deepEqual(bench.turn(), ['events 13:a=3 (13)'], 'behind the gap all is told');
});

test('[F7] what a batch told nobody and was taken back does not count', () => {
  const bench = new Bench();
  bench.hub.emit(1, 11, utf8('a'), utf8('1'));
  bench.hub.rollback(1);
  bench.follow(10);
  bench.emit(11, 'a=2');
  assert.deepEqual(bench.turn(), ['events 11:a=2 (11)']);
});

test('[F7] a follower that comes back hears all that happened meanwhile', () => {
  const bench = new Bench();
  bench.emit(11, 'a=1');
  const follower = bench.follow(11);
  bench.emit(12, 'a=2');
  assert.deepEqual(bench.turn(), ['events 12:a=2 (12)']);
  follower.close();
  bench.emit(13, 'a=3');
  bench.emit(14, 'a=4');
  bench.follow(12);
  assert.deepEqual(bench.turn(), ['events 13:a=3 14:a=4 (14)']);
});

test('[F7] when the ring let go of what the last follower has not heard, no more is kept', () => {
  const bench = new Bench(SMALL);
  bench.follow(10).close();
  for (let index = 11; index < 40; index++) bench.emit(index, `k${index}=v`);
  const { bytes } = bench.hub;
  for (let index = 40; index < 80; index++) bench.emit(index, `k${index}=a-longer-one`);
  assert.equal(bench.hub.bytes, bytes, 'the ring stands still');
  bench.follow(10);
  bench.follow(79);
  bench.emit(80, 'k=v');
  assert.deepEqual(bench.turn(), ['gap 79', 'events 80:k=v (80)']);
  assert.deepEqual(bench.turn(), ['events 80:k=v (80)']);
});

test('[F7] who waits for a topic keeps no events for others', () => {
  const bench = new Bench();
  bench.hub.wait(1, utf8('a'), () => bench.heard.push('woken'));
  bench.emit(11, 'b=1', 'a=1');
  assert.deepEqual(bench.turn(), ['woken']);
  const { bytes } = bench.hub;
  for (let index = 12; index < 10_000; index++) bench.emit(index, 'a=2');
  assert.equal(bench.hub.bytes, bytes);
});

const action = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ what: fc.constant('emit'), n: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('turn'), n: fc.constant(0) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constantFrom('follow', 'close', 'pause', 'resume', 'rollback', 'other', 'restore'),
      n: fc.nat(6),
    }),
  },
);

/** Holds everything for ever. */
test('[F1, F2] followers hear all events in order and once, but for gaps that are told', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 120 }), (actions) => {
      const hub = new FeedHub(SMALL);
      hub.openShard(1, 0);
      hub.openShard(2, 0);
      const all: { index: number; name: string }[] = [];
      const followers: { follower: Follower | undefined; at: number; told: string[] }[] = [];
      let [index, serial] = [0, 0];
      for (const { n, what } of actions) {
        if (what === 'emit' || what === 'rollback') {
          index += 1;
          for (let i = 0; i < Math.max(1, n); i++) {
            serial += 1;
            hub.emit(1, index, utf8(`t${serial % 3}`), utf8(String(serial)));
            if (what === 'emit') all.push({ index, name: String(serial) });
          }
          if (what === 'emit') hub.commit(1);
          else hub.rollback(1);
        } else if (what === 'other') {
          hub.emit(2, index, utf8('x'), new Uint8Array(n * 10));
          hub.commit(2);
        } else if (what === 'restore') {
          index += 1;
          hub.openShard(1, index);
        } else if (what === 'turn') hub.deliver();
        else if (what === 'pause') followers[n]?.follower?.pause();
        else if (what === 'resume') followers[n]?.follower?.resume();
        else if (what === 'close') {
          for (const one of followers.splice(n, 1)) one.follower?.close();
        } else {
          const one = {
            follower: undefined as Follower | undefined,
            at: index - n,
            told: [] as string[],
          };
          one.follower = hub.follow(1, index - n, (news) => {
            if (news.kind === 'end') assert.fail('the shard is there');
            if (news.kind === 'events')
              one.told.push(...news.events.map(({ event }) => textOf(event)));
            else {
              assert.ok(news.index > one.at, 'a gap is ahead');
              one.told = [];
            }
            one.at = news.index;
          });
          followers.push(one);
        }
        assert.ok(hub.bytes <= SMALL.bytesMax);
      }
      for (const { follower } of followers) follower?.resume();
      for (let turns = 0; hub.hasNews; turns++) {
        assert.ok(turns < 1_000);
        hub.deliver();
      }
      for (const { told } of followers) {
        const expected = all.slice(all.length - told.length).map(({ name }) => name);
        assert.deepEqual(told, expected, 'the last ones, all of them');
      }
    }),
    { numRuns: 500 },
  );
});
