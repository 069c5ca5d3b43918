// The smallest keeper of files and a machine of segments keep the contract between them.

import assert from 'node:assert/strict';
import { firstEdition } from '../../src/core/machine.ts';
import { FileKeeper } from '../support/file-keeper.ts';
import { segmentMachine } from '../support/segment-machine.ts';
import { fileMachineContract } from './machine-files.ts';

const utf8 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));

fileMachineContract('segments', {
  machine: segmentMachine,
  all: utf8('read 0 1000'),
  command: (random, place) => {
    if (random.below(6) === 0) return utf8(`trim ${random.below(4)}`);
    return utf8(`add ${place}${'x'.repeat(random.below(14))}`);
  },
  open: async (disk) => {
    const keeper = await FileKeeper.open(disk, segmentMachine);
    const moment = { timeMs: 0, edition: firstEdition(segmentMachine), cursor: undefined };
    const budget = { stepsMax: 1_000, bytesMax: 1_000 };
    return {
      get applied() {
        return keeper.applied;
      },
      get durable() {
        return keeper.durable;
      },
      apply: (commands) => keeper.apply(commands),
      flush: () => keeper.flush(),
      sizes: async () => {
        const names = await disk.list('files');
        const sizes = names.map(async (name) => {
          const file = await disk.open(`files/${name}`, 'read');
          const size = await file.size();
          return { size, length: keeper.files.get(Number(name.slice(1)))?.length };
        });
        return Promise.all(sizes);
      },
      ask: (body) => {
        const index = keeper.applied;
        const answer = keeper.query({ ...moment, index, budget, mayWait: false, body });
        assert.ok(answer.kind === 'extents');
        return keeper.hold(answer);
      },
      snapshot: () => keeper.snapshot(),
      restore: (snapshot) => keeper.restore(snapshot),
    };
  },
});
