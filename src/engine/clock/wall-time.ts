/** RFC 3339 in UTC, as people and programs are told times. */
export function wallTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
