export { SystemDisk } from './system-disk.ts';
