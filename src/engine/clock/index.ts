export { SystemClock } from './system-clock.ts';
export { wallTime } from './wall-time.ts';
