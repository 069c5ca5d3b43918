// Ways to cut a network of machines in pieces.

import { type Prng, shuffle } from '../../src/base/prng.ts';
import type { Links } from '../links.ts';

export type CutKind = 'isolate' | 'halves' | 'ring' | 'oneWay';

/** Cuts links between `members` by kind. `others` (clients) end up on some side each. */
export function cut(
  kind: CutKind,
  links: Links,
  members: readonly number[],
  others: readonly number[],
  random: Prng,
): string {
  const drawn = [...members];
  shuffle(drawn, random);
  const victim = drawn[0] as number;
  switch (kind) {
    case 'isolate': {
      const rest = [...drawn.slice(1), ...others.filter(() => random.below(2) === 0)];
      separate(links, [victim], rest);
      return `machine ${victim} alone`;
    }
    case 'halves': {
      const size = random.below(drawn.length + 1);
      const here = drawn.slice(0, size);
      const there = drawn.slice(size);
      for (const other of others) (random.below(2) === 0 ? here : there).push(other);
      separate(links, here, there);
      return `${here.join(' ')} | ${there.join(' ')}`;
    }
    case 'ring': {
      // Each talks to its neighbours only; of three, the one in the middle talks to both others.
      const count = drawn.length;
      for (let a = 0; a < count; a++) {
        for (let b = a + 2; b < count; b++) {
          const isNeighbour = count > 3 && a === 0 && b === count - 1;
          if (!isNeighbour) separate(links, [drawn[a] as number], [drawn[b] as number]);
        }
      }
      return `ring ${drawn.join(' ')}`;
    }
    case 'oneWay': {
      const isDeaf = random.below(2) === 0;
      for (const other of drawn.slice(1)) {
        if (isDeaf) links.cut(other, victim);
        else links.cut(victim, other);
      }
      return `machine ${victim} ${isDeaf ? 'hears nothing' : 'is not heard'}`;
    }
  }
}

function separate(links: Links, here: readonly number[], there: readonly number[]): void {
  for (const a of here) {
    for (const b of there) {
      links.cut(a, b);
      links.cut(b, a);
    }
  }
}
