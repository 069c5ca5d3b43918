// The block codec that gossip tests plug into the core: zstd as Node has it.

import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { BlockCodec } from '../../src/core/gossip/index.ts';

const PARAMS = {
  [constants.ZSTD_c_compressionLevel]: 3,
  [constants.ZSTD_c_contentSizeFlag]: 1,
};

export const zstdBlocks: BlockCodec = {
  compress: (raw) => zstdCompressSync(raw, { params: PARAMS, pledgedSrcSize: raw.length }),
  decompress: (frame, sizeExact) => {
    try {
      const raw = zstdDecompressSync(frame, { maxOutputLength: Math.max(1, sizeExact) });
      return raw.length === sizeExact ? raw : undefined;
    } catch {
      return undefined;
    }
  },
};

/** Stores every block: deltas keep their full size. */
export const storedBlocks: BlockCodec = {
  compress: () => undefined,
  decompress: (frame, sizeExact) => zstdBlocks.decompress(frame, sizeExact),
};
