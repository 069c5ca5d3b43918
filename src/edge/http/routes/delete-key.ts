import { Type } from 'typebox';
import { DONE, route } from '../route.ts';
import { AnyKey, DoneAnswer } from '../schemas.ts';

export const deleteKeyRoute = route({
  path: '/mark_for_deletion',
  name: 'deleteKey',
  summary: 'Delete a key',
  description:
    'This member deletes the key from its own state. The value is gone at once, the fact that ' +
    'it was deleted is kept for a while so that everyone hears of it. A key that this member ' +
    'does not have is no error.',
  tag: 'keys',
  query: Type.Object({ key: Type.String(AnyKey) }),
  answer: DoneAnswer,
  changesState: true,
  run: ({ cluster }, { key }) => {
    cluster.delete(key);
    return DONE;
  },
});
