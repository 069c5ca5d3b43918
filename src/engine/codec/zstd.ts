// zstd from node:zlib behind the gossip core's port for compressed blocks.

import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

/** The level that chitchat's peers use. */
const LEVEL = 3;
/** A frame may claim a window of 2 MiB, the most that level 3 makes, and not gigabytes. */
const WINDOW_LOG_MAX = 21;

export const zstdBlocks = {
  /** Undefined when the frame would be longer than the block: the caller stores it as it is. */
  compress(raw: Uint8Array): Uint8Array | undefined {
    const frame = zstdCompressSync(raw, {
      params: { [constants.ZSTD_c_compressionLevel]: LEVEL },
      pledgedSrcSize: raw.length,
    });
    return frame.length <= raw.length ? frame : undefined;
  },

  /** Undefined unless `frame` is one sound frame, no more, that holds `sizeExact` bytes. */
  decompress(frame: Uint8Array, sizeExact: number): Uint8Array | undefined {
    try {
      // Node stops after the first frame and says only in `info` that there was more.
      const { buffer, engine } = zstdDecompressSync(frame, {
        params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
        maxOutputLength: Math.max(sizeExact, 1),
        info: true,
      }) as unknown as { buffer: Uint8Array; engine: { bytesWritten: number } };
      // Node 22 unpacks no bytes to no bytes, although no frame is that short.
      const isFrame = frame.length > 0 && engine.bytesWritten === frame.length;
      return isFrame && buffer.length === sizeExact ? buffer : undefined;
    } catch {
      return undefined;
    }
  },
};
