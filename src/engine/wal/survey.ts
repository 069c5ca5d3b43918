// Which segments there are: reads their headers, and sorts out what was prepared and never used.

import { parseSegmentHeader, SEGMENT_HEADER_BYTES, type SegmentHeader } from './format.ts';
import { RESTORE, Refusal } from './refusal.ts';
import { BatchScanner } from './scan.ts';
import type { SegmentFiles } from './segment-files.ts';

export interface Found {
  readonly number: number;
  readonly header: SegmentHeader;
}

export interface Survey {
  readonly used: readonly Found[];
  /** A segment prepared and not begun. */
  readonly prepared: number | undefined;
}

export async function survey(files: SegmentFiles, segmentBytes: number): Promise<Survey> {
  const numbers = await files.list();
  const used: Found[] = [];
  for (const number of numbers) {
    const last = used.at(-1);
    const header = await headerOf(files, number, last?.header.salt);
    // The one that is prepared is always the next one: it tells of a missing one as well.
    const isFirst = last === undefined && header !== undefined;
    if (!isFirst) mustFollow(files, number, last?.number ?? 0);
    const path = files.path(number);
    if (header === undefined) {
      if (number === numbers.at(-1)) {
        return { used, prepared: await maybeReuse(files, number, segmentBytes) };
      }
      const message = `${path} has no header though segments follow. ${RESTORE}`;
      throw new Refusal('corrupt', path, 0, message);
    }
    if (header.number !== number || !isSameLog(header, last?.header ?? header)) {
      const message = `${path} belongs to another log. Files were copied or mixed up. ${RESTORE}`;
      throw new Refusal('corrupt', path, 0, message);
    }
    used.push({ number, header });
  }
  return { used, prepared: undefined };
}

/** [W3] Segments are numbered without gaps, from 1 on for as long as none was used. */
function mustFollow(files: SegmentFiles, number: number, last: number): void {
  if (number === last + 1) return;
  const missing = files.path(last + 1);
  const message = `${missing} is not there. Someone removed it, or the disk did. ${RESTORE}`;
  throw new Refusal('missingSegment', missing, 0, message);
}

/** Undefined when the segment was never used. `salt` is that of the log, if it is known. */
async function headerOf(
  files: SegmentFiles,
  number: number,
  salt: number | undefined,
): Promise<SegmentHeader | undefined> {
  const path = files.path(number);
  const file = await files.file(number);
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const count = await file.read(0, bytes);
  const parsed = parseSegmentHeader(bytes.subarray(0, count));
  if (parsed.kind === 'header') return parsed.header;
  if (parsed.kind === 'version') {
    const what = `${path} has format version ${parsed.version}, written by a newer Parley`;
    const message = `${what}. Start that one.`;
    throw new Refusal('version', path, 8, message);
  }
  // [W3] The header is durable before the first batch is written: a batch proves damage.
  const all = await files.readAll(number);
  const mayHoldBatches =
    salt === undefined
      ? all.subarray(SEGMENT_HEADER_BYTES).some((byte) => byte !== 0)
      : new BatchScanner(all, salt).hasLaterBatch(0, 0);
  if (mayHoldBatches) {
    const message = `The header of ${path} is damaged, batches behind it are not to be trusted.`;
    throw new Refusal('corrupt', path, 0, `${message} ${RESTORE}`);
  }
  return undefined;
}

/** A blank segment of the size in force is used next; any other goes. */
async function maybeReuse(
  files: SegmentFiles,
  number: number,
  segmentBytes: number,
): Promise<number | undefined> {
  const bytes = await files.readAll(number);
  // The header may be half written: it is written again before the segment is used.
  const isBlank = new BatchScanner(bytes, 0).isBlankFrom(SEGMENT_HEADER_BYTES);
  if (isBlank && bytes.length === segmentBytes) return number;
  await files.removeUnused(number);
  return undefined;
}

function isSameLog(a: SegmentHeader, b: SegmentHeader): boolean {
  return a.incarnation === b.incarnation && a.salt === b.salt;
}
