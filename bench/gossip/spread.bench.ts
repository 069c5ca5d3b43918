// `npm run bench -- spread`: how long many keys, set on one member of five, take to the others.
// Members are processes of their own on loopback, with the intervals that users have.
//
//   set      seconds in which the keys are set, over eight connections
//   spread   seconds from the first key set until every member has the last one
//   deaths   live members that another one took for dead meanwhile: there must be none
//   --program PATH   the command line of another build, to compare with

import { type ChildProcess, spawn } from 'node:child_process';
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readFlags } from '../../scripts/flags.ts';
import { must } from '../../src/base/assert.ts';
import { Prng } from '../../src/base/prng.ts';

const { values } = readFlags('npm run bench lists what each takes', {
  options: {
    keys: { type: 'string', default: '20000' },
    bytes: { type: 'string', default: '1024' },
    members: { type: 'string', default: '5' },
    program: {
      type: 'string',
      default: fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url)),
    },
  },
});
const CONNECTIONS = 8;
const GIVE_UP_MS = 240_000;
/** Of a run with 20,000 keys of 1 KiB. */
const SPREAD_MS_MAX = 15_000;

class Member {
  readonly #child: ChildProcess;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  #log = '';
  address = '';

  private constructor(flags: readonly string[]) {
    this.#child = spawn(process.execPath, [values.program, ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text;
    });
  }

  static async start(name: string, seeds: readonly string[]): Promise<Member> {
    const seed = seeds.flatMap((address) => ['--seed', address]);
    const member = new Member(['--node_id', name, '--listen_addr', '127.0.0.1:0', ...seed]);
    for (let waited = 0; member.address === ''; waited += 50) {
      if (waited > 15_000) throw new Error(`${name} does not start: ${member.#log}`);
      await sleep(50);
      member.address = member.#lines('member started')[0]?.listen ?? '';
    }
    return member;
  }

  #lines(event: string): { readonly listen?: string }[] {
    const lines = this.#log.split('\n').filter((line) => line.includes(`"${event}"`));
    return lines.map((line) => JSON.parse(line) as { readonly listen?: string });
  }

  get deaths(): number {
    return this.#lines('member died').length;
  }

  get(path: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const request = get(`http://${this.address}${path}`, { agent: this.#agent }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => {
          body += text;
        });
        response.on('end', () => resolve(body));
      });
      request.on('error', reject);
    });
  }

  async setAll(count: number, bytes: number): Promise<void> {
    const random = Prng.from(1, 'values');
    let next = 0;
    const one = async (): Promise<void> => {
      while (next < count) {
        const key = `key-${next++}`;
        const letters = Array.from({ length: bytes }, () => 97 + random.below(26));
        const answer = await this.get(
          `/set_kv?key=${key}&value=${String.fromCharCode(...letters)}`,
        );
        if (!answer.includes('true')) throw new Error(`set_kv answers ${answer}`);
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, one));
    await this.get('/set_kv?key=last&value=here');
  }

  async has(key: string): Promise<boolean> {
    const state = JSON.parse(await this.get(`/?key=${key}`)) as {
      readonly cluster_state: Readonly<Record<string, unknown>>;
    };
    return state.cluster_state[key] !== undefined;
  }

  end(): void {
    this.#agent.destroy();
    this.#child.kill('SIGKILL');
  }
}

async function startAll(count: number): Promise<Member[]> {
  const first = await Member.start('m1', []);
  const members = [first];
  for (let i = 2; i <= count; i++) members.push(await Member.start(`m${i}`, [first.address]));
  await sleep(8_000);
  return members;
}

async function measure(members: readonly Member[]): Promise<boolean> {
  const owner = must(members[1], 'there are members');
  const begunMs = performance.now();
  await owner.setAll(Number(values.keys), Number(values.bytes));
  const setMs = performance.now() - begunMs;
  for (const member of members) {
    while (!(await member.has('last'))) {
      if (performance.now() - begunMs > GIVE_UP_MS) throw new Error('the keys do not arrive');
      await sleep(250);
    }
  }
  const spreadMs = performance.now() - begunMs;
  await sleep(10_000);
  const deaths = members.reduce((sum, member) => sum + member.deaths, 0);
  console.log(`set      ${(setMs / 1_000).toFixed(1)} s`);
  console.log(`spread   ${(spreadMs / 1_000).toFixed(1)} s`);
  console.log(`deaths   ${deaths}`);
  return spreadMs <= SPREAD_MS_MAX && deaths === 0;
}

const members = await startAll(Number(values.members));
try {
  process.exitCode = (await measure(members)) ? 0 : 1;
} finally {
  for (const member of members) member.end();
}
