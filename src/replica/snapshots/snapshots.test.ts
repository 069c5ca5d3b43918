import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrashDisk } from '../../../test/support/wal-crash-disk.ts';
import { turn } from '../../../test/support/wal-scenario.ts';
import { must } from '../../base/assert.ts';
import { REQUEST_KIND } from '../codec/index.ts';
import { textOf, utf8, votersOf } from '../state/state.support.ts';
import { Line, SHARD, Site, type SiteOptions } from './snapshots.support.ts';
import { encodeComparison } from './wire.ts';

/** Chunks of a kilobyte: a pair of 400 bytes or two fit one. */
const SMALL = { limits: { chunkBytesMax: 1_000, sweepMs: 100, resumeMs: 300 } };

/** Member 1 has something; the others have nothing. */
async function members(line: Line, count = 2, options: SiteOptions = SMALL): Promise<Site[]> {
  const sites: Site[] = [];
  for (let member = 1; member <= count; member++) {
    sites.push(await Site.start(line, member, options));
  }
  const [first] = sites;
  first?.apply('100 open', '100 1/1 set a 1');
  first?.data.setConfState(votersOf(1, 2, 3), { index: 3, term: 1 });
  first?.fill(20, 400);
  return sites;
}

async function pair(line: Line, options: SiteOptions = SMALL): Promise<[Site, Site]> {
  const [sender, receiver] = await members(line, 2, options);
  return [must(sender, 'member 1'), must(receiver, 'member 2')];
}

test('[N1, N4] a state arrives as it was, while its sender goes on writing', async () => {
  const line = new Line();
  const [sender, receiver] = await pair(line);
  const before = sender.data.digest();
  const snapshot = await sender.prepare();
  sender.send(2, snapshot, 5);
  await line.run(6);
  sender.apply('200 set a 2', '200 del key00003');
  await line.run();

  assert.deepEqual(receiver.stepped, [`5/${snapshot.index}`]);
  assert.deepEqual(sender.done, [true]);
  const staged = must(receiver.data.staged(), 'it is staged');
  assert.deepEqual(staged, snapshot);
  assert.ok(receiver.data.install(staged));
  assert.equal(receiver.data.digest(), before);
  assert.deepEqual(receiver.data.confState(), votersOf(1, 2, 3));
  assert.deepEqual(receiver.data.applied(), { index: snapshot.index, term: snapshot.term });
  receiver.apply('200 set a 2', '200 del key00003');
  assert.equal(receiver.data.digest(), sender.data.digest(), '[D8] and so do its successors');
  assert.equal(sender.snapshots.stats().sent, 1);
  assert.equal(receiver.snapshots.stats().received, 1);
});

test('[N6] an interrupted transfer goes on behind what is there', async () => {
  const line = new Line();
  const [sender, receiver] = await pair(line);
  const snapshot = await sender.prepare();
  sender.send(2, snapshot);
  await line.run(8);
  await line.cut();
  assert.deepEqual(sender.done, [false]);
  const { progress } = must(receiver.data.staging, 'a part is there');
  assert.ok(progress.chunks > 2 && progress.chunks < 8, `${progress.chunks}`);

  const sentBefore = sender.snapshots.stats().chunksSent;
  sender.send(2, await sender.prepare(), 6);
  await line.run();
  assert.deepEqual(sender.done, [false, true]);
  const { resumed, chunksSent } = sender.snapshots.stats();
  assert.equal(resumed, 1);
  const whole = must(receiver.data.staging, 'all of it is there').progress.chunks;
  assert.equal(chunksSent - sentBefore, whole - progress.chunks, 'nothing is sent twice');
  assert.ok(receiver.data.install(snapshot));
  assert.equal(receiver.data.digest(), sender.data.digest());
});

test('[N6] a receiver that starts anew goes on with what its store kept', async () => {
  const line = new Line();
  const [sender, receiver] = await pair(line);
  const snapshot = await sender.prepare();
  sender.send(2, snapshot);
  await line.run(8);
  await receiver.open.store.flush();
  await line.cut();
  const disk = new CrashDisk(receiver.open.disk.files());
  const again = await Site.start(line, 2, { ...SMALL, disk });
  const kept = must(again.data.staging, 'the staging record was kept').progress.chunks;
  assert.ok(kept > 0);

  sender.send(2, snapshot);
  await line.run();
  assert.equal(sender.snapshots.stats().resumed, 1);
  assert.ok(again.data.install(snapshot));
  assert.equal(again.data.digest(), sender.data.digest());
});

test('[N6] another state is sent from its beginning, and nothing of two is mixed', async () => {
  const line = new Line();
  const [sender, receiver] = await pair(line);
  sender.send(2, await sender.prepare());
  await line.run(8);
  await line.cut();
  sender.apply('200 set a 2', '200 del key00000', '200 del key00001');
  const newer = await sender.prepare();
  sender.send(2, newer);
  await line.run();
  assert.equal(sender.snapshots.stats().resumed, 0);
  assert.ok(receiver.data.install(newer));
  assert.equal(receiver.data.digest(), sender.data.digest());
});

test('[N3] a chunk that was changed on the way, or lost, or doubled, is noticed', async () => {
  const wrongs: ((chunk: Uint8Array, at: number) => Uint8Array)[] = [
    (chunk, at) => (at === 3 ? chunk.with(chunk.length - 1, 1) : chunk),
    (chunk, at) => (at === 3 ? chunk.with(0, 9) : chunk),
    (chunk, at) => (at === 3 ? chunk.subarray(0, chunk.length - 1) : chunk),
    (chunk, at) => (at === 3 ? new Uint8Array(0) : chunk),
  ];
  for (const wrong of wrongs) {
    const line = new Line();
    const [sender, receiver] = await pair(line);
    let at = 0;
    line.onChunk = (chunk) => {
      at += 1;
      return wrong(chunk, at);
    };
    sender.send(2, await sender.prepare());
    await line.run();
    assert.deepEqual(sender.done, [false]);
    assert.deepEqual(receiver.stepped, []);
    assert.equal(receiver.data.staged(), undefined);
    assert.equal(receiver.snapshots.stats().failed, 1);
    assert.deepEqual(receiver.events, ['snapshotFailed']);
  }
});

test('[N3] chunks in another order are noticed', async () => {
  const line = new Line();
  const [sender, receiver] = await pair(line);
  let held: Uint8Array | undefined;
  let at = 0;
  line.onChunk = (chunk) => {
    at += 1;
    if (at === 2) held = chunk;
    return at === 3 ? must(held, 'the second comes once more') : chunk;
  };
  sender.send(2, await sender.prepare());
  await line.run();
  assert.deepEqual(sender.done, [false]);
  assert.deepEqual(receiver.stepped, []);
});

test('[N5] a newer state takes the place of one that is being sent', async () => {
  const line = new Line();
  const [sender, receiver] = await pair(line);
  sender.send(2, await sender.prepare());
  await line.run(8);
  sender.apply('200 set a 2');
  const newer = await sender.prepare();
  sender.send(2, newer);
  await line.run();
  assert.deepEqual(sender.done, [false, true]);
  assert.deepEqual(receiver.stepped, [`1/${newer.index}`]);
  assert.ok(receiver.data.install(newer));
  assert.equal(receiver.data.digest(), sender.data.digest());
});

test('[N5] of two members that send at the same time the later one is taken', async () => {
  const line = new Line();
  const { first, second, receiver, older, newer } = await twoSenders(line);
  first.send(3, older);
  await line.run(4);
  second.send(3, newer, 2);
  await line.run();
  assert.deepEqual(first.done, [true, false]);
  assert.deepEqual(second.done, [true]);
  assert.ok(receiver.data.install(newer));
  assert.equal(receiver.data.digest(), second.data.digest());
});

test('[N13] an offer of a term that is over is refused, and its sender hears of it', async () => {
  const line = new Line();
  const [sender, receiver] = await pair(line);
  receiver.term = 6;
  const snapshot = await sender.prepare();
  sender.send(2, snapshot, 5);
  await line.run();
  assert.deepEqual([sender.done, sender.newerTerms], [[false], ['2: 6']]);
  assert.equal(sender.snapshots.stats().chunksSent, 0);
  sender.send(2, snapshot, 6);
  await line.run();
  assert.deepEqual([sender.done, receiver.stepped], [[false, true], [`6/${snapshot.index}`]]);
  receiver.data.install(snapshot);
  sender.send(2, snapshot, 5);
  await line.run();
  assert.deepEqual(sender.newerTerms, ['2: 6', '2: 6'], 'whether or not the state is there');
});

test('[N13] a sender that is deposed stops, and goes on when it leads again', async () => {
  const line = new Line();
  const [sender, receiver] = await pair(line);
  const snapshot = await sender.prepare();
  sender.term = 5;
  sender.send(2, snapshot, 5);
  await line.run(8);
  sender.term = 6;
  const { chunksSent } = sender.snapshots.stats();
  await line.run();
  assert.deepEqual([sender.done, receiver.stepped], [[false], []]);
  assert.equal(sender.snapshots.stats().chunksSent, chunksSent, 'nothing is sent any more');
  sender.term = 7;
  sender.send(2, snapshot, 7);
  await line.run();
  assert.deepEqual([sender.done, receiver.stepped], [[false, true], [`7/${snapshot.index}`]]);
  assert.equal(sender.snapshots.stats().resumed, 1);
});

test('[N13] who leads again sends at once what it still sends for the term before', async () => {
  const line = new Line();
  let isBehind = true;
  const [sender, receiver] = await pair(line, { ...SMALL, isBehind: () => isBehind });
  const snapshot = await sender.prepare();
  sender.send(2, snapshot, 5);
  await line.run();
  sender.send(2, snapshot, 7);
  isBehind = false;
  await line.passMs(20);
  assert.deepEqual([sender.done, receiver.stepped], [[false, true], [`7/${snapshot.index}`]]);
});

/** Members 1 and 2 have states to send to member 3, that of member 2 is newer. */
async function twoSenders(line: Line) {
  const [first, second, receiver] = await members(line, 3);
  assert.ok(first !== undefined && second !== undefined && receiver !== undefined);
  const older = await first.prepare();
  first.send(2, older);
  await line.run();
  assert.ok(second.data.install(older));
  second.apply('300 set b 3');
  return { first, second, receiver, older, newer: await second.prepare() };
}

test('[N13] a deposed leader does not take the place of its successor', async () => {
  const line = new Line();
  const { first, second, receiver, older, newer } = await twoSenders(line);
  first.send(3, older, 6);
  await line.run(6);
  second.send(3, newer, 5);
  await line.run();
  assert.deepEqual([first.done, second.done], [[true, true], [false]]);
  // The receiver's core may not have heard of the term: it hears when the state is there.
  assert.deepEqual([receiver.term, second.newerTerms], [0, ['3: 6']]);
  assert.deepEqual(receiver.stepped, [`6/${older.index}`]);
});

test('[N13] an older state of the same term comes too late', async () => {
  const line = new Line();
  const { first, second, receiver, older, newer } = await twoSenders(line);
  second.send(3, newer, 5);
  await line.run(6);
  first.send(3, older, 5);
  await line.run();
  assert.deepEqual([first.done, second.done], [[true, false], [true]]);
  assert.deepEqual([first.newerTerms, receiver.stepped], [[], [`5/${newer.index}`]]);
});

test('[N10] a state that is not newer is not sent, but its message is stepped', async () => {
  const line = new Line();
  const [sender, receiver] = await pair(line);
  const snapshot = await sender.prepare();
  sender.send(2, snapshot);
  await line.run();
  receiver.data.install(snapshot);
  sender.send(2, snapshot, 9);
  await line.run();
  assert.deepEqual(sender.done, [true, true]);
  assert.deepEqual(receiver.stepped, [`1/${snapshot.index}`, `9/${snapshot.index}`]);
  assert.equal(receiver.snapshots.stats().received, 1);
});

test('[N10] nothing takes the place of a state that the host is installing', async () => {
  const line = new Line();
  const [sender, receiver] = await pair(line);
  const snapshot = await sender.prepare();
  sender.send(2, snapshot);
  await line.run();
  sender.apply('200 set a 2');
  sender.send(2, await sender.prepare());
  await line.run();
  assert.deepEqual(sender.done, [true, false]);
  await line.passMs(1_000);
  assert.ok(receiver.data.install(snapshot), 'however long the log takes');
  sender.send(2, await sender.prepare());
  await line.run();
  assert.deepEqual(sender.done, [true, false, true], 'afterwards it is');
});

test('[N10] a state that the core does not want is dropped', async () => {
  const line = new Line();
  const [sender, receiver] = await pair(line);
  receiver.restores = false;
  sender.send(2, await sender.prepare());
  await line.run();
  assert.equal(receiver.stepped.length, 1);
  assert.equal(receiver.data.staging, undefined);
});

test('[N8] a state that is not durable is not handed over', async () => {
  const line = new Line();
  const flushes: ((isDurable: boolean) => void)[] = [];
  const flush = (): Promise<boolean> => new Promise((resolve) => flushes.push(resolve));
  const [sender, receiver] = await pair(line, { ...SMALL, flush });
  sender.send(2, await sender.prepare());
  await line.run();
  assert.deepEqual(receiver.stepped, [], 'the host hears of it after the flush');
  must(flushes[0], 'the store was asked to flush')(false);
  await line.run();
  assert.deepEqual(receiver.stepped, []);
  assert.deepEqual(sender.done, [false]);
});

test('[N7] a sender waits while the receiver waits for its store', async () => {
  const line = new Line();
  let isBehind = true;
  const [sender, receiver] = await pair(line, { ...SMALL, isBehind: () => isBehind });
  sender.send(2, await sender.prepare());
  await line.run();
  const { chunksSent } = sender.snapshots.stats();
  assert.ok(chunksSent <= 3, `${chunksSent} chunks`);
  isBehind = false;
  await line.passMs(20);
  assert.deepEqual(sender.done, [true]);
  assert.equal(receiver.stepped.length, 1);
});

test('[N7] nothing is taken while the disk is nearly full', async () => {
  const line = new Line();
  let isCramped = false;
  const [sender, receiver] = await pair(line, { ...SMALL, isCramped: () => isCramped });
  const snapshot = await sender.prepare();
  sender.send(2, snapshot);
  await line.run(6);
  isCramped = true;
  await line.run();
  const chunks = receiver.data.staging?.progress.chunks ?? 0;
  assert.ok(chunks > 0 && chunks < 8, `${chunks} chunks`);
  await line.cut();
  sender.send(2, snapshot);
  await line.run();
  assert.deepEqual(sender.done, [false, false], 'what is offered now is refused');
  isCramped = false;
  sender.send(2, snapshot);
  await line.run();
  assert.deepEqual(sender.done, [false, false, true]);
});

test('[N11] more than so many at once are refused, and nothing stays open', async () => {
  const line = new Line();
  const limits = { ...SMALL.limits, sendsMax: 2, receivesMax: 1 };
  const sites = await members(line, 4, { limits });
  const sender = must(sites[0], 'member 1');
  const snapshot = await sender.prepare();
  for (const peer of [2, 3, 4]) sender.send(peer, snapshot);
  await line.run();
  assert.deepEqual(sender.done, [false, true, true]);
  sender.send(9, snapshot);
  await line.run();
  assert.deepEqual(sender.done.slice(3), [false], 'a peer that is down');
  sender.snapshots.close();
  await sender.open.store.close();
});

test('[N9] what was not finished is dropped after a while, at both ends', async () => {
  const line = new Line();
  const [sender, receiver] = await pair(line);
  sender.send(2, await sender.prepare());
  await line.run(8);
  await line.cut();
  assert.equal(sender.open.store.stats().snapshotsOpen, 1);
  await line.passMs(100);
  assert.ok(receiver.data.staging !== undefined, 'it may go on');
  await line.passMs(100);
  assert.equal(receiver.data.staging, undefined);
  for (let i = 0; i < 10; i++) await line.passMs(5);
  const left = [...receiver.open.store.range(Uint8Array.of(4), undefined)];
  assert.deepEqual(left, [], 'and its pairs are removed');
  await line.passMs(30_000);
  assert.equal(sender.open.store.stats().snapshotsOpen, 0);
});

test('[N9] a transfer that takes too long ends, and its state is let go of', async () => {
  const line = new Line();
  const limits = { ...SMALL.limits, transferMsMax: 1_000 };
  const [sender] = await pair(line, { limits, isBehind: () => true });
  sender.send(2, await sender.prepare());
  await line.run();
  await line.passMs(1_000);
  assert.deepEqual(sender.done, [false]);
});

test('[N1] peers that need a state at the same time get the same one', async () => {
  const line = new Line();
  const sites = await members(line, 3);
  const sender = must(sites[0], 'member 1');
  const snapshot = await sender.prepare();
  assert.equal(await sender.prepare(), snapshot);
  sender.apply('200 set a 2');
  assert.equal(await sender.prepare(snapshot.index), snapshot);
  const newer = await sender.prepare();
  assert.equal(newer.index, snapshot.index + 1);
  sender.send(2, snapshot);
  await line.run();
  assert.deepEqual(sender.done, [false], 'the older one is not at hand any more');
  sender.send(2, newer);
  sender.send(3, newer);
  await line.run();
  assert.deepEqual(sender.done, [false, true, true]);
  assert.equal(sender.snapshots.stats().prepared, 2);
});

test('[N1] an empty state is a state', async () => {
  const line = new Line();
  const sender = await Site.start(line, 1, SMALL);
  const receiver = await Site.start(line, 2, SMALL);
  sender.data.setConfState(votersOf(1, 2), { index: 1, term: 1 });
  const snapshot = await sender.prepare();
  sender.send(2, snapshot);
  await line.run();
  assert.ok(receiver.data.install(snapshot));
  assert.equal(textOf(receiver.data.query(utf8('all'))), '');
  assert.deepEqual(receiver.data.confState().voters, [1, 2]);
});

/** Both have 60 values of 400 bytes; then the sender changes some, and has what the other lacks. */
async function diverged(line: Line, limits = SMALL.limits): Promise<[Site, Site]> {
  const [sender, receiver] = await pair(line, { limits });
  sender.fill(60, 400);
  const first = await sender.prepare();
  sender.send(2, first);
  await line.run();
  receiver.data.install(first);
  assert.equal(receiver.data.digest(), sender.data.digest());
  sender.apply('200 write key00030 300', '200 del key00031', '200 set zzz 1', '200 open');
  return [sender, receiver];
}

test('[N12] what the receiver has already is not sent', async () => {
  const line = new Line();
  const [sender, receiver] = await diverged(line);
  const before = sender.snapshots.stats();
  const newer = await sender.prepare();
  sender.send(2, newer);
  await line.run();
  assert.deepEqual(sender.done, [true, true]);
  assert.ok(receiver.data.install(newer));
  assert.equal(receiver.data.digest(), sender.data.digest());
  const after = sender.snapshots.stats();
  const sent = after.chunksSent - before.chunksSent;
  const copied = after.chunksCopied - before.chunksCopied;
  assert.ok(copied > 10 && sent < copied, `${sent} sent, ${copied} copied`);
  assert.ok(after.bytesSent - before.bytesSent < before.bytesSent / 2);
});

test('[N12] a receiver that goes on meanwhile notices that a part is not the same', async () => {
  for (let steps = 4; steps < 60; steps += 7) {
    const line = new Line();
    const [sender, receiver] = await diverged(line);
    const newer = await sender.prepare();
    sender.send(2, newer);
    await line.run(steps);
    // The same entries that made the sender's state what it is, and another one's.
    receiver.apply('200 write key00050 100', '200 del key00000');
    await line.run();
    const isTaken = sender.done[1] === true;
    if (!isTaken) {
      sender.send(2, newer);
      await line.run();
    }
    assert.equal(sender.done.at(-1), true);
    receiver.data.install(newer);
    assert.equal(receiver.data.digest(), sender.data.digest(), `${steps} steps`);
  }
});

test('[N6, N12] a transfer that copies goes on after an interruption like any other', async () => {
  for (let steps = 3; steps < 70; steps += 7) {
    const line = new Line();
    const [sender, receiver] = await diverged(line);
    const newer = await sender.prepare();
    sender.send(2, newer);
    await line.run(steps);
    await line.cut();
    if (sender.done.length === 1) assert.fail('it is over by now, one way or the other');
    if (sender.done[1] === false) {
      sender.send(2, newer);
      await line.run();
    }
    assert.equal(sender.done.at(-1), true, `${steps} steps`);
    receiver.data.install(newer);
    assert.equal(receiver.data.digest(), sender.data.digest());
  }
});

test('[N12] questions about a transfer that is not under way get no answer', async () => {
  const line = new Line();
  const [sender, receiver] = await diverged(line);
  const { data: name } = await sender.prepare();
  for (const body of [
    utf8('what is this?'),
    encodeComparison({ shard: SHARD, name, after: new Uint8Array(0), ranges: [] }),
    encodeComparison({ shard: SHARD + 1, name, after: new Uint8Array(0), ranges: [] }),
  ]) {
    const answers: Uint8Array[] = [];
    receiver.snapshots.onRequest({
      from: 1,
      kind: REQUEST_KIND.compareSnapshot,
      body,
      deadlineMs: 0,
      isAbandoned: false,
      respond: (answer) => answers.push(answer.slice()),
      refuse: () => {},
    });
    await line.run();
    assert.deepEqual(answers, [new Uint8Array(0)]);
  }
});

test('[N2] offers and streams that nobody can read are refused', async () => {
  const line = new Line();
  const [, receiver] = await pair(line);
  assert.equal(receiver.snapshots.onStream(1, utf8('what is this?')), undefined);
  const answers: Uint8Array[] = [];
  receiver.snapshots.onRequest({
    from: 1,
    kind: 4,
    body: utf8('nor this'),
    deadlineMs: 0,
    isAbandoned: false,
    respond: (body) => answers.push(body.slice()),
    refuse: () => {},
  });
  assert.deepEqual(answers, [Uint8Array.of(2)]);
  await turn();
});

test('[N4] a shard that is not there takes nothing', async () => {
  const line = new Line();
  const [sender, receiver] = await pair(line);
  const snapshot = await sender.prepare();
  assert.equal(receiver.snapshots.latest(SHARD + 1, 0), 'pending');
  sender.send(2, { ...snapshot, data: new Uint8Array(16) });
  await line.run();
  assert.deepEqual(sender.done, [false]);
});
