import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../../base/prng.ts';
import { NEVER } from './model.ts';
import type { VersionedAction, VersionedOperation } from './versioned.ts';
import { checkVersions } from './versions.ts';

const SMALL_HISTORIES = 60_000;
const VERSIONS = 4;

interface Register {
  readonly version: number;
  readonly value: string | number | null;
}

/** Tries every order and every version for the pending writes. */
function isLinearizable(
  rest: readonly VersionedOperation[],
  register: Register = { version: 0, value: null },
  written: readonly Register[] = [],
): boolean {
  if (rest.every(({ returnAt }) => returnAt === NEVER)) return true;
  return rest.some((first, i) => {
    if (rest.some((other) => other.returnAt < first.callAt)) return false;
    return afterAction(first.action, register, written).some((next) =>
      isLinearizable(rest.toSpliced(i, 1), next, next === register ? written : [...written, next]),
    );
  });
}

function afterAction(
  action: VersionedAction,
  register: Register,
  written: readonly Register[],
): Register[] {
  switch (action.kind) {
    case 'write':
      if (action.after !== undefined && action.after !== register.version) return [];
      return action.version > register.version ? [action] : [];
    case 'lost':
      return Array.from({ length: VERSIONS }, (_, i) => ({
        version: i + 1,
        value: action.value,
      })).filter(({ version }) => version > register.version);
    case 'read':
      return register.version === action.version && register.value === action.value
        ? [register]
        : [];
    case 'seen':
      return written.some(
        ({ version, value }) => version === action.version && value === action.value,
      )
        ? [register]
        : [];
    case 'unseen':
      return register.version < action.version ? [register] : [];
  }
}

function randomAction(random: Prng, pending: boolean): VersionedAction {
  const version = 1 + random.below(VERSIONS);
  // Mostly one value for one version, so that histories are not all nonsense.
  const value = random.below(6) === 0 ? random.below(2) : version % 2;
  const choice = random.below(6);
  if (choice === 0) return { kind: 'unseen', version };
  if (choice === 1) return { kind: 'seen', version, value };
  if (choice === 2 && random.below(4) === 0) {
    return { kind: 'read', version: 0, value: random.below(4) === 0 ? 1 : null };
  }
  if (choice <= 3) return { kind: 'read', version, value };
  if (pending) return { kind: 'lost', value };
  const write = { kind: 'write', value, version } as const;
  return random.below(3) > 0 ? write : { ...write, after: random.below(version) };
}

function randomHistory(random: Prng): VersionedOperation[] {
  const pendingChance = 2 + random.below(4);
  return Array.from({ length: 1 + random.below(6) }, (_, process) => {
    const callAt = random.below(8);
    const isPending = random.below(pendingChance) === 0;
    const returnAt = isPending ? NEVER : callAt + random.below(8);
    return { process, key: '', action: randomAction(random, isPending), callAt, returnAt };
  });
}

test('[V1] [V2] [V3] [V4] [V5] the rules agree with trying every order', () => {
  const random = Prng.from(1, 'versions');
  const found = new Map<string, number>();
  for (let round = 0; round < SMALL_HISTORIES; round++) {
    const history = randomHistory(random);
    const verdict = checkVersions(history);
    const shown = history.map((operation) => JSON.stringify(operation)).join('\n');
    assert.equal(verdict.kind === 'linearizable', isLinearizable(history), shown);
    const name = verdict.kind === 'linearizable' ? verdict.kind : verdict.rule;
    found.set(name, (found.get(name) ?? 0) + 1);
  }
  for (const name of ['linearizable', 'V1', 'V2', 'V3', 'V4', 'V5']) {
    const share = (found.get(name) ?? 0) / SMALL_HISTORIES;
    assert(share > 0.005, `${name} occurs: ${share}`);
  }
});
