// Who replicates puts in the bench of replicas: our members, the toy, and a server on the Rust
// crate openraft. Each is started anew for a round, loaded with many puts in flight, then with one.

import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { must } from '../../src/base/assert.ts';
import { LineProcess, type LineProcessOptions } from '../../test/drills/line-process.ts';
import { freePorts, Members } from '../../test/drills/members.ts';
import { formatPeers } from './cluster.ts';
import type { LoadResult } from './latencies.ts';
import { measureBy, measureLoad } from './runs.ts';

const MANY = ['--connections', '4', '--inflight', '256'];
const ONE = ['--connections', '1', '--inflight', '1'];
const TOY = fileURLToPath(new URL('toy.ts', import.meta.url));
const OPENRAFT = fileURLToPath(
  new URL('../../interop/openraft/target/release/openraft-peer', import.meta.url),
);

/** Why it cannot take part, for people; undefined when it can. */
export function whyAbsent(name: string): string | undefined {
  if (!Object.hasOwn(CONTENDERS, name)) {
    return `there is no ${name} to measure, but ${Object.keys(CONTENDERS).join(', ')}`;
  }
  if (name !== 'openraft' || existsSync(OPENRAFT)) return undefined;
  return 'the server on openraft is not built: run `cargo build --release` in interop/openraft';
}

export type ContenderName = 'members' | 'toy' | 'openraft';

export interface Round {
  readonly many: LoadResult;
  readonly lone: LoadResult;
}

export interface RoundOptions {
  readonly directory: string;
  readonly seconds: number;
  readonly store: string;
  /** Flags of Node for our members. */
  readonly nodeFlags: readonly string[];
}

type Measure = (load: readonly string[]) => Promise<LoadResult>;

export const CONTENDERS: Readonly<Record<ContenderName, (o: RoundOptions) => Promise<Round>>> = {
  members: runMembers,
  toy: runToy,
  openraft: runOpenraft,
};

async function measureRound(seconds: number, measure: Measure): Promise<Round> {
  const many = await measure([...MANY, '--seconds', String(seconds), '--warmup', '3']);
  const lone = await measure([...ONE, '--seconds', '2', '--warmup', '1']);
  return { many, lone };
}

async function runMembers(options: RoundOptions): Promise<Round> {
  const { directory, nodeFlags } = options;
  const directories = [1, 2, 3].map((member) => join(directory, String(member)));
  const members = await Members.at(directories, '--store', options.store);
  try {
    const problems = await members.startAll(undefined, { nodeFlags });
    if (problems.length > 0) throw new Error(problems.join('\n'));
    const peers = formatPeers(members.addresses);
    const servers = members.ids.map((member) => members.pid(member)).join(',');
    return await measureRound(options.seconds, (load) =>
      measureLoad(peers, [...load, '--servers', servers]),
    );
  } finally {
    await members.killAll();
    await rm(directory, { recursive: true, force: true });
  }
}

async function runToy({ directory, seconds }: RoundOptions): Promise<Round> {
  const ports = await freePorts(3);
  const [leader, ...followers] = ports;
  const flags = (port: number): string[] => [
    '--port',
    String(port),
    '--file',
    `${directory}${port}`,
  ];
  const leads = [...flags(must(leader, 'three')), '--followers', followers.join(',')];
  const all = [...followers.map((port) => flags(port)), leads];
  return withServers(TOY, all, {}, (servers) =>
    measureRound(seconds, (load) => measureRecords(leader, servers, load)),
  );
}

async function runOpenraft({ directory, seconds }: RoundOptions): Promise<Round> {
  const ports = await freePorts(3);
  const addresses = ports.map((port) => `127.0.0.1:${port}`);
  const flags = (number: number): string[] => [
    String(number),
    `${directory}${number}`,
    ...addresses,
  ];
  // The first one founds the group, so the others listen by then.
  const all = [2, 3, 1].map(flags);
  return withServers(OPENRAFT, all, { isNative: true }, (servers) =>
    measureRound(seconds, (load) => measureRecords(ports[0], servers, [...load, '--first', 'C'])),
  );
}

function measureRecords(
  port: number | undefined,
  servers: string,
  load: readonly string[],
): Promise<LoadResult> {
  return measureBy(TOY, ['--load', String(port), ...load, '--servers', servers]);
}

async function withServers(
  program: string,
  all: readonly (readonly string[])[],
  options: LineProcessOptions,
  use: (servers: string) => Promise<Round>,
): Promise<Round> {
  const processes: LineProcess[] = [];
  try {
    for (const flags of all) {
      const process = new LineProcess(program, flags, options);
      processes.push(process);
      const line = await process.line(() => true);
      if (line === undefined) throw new Error(`${program} ended: ${process.stderr}`);
    }
    return await use(processes.map(({ pid }) => pid).join(','));
  } finally {
    await Promise.all(processes.map((process) => process.kill()));
  }
}
