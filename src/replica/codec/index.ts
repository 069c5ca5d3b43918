// The public face of the codec.

export { readEntries, writeEntries } from './entries.ts';
export { decodeMessage, encodeMessage, readRaftFrame } from './frame.ts';
export { FRAME_KIND, REQUEST_KIND, STREAM_KIND } from './kinds.ts';
export { Outbox } from './outbox.ts';
export { PackedReader, PackedWriter } from './packed-bytes.ts';
