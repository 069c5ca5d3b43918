// Datagrams: a header and one of four bodies.
//
//   message = magic 0x53 0xB0, version u8 (0 or 1), type u8, body
//   0 SYN = digest, cluster id    1 SYN-ACK = digest, delta    2 ACK = delta    3 BAD-CLUSTER = ()
//
// The parser has no effect: it fills the peer digest's scratch columns and answers where the rest
// is. Whoever handles the message commits them.

import { ByteReader } from '../../base/bytes.ts';
import { LIMITS } from '../../base/limits.ts';
import { type BlockReader, type Unpacked } from './block-stream.ts';
import { type DeltaParser, type Section } from './delta-reader.ts';
import type { PeerDigest } from './peer-digest.ts';
import type { MessageType, ProtocolVersion, RefusalReason } from './types.ts';

const MAGIC_FIRST = 0x53;
const MAGIC_SECOND = 0xb0;
const HEADER_BYTES = 4;

export const BODY_BYTES_MAX = LIMITS.gossip.datagramBytesMax - HEADER_BYTES;
/** What a digest leaves for the delta beside it: the largest entry with its node must fit. */
export const DELTA_RESERVE_BYTES = LIMITS.gossip.blockBytes + 1_024;
/** A capped digest may stay this far below its room: by one entry, or by a guess at compression. */
const FULL_SHARE = 0.9;

const TYPES: readonly MessageType[] = ['syn', 'synAck', 'ack', 'badCluster'];

export function encodeHeader(version: ProtocolVersion, type: MessageType): Uint8Array {
  return Uint8Array.of(MAGIC_FIRST, MAGIC_SECOND, version, TYPES.indexOf(type));
}

interface Delta {
  /** The joined blocks, valid until the next message is parsed. */
  readonly bytes: Uint8Array;
  readonly sections: readonly Section[];
  /** It unpacks to more than was looked at. */
  readonly isCut: boolean;
}

export type Message = {
  readonly kind: 'message';
  readonly version: ProtocolVersion;
  readonly trailingBytes: number;
} & (
  | { readonly type: 'syn'; readonly clusterId: string }
  | { readonly type: 'synAck' | 'ack'; readonly delta: Delta }
  | { readonly type: 'badCluster' }
);

export type MessageParse = Message | { readonly kind: 'refused'; readonly reason: RefusalReason };

export class MessageParser {
  readonly #digest: PeerDigest;
  readonly #digestBlocks: BlockReader;
  readonly #deltaBlocks: BlockReader;
  readonly #deltas: DeltaParser;

  constructor(
    digest: PeerDigest,
    digestBlocks: BlockReader,
    deltaBlocks: BlockReader,
    deltas: DeltaParser,
  ) {
    this.#digest = digest;
    this.#digestBlocks = digestBlocks;
    this.#deltaBlocks = deltaBlocks;
    this.#deltas = deltas;
  }

  parse(bytes: Uint8Array): MessageParse {
    if (bytes.length < HEADER_BYTES) return refusal('tooShort');
    if (bytes[0] !== MAGIC_FIRST || bytes[1] !== MAGIC_SECOND) return refusal('badMagic');
    const version = bytes[2];
    if (version !== 0 && version !== 1) return refusal('badVersion');
    const type = TYPES[bytes[3] as number];
    if (type === undefined) return refusal('badType');
    const reader = new ByteReader(bytes, HEADER_BYTES);
    const parsed = this.#parseBody(type, version, reader);
    return typeof parsed === 'string' ? refusal(parsed) : parsed;
  }

  #parseBody(
    type: MessageType,
    version: ProtocolVersion,
    reader: ByteReader,
  ): Message | RefusalReason {
    const withDigest = type === 'syn' || type === 'synAck';
    const problem = withDigest ? this.#parseDigest(version, reader) : this.#digest.parseNone();
    if (problem !== undefined) return problem;
    const room = BODY_BYTES_MAX - (type === 'synAck' ? DELTA_RESERVE_BYTES : 0);
    if (withDigest && reader.offset > room * FULL_SHARE) this.#digest.noteFull();
    if (type === 'badCluster') return { kind: 'message', version, type, ...trailing(reader) };
    if (type === 'syn') {
      const clusterIdBytes = reader.u16le();
      const cutOff = clusterIdBytes > reader.remaining;
      const clusterId = reader.text(clusterIdBytes);
      if (reader.failed) return cutOff ? 'truncated' : 'badText';
      return { kind: 'message', version, type, clusterId, ...trailing(reader) };
    }
    const unpacked = this.#deltaBlocks.unpack(reader);
    if (unpacked.kind === 'refused') return unpacked.reason;
    const parsed = this.#deltas.parse(unpacked.bytes, unpacked.isCut);
    if (parsed.kind === 'refused') return parsed.reason;
    const { bytes, isCut } = unpacked;
    const delta = { bytes, sections: parsed.sections, isCut };
    // Behind a cut stands more of the delta, not more than a message.
    if (isCut) return { kind: 'message', version, type, delta, trailingBytes: 0 };
    return { kind: 'message', version, type, delta, ...trailing(reader) };
  }

  #parseDigest(version: ProtocolVersion, reader: ByteReader): RefusalReason | undefined {
    if (version === 0) {
      const count = reader.u16le();
      if (reader.failed) return 'truncated';
      const parsed = this.#digest.parse(reader.bytes, reader.offset, reader.end, count);
      if (parsed.kind === 'refused') return parsed.reason;
      reader.offset = parsed.end;
      return undefined;
    }
    const unpacked: Unpacked = this.#digestBlocks.unpack(reader);
    if (unpacked.kind === 'refused') return unpacked.reason;
    if (unpacked.isCut) return 'unpackedTooLarge';
    const { bytes } = unpacked;
    const parsed = this.#digest.parse(bytes, 0, bytes.length, undefined);
    return parsed.kind === 'refused' ? parsed.reason : undefined;
  }
}

/**
 * Bytes behind a message: version 0.10 ignores them, so does this node, and counts them. Its own
 * messages have none [G7].
 */
function trailing(reader: ByteReader): { trailingBytes: number } {
  return { trailingBytes: reader.remaining };
}

function refusal(reason: RefusalReason): MessageParse {
  return { kind: 'refused', reason };
}
