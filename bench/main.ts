// `npm run bench`: measurements, by name.
//
//   npm run bench                              lists them
//   npm run bench -- gossip --members 1000     runs one; what follows the name goes to it
//
// Each is a program of its own, which fails by its exit code when it misses a figure it must meet.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BENCHES: Record<string, { readonly file: string; readonly about: string }> = {
  gossip: {
    file: 'bench/gossip.bench.ts',
    about:
      'rounds, bytes and CPU until hundreds of members agree [--members N] [--loss R] [--hour]',
  },
  'gossip-core': {
    file: 'src/core/gossip/gossip.bench.ts',
    about: 'nanoseconds per digest entry [--nodes N] [--rounds N] [--version 0|1]',
  },
  'raft-codec': {
    file: 'src/replica/codec/raft-codec.bench.ts',
    about: 'nanoseconds per entry and per heartbeat, written and read',
  },
  replicas: {
    file: 'bench/engine/replicas.bench.ts',
    about:
      'writes per second that three members commit, next to others [--with toy,openraft] ' +
      '[--seconds N] [--rounds N]',
  },
  failover: {
    file: 'bench/engine/failover.bench.ts',
    about: 'time from a killed leader to the next acknowledged write [--kills N]',
  },
  idle: {
    file: 'bench/engine/idle.bench.ts',
    about: 'processor that a thousand idle shards take [--shards N] [--seconds N]',
  },
  sleepers: {
    file: 'bench/engine/sleepers.bench.ts',
    about: 'thousands of hibernating shards that lose a third of their leaders [--shards N]',
  },
  simulator: {
    file: 'bench/simulator.bench.ts',
    about: 'events per second of the simulated world',
  },
  spread: {
    file: 'bench/gossip/spread.bench.ts',
    about: 'seconds until 20,000 keys of one member reach four others [--keys N] [--bytes N]',
  },
  state: {
    file: 'bench/http/state.bench.ts',
    about: 'what 20,000 keys cost a member that is asked for all of them [--keys N] [--bytes N]',
  },
  store: {
    file: 'bench/store.bench.ts',
    about: 'puts until durable with their CPU, gets and ranges, of both stores [--puts N]',
  },
  transport: {
    file: 'bench/transport.bench.ts',
    about: 'frames, bytes and CPU time between two processes over loopback [--seconds N]',
  },
  wal: {
    file: 'bench/wal.bench.ts',
    about: 'batches per second next to a bare write+fdatasync, and reading the log back',
  },
};

const [name, ...flags] = process.argv.slice(2);
const chosen = name === undefined ? undefined : BENCHES[name];
const asksForHelp = (word: string | undefined): boolean => word === '--help' || word === '-h';
const asksForList = name === undefined || asksForHelp(name);
if (chosen !== undefined && flags.some(asksForHelp)) {
  console.log(`${name}: ${chosen.about}`);
} else if (chosen === undefined && !asksForList) {
  console.error(`there is no bench ${name}; npm run bench lists them`);
  process.exitCode = 2;
} else if (chosen === undefined) {
  for (const [known, { about }] of Object.entries(BENCHES)) {
    console.log(`${known.padEnd(12)} ${about}`);
  }
} else {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const { status } = spawnSync(process.execPath, [chosen.file, ...flags], {
    cwd: root,
    stdio: 'inherit',
  });
  process.exitCode = status ?? 1;
}
