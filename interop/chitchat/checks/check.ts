import type { Arena } from '../arena.ts';
import type { Variant } from '../programs.ts';

/** A name in words and what must succeed. Peers that the arena started are cleared up after it. */
export interface Check {
  readonly name: string;
  readonly run: (arena: Arena) => Promise<void>;
  /** Undefined: for every variant. */
  readonly appliesTo?: (variant: Variant) => boolean;
}
