// The flags of a member, one table: name, meaning, default and check. Each can also be given in
// the environment as PARLEY_<NAME>; a flag wins over the environment, that over the default.

import { Option } from 'commander';
import { parseSocketAddress, splitHostPort } from '../../base/address.ts';
import { textByteLength } from '../../base/bytes.ts';
import type { LogLevel } from '../../base/capabilities.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import { CLASSIC, describeSeed, parseSeed, type Seed } from '../../cluster/index.ts';
import type { MemberSettings } from '../../member/index.ts';

/** What a check answers: the value, or what is wrong in words that end a sentence. */
type Checked<Value> = { readonly value: Value } | { readonly wrong: string };

interface Flag {
  /** As users of the classic program know it; with dashes for underscores it is the same flag. */
  readonly name: string;
  readonly value: string;
  readonly help: string;
  readonly environment?: string;
  /** As a user would type it. */
  readonly fallback?: string;
  readonly repeatable?: boolean;
  readonly check: (text: string) => Checked<unknown>;
}

const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
const DAY_MS = 86_400_000;

const FLAGS: readonly Flag[] = [
  {
    name: 'listen_addr',
    value: '<ip:port>',
    help: 'address for gossip (UDP) and HTTP (TCP); port 0 takes a free one',
    fallback: CLASSIC.listen,
    check: checkAddress,
  },
  {
    name: 'public_addr',
    value: '<ip:port>',
    help: 'address that peers are told, if not the one listened on',
    check: checkAddress,
  },
  {
    name: 'node_id',
    value: '<name>',
    help: 'name of this member (default: "server:<public_addr>-<two words>")',
    check: (text) => checkName(text, LIMITS.gossip.nodeIdBytesMax),
  },
  {
    name: 'seed',
    value: '<host:port>',
    help: 'a member to begin with; repeat for more',
    repeatable: true,
    check: checkSeed,
  },
  {
    name: 'interval_ms',
    value: '<ms>',
    help: 'time between gossip rounds',
    fallback: String(CLASSIC.intervalMs),
    check: (text) => checkInteger(text, 10, 60_000),
  },
  {
    name: 'cluster_id',
    value: '<name>',
    help: 'members of other clusters are not talked to',
    fallback: CLASSIC.clusterId,
    check: (text) => checkName(text, LIMITS.gossip.clusterIdBytesMax),
  },
  {
    name: 'dead_grace_ms',
    value: '<ms>',
    help: 'how long a dead member is remembered',
    fallback: String(CLASSIC.deadGraceMs),
    check: (text) => checkInteger(text, 100, 30 * DAY_MS),
  },
  {
    name: 'key_grace_ms',
    value: '<ms>',
    help: 'how long a deleted key is remembered',
    fallback: String(CLASSIC.keyGraceMs),
    check: (text) => checkInteger(text, 100, 30 * DAY_MS),
  },
  {
    name: 'phi_threshold',
    value: '<number>',
    help: 'suspicion at which a member counts as dead; higher is slower and surer',
    fallback: String(CLASSIC.detector.phiThreshold),
    check: checkThreshold,
  },
  {
    name: 'initial_interval_ms',
    value: '<ms>',
    help: 'heartbeat interval assumed of a new member; lower finds early deaths sooner',
    fallback: String(CLASSIC.detector.initialIntervalMs),
    check: (text) => checkInteger(text, 1, 600_000),
  },
  {
    name: 'max_interval_ms',
    value: '<ms>',
    help: 'longer silences are outages and do not count as intervals',
    fallback: String(CLASSIC.detector.maxIntervalMs),
    check: (text) => checkInteger(text, 1, 600_000),
  },
  {
    name: 'sampling_window',
    value: '<count>',
    help: 'heartbeat intervals that the detector averages',
    fallback: String(CLASSIC.detector.samplingWindow),
    check: (text) => checkInteger(text, 1, 10_000),
  },
  {
    name: 'protocol_version',
    value: '<0|1>',
    help: 'version of the messages this member starts; it answers in either',
    fallback: String(CLASSIC.protocolVersion),
    check: (text) => checkInteger(text, 0, 1),
  },
  {
    name: 'log_level',
    value: '<level>',
    help: `one of ${LOG_LEVELS.join(', ')}`,
    environment: 'PARLEY_LOG',
    fallback: 'info',
    check: checkLogLevel,
  },
];

/** `fail` turns what is wrong into the parser's own kind of error. */
export function memberOptions(fail: (wrong: string) => Error): Option[] {
  return FLAGS.map((flag) => {
    const parse = (text: string): unknown => {
      const checked = flag.check(text.trim());
      if ('wrong' in checked) throw fail(checked.wrong);
      return checked.value;
    };
    const option = new Option(`--${flag.name} ${flag.value}`, flag.help);
    option.env(environmentOf(flag));
    if (flag.fallback !== undefined) option.default(parse(flag.fallback), flag.fallback);
    if (flag.repeatable === true) {
      // In the environment, and for those who prefer it, one text holds several: `a:1,b:2`.
      option.argParser((text: string, before: readonly unknown[] | undefined) => [
        ...(before ?? []),
        ...text.split(',').map(parse),
      ]);
    } else option.argParser(parse);
    return option;
  });
}

function environmentOf(flag: Flag): string {
  return flag.environment ?? `PARLEY_${flag.name.toUpperCase()}`;
}

/** A variable that is set to nothing counts as not set: compose files have many of those. */
export function dropEmptyVariables(environment: NodeJS.ProcessEnv): void {
  for (const name of FLAGS.map(environmentOf)) {
    if (environment[name]?.trim() === '') delete environment[name];
  }
}

/** What commander hands out: every value has passed its check. */
export interface FlagValues {
  readonly listen_addr: SocketAddress;
  readonly public_addr?: SocketAddress;
  readonly node_id?: string;
  readonly seed?: readonly Seed[];
  readonly interval_ms: number;
  readonly cluster_id: string;
  readonly dead_grace_ms: number;
  readonly key_grace_ms: number;
  readonly phi_threshold: number;
  readonly initial_interval_ms: number;
  readonly max_interval_ms: number;
  readonly sampling_window: number;
  readonly protocol_version: 0 | 1;
  readonly log_level: LogLevel;
}

export function settingsOf(flags: FlagValues): MemberSettings {
  return {
    cluster: { name: flags.cluster_id },
    listen: flags.listen_addr,
    gossip: {
      nodeId: flags.node_id,
      advertised: flags.public_addr,
      seeds: flags.seed ?? [],
      intervalMs: flags.interval_ms,
      protocolVersion: flags.protocol_version,
      deadGraceMs: flags.dead_grace_ms,
      keyGraceMs: flags.key_grace_ms,
      detector: {
        phiThreshold: flags.phi_threshold,
        samplingWindow: flags.sampling_window,
        maxIntervalMs: flags.max_interval_ms,
        initialIntervalMs: flags.initial_interval_ms,
      },
    },
  };
}

/** `--listen-addr` and `--listen_addr` are one flag. */
export function unifySpelling(args: readonly string[]): string[] {
  const end = args.indexOf('--');
  return args.map((arg, i) => {
    if (!arg.startsWith('--') || arg === '--' || (end >= 0 && i > end)) return arg;
    const equals = arg.indexOf('=');
    const name = equals < 0 ? arg : arg.slice(0, equals);
    return `--${name.slice(2).replaceAll('-', '_')}${equals < 0 ? '' : arg.slice(equals)}`;
  });
}

// --- checks -------------------------------------------------------------------------------------

function checkAddress(text: string): Checked<SocketAddress> {
  const address = parseSocketAddress(text);
  if (address !== undefined) return { value: address };
  const split = splitHostPort(text);
  if (split === undefined) {
    return { wrong: 'It needs an IP address and a port, like 127.0.0.1:10001 or [::1]:10001.' };
  }
  const example = split.host === 'localhost' ? '127.0.0.1' : '192.0.2.7';
  return { wrong: `It needs an IP address, not a name: for example ${example}:${split.port}.` };
}

function checkSeed(text: string): Checked<Seed> {
  const seed = parseSeed(text);
  if (seed === undefined) {
    return { wrong: 'It needs a host and a port, like 127.0.0.1:10001 or n1.example.org:10001.' };
  }
  const host = splitHostPort(describeSeed(seed))?.host;
  if (host === '0.0.0.0' || host === '::') {
    return { wrong: 'That address means "every address of a machine" and cannot be called.' };
  }
  return { value: seed };
}

function checkName(text: string, bytesMax: number): Checked<string> {
  if (text === '') return { wrong: 'It is empty.' };
  if (!text.isWellFormed() || textByteLength(text) > bytesMax) {
    return { wrong: `It may have at most ${bytesMax} bytes.` };
  }
  return { value: text };
}

function checkInteger(text: string, least: number, most: number): Checked<number> {
  const value = Number(text);
  const whole = /^[0-9]{1,15}$/.test(text);
  if (whole && value >= least && value <= most) return { value };
  return { wrong: `It needs a whole number from ${least} to ${most}.` };
}

function checkThreshold(text: string): Checked<number> {
  const value = Number(text);
  if (text !== '' && value >= 0.1 && value <= 1_000) return { value };
  return { wrong: 'It needs a number from 0.1 to 1000; 8 is usual.' };
}

function checkLogLevel(text: string): Checked<LogLevel> {
  const level = LOG_LEVELS.find((known) => known === text.toLowerCase());
  return level === undefined
    ? { wrong: `It is one of ${LOG_LEVELS.join(', ')}.` }
    : { value: level };
}
