import { DONE, route } from '../route.ts';
import { DoneAnswer, GossipKey, GossipValue } from '../schemas.ts';
import { Type } from '../type.ts';

export const setKeyRoute = route({
  path: '/set_kv',
  name: 'setKey',
  summary: 'Set a key',
  description:
    'This member sets the key in its own state; the others know it about a second later. ' +
    'Answers once it is set here.',
  tag: 'keys',
  query: Type.Object({ key: Type.String(GossipKey), value: Type.String(GossipValue) }),
  answer: DoneAnswer,
  changesState: true,
  run: ({ cluster }, { key, value }) => {
    cluster.set(key, value);
    return DONE;
  },
});
