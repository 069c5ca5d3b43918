import { DONE, route } from '../route.ts';
import { DoneAnswer, GossipKey } from '../schemas.ts';
import { Type } from '../type.ts';

export const deleteKeyRoute = route({
  path: '/mark_for_deletion',
  name: 'deleteKey',
  summary: 'Delete a key',
  description:
    'Deletes the key for all members, whoever set it: here at once, on the others about a second ' +
    'later. That it was deleted is kept for a while, so that everyone hears of it. A key that ' +
    'nobody has is no error.',
  tag: 'keys',
  query: Type.Object({ key: Type.String(GossipKey) }),
  answer: DoneAnswer,
  changesState: true,
  run: ({ cluster }, { key }) => {
    cluster.delete(key);
    return DONE;
  },
});
