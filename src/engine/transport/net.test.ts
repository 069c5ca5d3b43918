import { realBench } from '../../../test/contracts/benches.ts';
import { datagramContract } from '../../../test/contracts/net-datagrams.ts';
import { streamContract } from '../../../test/contracts/net-streams.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { systemNet } from './net.ts';

const make = async () =>
  realBench({
    net: systemNet,
    anyPort: '127.0.0.1:0' as SocketAddress,
    // TEST-NET-1: no machine has it.
    foreign: '192.0.2.1:4000' as SocketAddress,
    knownName: 'localhost',
    unknownName: 'no-such-host.invalid',
  });

datagramContract('system datagrams', make);
streamContract('system streams', make);
