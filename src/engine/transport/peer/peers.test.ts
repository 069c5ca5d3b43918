import { World } from '../../../../sim/index.ts';
import { realBench, simulatedBench } from '../../../../test/contracts/benches.ts';
import { peersContract } from '../../../../test/contracts/peers.ts';
import { silentLog } from '../../../../test/support/silent-log.ts';
import type { SocketAddress } from '../../../base/ids.ts';
import { Prng } from '../../../base/prng.ts';
import { SystemClock } from '../../clock/index.ts';
import { systemNet } from '../net.ts';

peersContract('loopback', async () => {
  const clock = new SystemClock();
  const capabilities = { clock, net: systemNet, random: Prng.from(1, 'peers'), log: silentLog };
  const anyPort = '127.0.0.1:0' as SocketAddress;
  return realBench({ machine: () => ({ capabilities, anyPort }) });
});

let seed = 0;

function simulated(prepare: (world: World) => void) {
  return async () => {
    seed += 1;
    const world = new World({ seed });
    prepare(world);
    const machine = (number: number) => {
      const member = world.machine(`n${number}`);
      return {
        capabilities: { ...member.capabilities, log: silentLog },
        anyPort: member.address(0),
      };
    };
    return simulatedBench({ machine }, world);
  };
}

peersContract(
  'simulated network',
  simulated(() => {}),
);

peersContract(
  'slow network',
  simulated((world) => {
    world.network.links.all({ lossRate: 0.01, delayMsMin: 1, delayMsMean: 2 });
  }),
);
