// The simulated capabilities keep the contracts of the real ones, in calm and in drifting worlds.

import { simulatedBench } from '../test/contracts/benches.ts';
import { clockContract } from '../test/contracts/clock.ts';
import { diskContract } from '../test/contracts/disk.ts';
import { datagramContract } from '../test/contracts/net-datagrams.ts';
import { streamContract } from '../test/contracts/net-streams.ts';
import { randomContract } from '../test/contracts/random.ts';
import { World } from './world.ts';

let seed = 0;

function loneMember() {
  seed += 1;
  const world = new World({ seed });
  const machine = world.machine('n1');
  return { world, machine, ...machine.capabilities };
}

clockContract('simulated clock', async () => {
  const { clock, world } = loneMember();
  return simulatedBench(clock, world);
});

clockContract('drifting clock', async () => {
  const { clock, machine, world } = loneMember();
  machine.drift(seed % 2 === 0 ? 1_234 : -987);
  return simulatedBench(clock, world);
});

randomContract('simulated random', async () => {
  const { random, world } = loneMember();
  return simulatedBench(random, world);
});

diskContract('simulated disk', async () => {
  const { disk, world } = loneMember();
  return simulatedBench(disk, world);
});

const makeNet = async () => {
  const { net, machine, world } = loneMember();
  const subject = {
    net,
    anyPort: machine.address(0),
    foreign: world.machine('n2').address(4_000),
    knownName: 'n2',
    unknownName: 'n3',
  };
  return simulatedBench(subject, world);
};

datagramContract('simulated datagrams', makeNet);
streamContract('simulated streams', makeNet);
