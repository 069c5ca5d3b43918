export { randomFromSystem } from './system-random.ts';
