// A place for members to play in, which goes when the test does.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { KvCaller } from './kv-caller.ts';
import { Members } from './members.ts';

export interface Stage {
  readonly members: Members;
  readonly kv: KvCaller;
}

/** Members that are not started yet and a client of theirs; all of it ends with the test. */
export function stage(t: TestContext, count: number): Promise<Stage> {
  const root = mkdtempSync(join(tmpdir(), 'parley-drill-'));
  return stageAt(t, root, count, () => rmSync(root, { recursive: true }));
}

/** On the disk at `root`, which `clear` takes away when nobody uses it any more. */
export function stageAt(
  t: TestContext,
  root: string,
  count: number,
  clear: () => void,
): Promise<Stage> {
  const directories = Array.from({ length: count }, (_, i) => join(root, String(i + 1)));
  return stageIn(t, directories, clear);
}

/** A directory for each member. */
export async function stageIn(
  t: TestContext,
  directories: readonly string[],
  clear: () => void,
): Promise<Stage> {
  const members = await Members.at(directories, '--small');
  const kv = new KvCaller(members.addresses);
  t.after(async () => {
    kv.close();
    await members.killAll();
    clear();
  });
  return { members, kv };
}
