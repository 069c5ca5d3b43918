// A connection without a stream: writes down what is sent over it.

import { World } from '../../../../sim/index.ts';
import type { Clock } from '../../../base/capabilities.ts';
import { FRAME } from './frame.ts';
import { TurnEnd } from './turn-end.ts';
import { Wire } from './wire.ts';

const NAMES = new Map<number, string>(Object.entries(FRAME).map(([name, type]) => [type, name]));

export class NotingWire extends Wire {
  /** The name of each frame, its id, and what is in it. */
  readonly sent: string[] = [];

  override send(
    _lane: string,
    type: number,
    _kind: number,
    id: number,
    body: Uint8Array,
    prefix = -1,
  ): 'queued' {
    const words = [NAMES.get(type), id];
    if (prefix >= 0) words.push(prefix);
    if (body.length > 0) words.push(Buffer.from(body).toString());
    this.sent.push(words.join(' '));
    return 'queued';
  }
}

export interface WireStage {
  readonly world: World;
  readonly clock: Clock;
  readonly turnEnd: TurnEnd;
  readonly makeWire: () => NotingWire;
}

/** Time and turns for wires that nobody listens to. */
export function wireStage(): WireStage {
  const world = new World({ seed: 1 });
  const { clock } = world.machine('n1').capabilities;
  const turnEnd = new TurnEnd(clock);
  const owner = {
    onGreeting: () => {},
    onWireFrame: () => true,
    onGone: () => {},
    onBulkRoom: () => {},
  };
  const parts = { clock, turnEnd, ordinaryBytesMax: 1_000 };
  return { world, clock, turnEnd, makeWire: () => new NotingWire(parts, owner) };
}
