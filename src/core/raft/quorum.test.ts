import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng, shuffle } from '../../base/prng.ts';
import {
  type AckSource,
  jointCommitted,
  jointVote,
  majorityCommitted,
  majorityVote,
} from './quorum.ts';

const CASES = 50_000;

function acksOf(entries: ReadonlyMap<number, number>): AckSource {
  return { ackedIndex: (id) => entries.get(id) };
}

/** The definition, word for word: the highest number that more than half acknowledged. */
function committedByDefinition(voters: readonly number[], acks: AckSource): number {
  if (voters.length === 0) return Number.POSITIVE_INFINITY;
  const numbers = voters.map((id) => acks.ackedIndex(id) ?? 0);
  const held = (at: number): number => numbers.filter((number) => number >= at).length;
  return Math.max(0, ...numbers.filter((number) => held(number) * 2 > voters.length));
}

/** Tries every way in which the missing votes could be cast. */
function voteByDefinition(
  voters: readonly number[],
  votes: ReadonlyMap<number, boolean>,
): 'won' | 'lost' | 'pending' {
  const missing = voters.filter((id) => !votes.has(id));
  const outcomes = new Set<boolean>();
  for (let bits = 0; bits < 2 ** missing.length; bits++) {
    const granted = voters.filter(
      (id) => votes.get(id) ?? ((bits >> missing.indexOf(id)) & 1) === 1,
    ).length;
    outcomes.add(voters.length === 0 || granted * 2 > voters.length);
  }
  if (outcomes.size === 2) return 'pending';
  return outcomes.has(true) ? 'won' : 'lost';
}

function randomVoters(random: Prng): readonly number[] {
  const ids = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  shuffle(ids, random);
  return ids.slice(0, random.below(10));
}

test('[R1] the committed number equals its definition, for one majority and for two', () => {
  const random = Prng.from(1, 'committed');
  for (let i = 0; i < CASES; i++) {
    const incoming = randomVoters(random);
    const outgoing = random.below(2) === 0 ? [] : randomVoters(random);
    const acks = new Map<number, number>();
    for (let id = 1; id <= 9; id++) if (random.below(4) > 0) acks.set(id, random.below(6));
    const source = acksOf(acks);
    const expected = committedByDefinition(incoming, source);
    assert.equal(majorityCommitted(incoming, source), expected);
    assert.equal(
      jointCommitted(incoming, outgoing, source),
      Math.min(expected, committedByDefinition(outgoing, source)),
    );
    assert.equal(
      jointCommitted(incoming, outgoing, source),
      jointCommitted(outgoing, incoming, source),
      'halves may be swapped',
    );
    assert.equal(jointCommitted(incoming, incoming, source), expected, 'twice the same is one');
  }
});

test('[R1] an acknowledgement that falls never lifts what is committed', () => {
  const random = Prng.from(2, 'monotone');
  for (let i = 0; i < 5_000; i++) {
    const voters = randomVoters(random);
    const [voter] = voters;
    if (voter === undefined) continue;
    const acks = new Map(voters.map((id) => [id, random.below(9)]));
    const before = majorityCommitted(voters, acksOf(acks));
    acks.set(voter, Math.floor((acks.get(voter) ?? 0) / 2));
    assert.ok(majorityCommitted(voters, acksOf(acks)) <= before);
  }
});

test('[R1] more voters than usual do not overflow', () => {
  const voters = Array.from({ length: 101 }, (_, i) => i + 1);
  const acks: AckSource = { ackedIndex: (id) => id };
  assert.equal(majorityCommitted(voters, acks), 51);
});

test('[R2] the vote equals its definition, for one majority and for two', () => {
  const random = Prng.from(3, 'votes');
  for (let i = 0; i < CASES / 10; i++) {
    const incoming = randomVoters(random);
    const outgoing = random.below(2) === 0 ? [] : randomVoters(random);
    const votes = new Map<number, boolean>();
    for (let id = 1; id <= 9; id++) if (random.below(3) > 0) votes.set(id, random.below(2) === 0);
    const ours = voteByDefinition(incoming, votes);
    const theirs = voteByDefinition(outgoing, votes);
    assert.equal(majorityVote(incoming, votes), ours);
    const both = ours === 'won' && theirs === 'won' ? 'won' : 'pending';
    const expected = ours === 'lost' || theirs === 'lost' ? 'lost' : both;
    assert.equal(jointVote(incoming, outgoing, votes), expected);
  }
});
