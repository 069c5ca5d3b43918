// What changes a shard, and what comes of it.
//
//   command  =  1 operation
//            |  2 revision(u64)                compacts
//            |  3 lease(u64) ttl(u64)          grants
//            |  4 lease(u64)                   revokes
//            |  5 lease(u64)                   keeps alive
//   result   =  0 revision(u64) result
//            |  1 revision(u64) ttl(u64)       carried out
//            |  2 revision(u64) error(u8)      refused
//
// operation-codec.ts draws operations and their results.

import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { readOperation, readResult, writeOperation, writeResult } from './operation-codec.ts';
import { KEYSPACE_ERRORS, type KeyspaceCommand, type KeyspaceResult } from './types.ts';

const KINDS = ['none', 'operate', 'compact', 'grant', 'revoke', 'keepAlive'] as const;
const [DONE, CARRIED_OUT, REFUSED] = [0, 1, 2];
/** What a command or a result may come to: frames bound them before. */
const BYTES_MAX = 64 * 1024 * 1024;
const writer = new ByteWriter(BYTES_MAX, 1_024);

export function encodeKeyspaceCommand(command: KeyspaceCommand): Uint8Array {
  writer.reset();
  writer.u8(KINDS.indexOf(command.kind));
  switch (command.kind) {
    case 'operate':
      writeOperation(writer, command.operation);
      break;
    case 'compact':
      writer.u64le(command.revision);
      break;
    case 'grant':
      writer.big64le(command.lease);
      writer.u64le(command.ttlMs);
      break;
    case 'revoke':
    case 'keepAlive':
      writer.big64le(command.lease);
  }
  return writer.copy();
}

/** Undefined when the bytes are no command. Keys and values are views. */
export function decodeKeyspaceCommand(bytes: Uint8Array): KeyspaceCommand | undefined {
  const reader = new ByteReader(bytes);
  const command = readCommand(reader);
  return reader.failed || reader.remaining > 0 ? undefined : command;
}

function readCommand(reader: ByteReader): KeyspaceCommand | undefined {
  const kind = KINDS[reader.u8()];
  switch (kind) {
    case 'operate': {
      const operation = readOperation(reader);
      return operation === undefined ? undefined : { kind, operation };
    }
    case 'compact':
      return { kind, revision: reader.u64le() };
    case 'grant':
      return { kind, lease: reader.big64le(), ttlMs: reader.u64le() };
    case 'revoke':
    case 'keepAlive':
      return { kind, lease: reader.big64le() };
    case 'none':
    case undefined:
  }
  return undefined;
}

export function encodeKeyspaceResult(result: KeyspaceResult): Uint8Array {
  writer.reset();
  switch (result.kind) {
    case 'done':
      writer.u8(DONE);
      writer.u64le(result.revision);
      writeResult(writer, result.result);
      break;
    case 'carriedOut':
      writer.u8(CARRIED_OUT);
      writer.u64le(result.revision);
      writer.u64le(result.ttlMs);
      break;
    case 'refused':
      writer.u8(REFUSED);
      writer.u64le(result.revision);
      writer.u8(KEYSPACE_ERRORS.indexOf(result.error));
  }
  return writer.copy();
}

/** Undefined when the bytes are no result. */
export function decodeKeyspaceResult(bytes: Uint8Array): KeyspaceResult | undefined {
  const reader = new ByteReader(bytes);
  const result = readWhole(reader);
  return reader.failed || reader.remaining > 0 ? undefined : result;
}

function readWhole(reader: ByteReader): KeyspaceResult | undefined {
  const kind = reader.u8();
  const revision = reader.u64le();
  if (kind === DONE) {
    const result = readResult(reader);
    return result === undefined ? undefined : { kind: 'done', revision, result };
  }
  if (kind === CARRIED_OUT) return { kind: 'carriedOut', revision, ttlMs: reader.u64le() };
  const error = kind === REFUSED ? KEYSPACE_ERRORS[reader.u8()] : undefined;
  return error === undefined ? undefined : { kind: 'refused', revision, error };
}
