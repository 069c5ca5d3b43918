// Histories with a known verdict: clients call an object that takes each request at one instant
// between its call and its return, so what they see is linearizable by construction.

import type { Random } from '../../src/base/capabilities.ts';
import { HistoryRecorder } from '../../src/core/checker/history.ts';
import type { Model, Operation, StateValue } from '../../src/core/checker/model.ts';

/** How clients use an object of a model. */
export interface Workload<Action, State extends StateValue> {
  readonly model: Model<Action, State>;
  /** A request, in the form that says what it would do; `serial` is another number each time. */
  ask(random: Random, serial: number): Action;
  /** The same with the answer that the object gives in `state`. */
  answer(state: State, asked: Action): Action;
}

export interface Crowd {
  readonly clients: number;
  readonly operations: number;
  readonly keys: number;
  /** Chance that a request's outcome never becomes known. */
  readonly lossChance: number;
}

interface Request<Action> {
  readonly process: number;
  readonly key: string;
  readonly asked: Action;
  answered?: Action;
}

export function simulateHistory<Action, State extends StateValue>(
  workload: Workload<Action, State>,
  crowd: Crowd,
  random: Random,
): Operation<Action>[] {
  const recorder = new HistoryRecorder<Action>();
  const states = new Map<string, State>();
  const clients: (Request<Action> | undefined)[] = Array.from({ length: crowd.clients });
  const lost: Request<Action>[] = [];
  const takeEffect = (request: Request<Action>): void => {
    const state = states.get(request.key) ?? workload.model.init();
    request.answered = workload.answer(state, request.asked);
    states.set(request.key, workload.model.step(state, request.answered) as State);
  };
  for (let serial = 0; serial < crowd.operations; ) {
    const process = random.below(crowd.clients);
    const request = clients[process];
    if (lost.length > 0 && random.below(8) === 0) takeEffect(lost.pop() as Request<Action>);
    if (request === undefined) {
      const key = `k${random.below(crowd.keys)}`;
      const asked = workload.ask(random, serial);
      serial += 1;
      recorder.begin(process, key, asked);
      clients[process] = { process, key, asked };
    } else if (random.unit() < crowd.lossChance) {
      recorder.abandon(process);
      // Half of the lost requests wander on and may take effect much later.
      if (request.answered === undefined && random.below(2) === 0) lost.push(request);
      clients[process] = undefined;
    } else if (request.answered === undefined) takeEffect(request);
    else {
      recorder.complete(process, request.answered);
      clients[process] = undefined;
    }
  }
  return recorder.operations();
}
