export { sha256 } from './sha256.ts';
export { zstdBlocks } from './zstd.ts';
