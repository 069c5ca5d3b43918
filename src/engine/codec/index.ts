export { zstdBlocks } from './zstd.ts';
