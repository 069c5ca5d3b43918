// Gossip datagrams as plain values: a second, slow and simple codec beside the one of the core.
// Tests read with it what the core wrote, and write with it what no honest core would.

import { zstdDecompressSync } from 'node:zlib';
import { formatAddress, parseAddress } from '../../src/base/address.ts';
import { must } from '../../src/base/assert.ts';
import { ByteReader, ByteWriter } from '../../src/base/bytes.ts';
import type { GossipId, MessageType } from '../../src/core/gossip/index.ts';

export interface WireEntry {
  readonly id: GossipId;
  readonly heartbeat: bigint;
  readonly lastGc: bigint;
  readonly max: bigint;
}

export type WireOperation =
  | {
      readonly op: 'node';
      readonly id: GossipId;
      readonly lastGc: bigint;
      readonly fromExcluded: bigint;
    }
  | {
      readonly op: 'keyValue';
      readonly key: string;
      readonly value: string;
      readonly version: bigint;
      readonly status: number;
    }
  | { readonly op: 'setMax'; readonly max: bigint };

export interface WireMessage {
  readonly version: number;
  readonly type: MessageType;
  readonly digest?: readonly WireEntry[];
  readonly clusterId?: string;
  readonly delta?: readonly WireOperation[];
}

const TYPES: readonly MessageType[] = ['syn', 'synAck', 'ack', 'badCluster'];

// --- writing ------------------------------------------------------------------------------------

export function encodeWire(message: WireMessage): Uint8Array {
  const writer = new ByteWriter(1 << 20);
  writer.append(Uint8Array.of(0x53, 0xb0, message.version, TYPES.indexOf(message.type)));
  if (message.digest !== undefined) writeDigest(writer, message.digest, message.version);
  if (message.clusterId !== undefined) writer.text16le(message.clusterId);
  if (message.delta !== undefined) writeStored(writer, encodeOperations(message.delta));
  return writer.copy();
}

function writeDigest(writer: ByteWriter, entries: readonly WireEntry[], version: number): void {
  const content = new ByteWriter(1 << 20);
  for (const { id, heartbeat, lastGc, max } of entries) {
    writeId(content, id);
    content.big64le(heartbeat);
    content.big64le(lastGc);
    content.big64le(max);
  }
  if (version === 1) {
    writeStored(writer, content.view());
    return;
  }
  writer.u16le(entries.length);
  writer.append(content.view());
}

function writeId(writer: ByteWriter, id: GossipId): void {
  const { family, octets, port } = must(parseAddress(id.address), 'a numeric address');
  writer.text16le(id.nodeId);
  writer.big64le(id.generation);
  writer.u8(family);
  writer.append(octets);
  writer.u16le(port);
}

export function encodeOperations(operations: readonly WireOperation[]): Uint8Array {
  const writer = new ByteWriter(1 << 20);
  for (const operation of operations) {
    if (operation.op === 'node') {
      writer.u8(0);
      writeId(writer, operation.id);
      writer.big64le(operation.lastGc);
      writer.big64le(operation.fromExcluded);
    } else if (operation.op === 'keyValue') {
      writer.u8(1);
      writer.text16le(operation.key);
      writer.text16le(operation.value);
      writer.big64le(operation.version);
      writer.u8(operation.status);
    } else {
      writer.u8(2);
      writer.big64le(operation.max);
    }
  }
  return writer.copy();
}

function writeStored(writer: ByteWriter, raw: Uint8Array): void {
  for (let at = 0; at < raw.length; at += 16_384) {
    const block = raw.subarray(at, at + 16_384);
    writer.u8(2);
    writer.u16le(block.length);
    writer.append(block);
  }
  writer.u8(0);
}

// --- reading ------------------------------------------------------------------------------------

/** Throws on anything but a well-formed message without trailing bytes. */
export function decodeWire(bytes: Uint8Array): WireMessage {
  const reader = new ByteReader(bytes);
  const magic = reader.u16le();
  const version = reader.u8();
  const type = must(TYPES[reader.u8()], 'a known type');
  if (magic !== 0xb053) throw new Error(`magic ${magic}`);
  let message: WireMessage = { version, type };
  if (type === 'syn' || type === 'synAck') {
    message = { ...message, digest: readDigest(reader, version) };
  }
  if (type === 'syn') message = { ...message, clusterId: reader.text(reader.u16le()) };
  if (type === 'synAck' || type === 'ack') message = { ...message, delta: readDelta(reader) };
  if (reader.failed || reader.remaining > 0) throw new Error('not exactly one message');
  return message;
}

function readDigest(reader: ByteReader, version: number): WireEntry[] {
  const entries: WireEntry[] = [];
  if (version === 0) {
    for (let left = reader.u16le(); left > 0; left--) entries.push(readEntry(reader));
    return entries;
  }
  const content = new ByteReader(joinBlocks(reader));
  while (content.remaining > 0) entries.push(readEntry(content));
  return entries;
}

function readEntry(reader: ByteReader): WireEntry {
  const id = readId(reader);
  const [heartbeat, lastGc, max] = [reader.big64le(), reader.big64le(), reader.big64le()];
  if (reader.failed) throw new Error('a digest entry is cut off');
  return { id, heartbeat, lastGc, max };
}

function readId(reader: ByteReader): GossipId {
  const nodeId = reader.text(reader.u16le());
  const generation = reader.big64le();
  const octets = reader.take(reader.u8() === 4 ? 4 : 16);
  return { nodeId, generation, address: formatAddress(octets, reader.u16le()) };
}

function readDelta(reader: ByteReader): WireOperation[] {
  const content = new ByteReader(joinBlocks(reader));
  const operations: WireOperation[] = [];
  while (content.remaining > 0) operations.push(readOperation(content));
  return operations;
}

function readOperation(reader: ByteReader): WireOperation {
  const tag = reader.u8();
  let operation: WireOperation;
  if (tag === 0) {
    const id = readId(reader);
    operation = { op: 'node', id, lastGc: reader.big64le(), fromExcluded: reader.big64le() };
  } else if (tag === 1) {
    const key = reader.text(reader.u16le());
    const value = reader.text(reader.u16le());
    const version = reader.big64le();
    operation = { op: 'keyValue', key, value, version, status: reader.u8() };
  } else operation = { op: 'setMax', max: reader.big64le() };
  if (reader.failed || tag > 2) throw new Error(`operation ${tag} is broken`);
  return operation;
}

function joinBlocks(reader: ByteReader): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let type = reader.u8(); type !== 0; type = reader.u8()) {
    const content = reader.take(reader.u16le());
    if (reader.failed) throw new Error('a block is cut off');
    blocks.push(type === 1 ? zstdDecompressSync(content) : content);
  }
  return Buffer.concat(blocks);
}
