// The public face of what machines emit, and of those who follow it.

export { FeedHub } from './hub.ts';
export type { FeedEvent, FeedNews, Follower, Waiter } from './types.ts';
