// A machine with files: a row of records in segments that are sealed when they are full.
//
//   add TEXT   trim NUMBER (segments below it go)          read FROM COUNT   a question
//
//   r POSITION -> segment offset length     s -> segment in use     n -> next position

import {
  answered,
  type FileExtent,
  type FileMachine,
  type FileState,
  type MachineCommand,
  type MachineQuestion,
  type MachineView,
  PLAIN_EDITIONS,
  type QueryAnswer,
} from '../../src/core/machine.ts';

const SEGMENT_BYTES = 24;
const DIGITS = 9;
const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();
const bytes = (of: string | number): Uint8Array => Uint8Array.from(Buffer.from(String(of)));
const recordKey = (position: number): Uint8Array => {
  return bytes(`r${String(position).padStart(DIGITS, '0')}`);
};

export const segmentMachine: FileMachine = {
  kind: 'segments',
  editions: PLAIN_EDITIONS,
  keepsFiles: true,

  apply({ body }: MachineCommand, state: FileState): Uint8Array {
    const [verb = '', word = ''] = text(body).split(' ');
    if (verb === 'add' && word !== '') return add(bytes(word), state);
    if (verb === 'trim' && /^\d{1,6}$/.test(word)) return trim(Number(word), state);
    return bytes('malformed');
  },

  query({ body }: MachineQuestion, view: MachineView): QueryAnswer {
    const [verb, from = '', count = ''] = text(body).split(' ');
    if (verb !== 'read') return answered(bytes('malformed'));
    const extents: FileExtent[] = [];
    const [low, high] = [recordKey(Number(from)), recordKey(Number(from) + Number(count))];
    for (const { value } of view.range(low, high)) {
      const [file = 0, offset = 0, length = 0] = text(value).split(' ').map(Number);
      extents.push({ file, offset, length });
    }
    return { kind: 'extents', head: bytes(`${extents.length}:`), extents };
  },
};

function add(record: Uint8Array, state: FileState): Uint8Array {
  let segment = Number(text(state.get(bytes('s'))) || 1);
  const position = Number(text(state.get(bytes('n'))) || 0);
  if ((state.file(segment)?.length ?? 0) >= SEGMENT_BYTES) {
    state.seal(segment);
    segment += 1;
    state.put(bytes('s'), bytes(segment));
  }
  const offset = state.append(segment, record);
  state.put(recordKey(position), bytes(`${segment} ${offset} ${record.length}`));
  state.put(bytes('n'), bytes(position + 1));
  state.emit(bytes('n'), bytes(position));
  return bytes(position);
}

function trim(below: number, state: FileState): Uint8Array {
  const inUse = Number(text(state.get(bytes('s'))) || 1);
  const gone = Math.min(below, inUse);
  for (const { key, value } of Array.from(state.range(bytes('r'), bytes('s')))) {
    if (Number(text(value).split(' ')[0]) < gone) state.delete(key);
  }
  let count = 0;
  for (let segment = 1; segment < gone; segment++) {
    if (state.file(segment) === undefined) continue;
    state.removeFile(segment);
    count += 1;
  }
  return bytes(count);
}
