// What clients say to the key-value machine, and what it says to them.

const text = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

export function put(key: string, value: number): Uint8Array {
  return text({ op: 'put', key, value });
}
export function cas(key: string, from: number, to: number): Uint8Array {
  return text({ op: 'cas', key, from, to });
}
export function add(key: string): Uint8Array {
  return text({ op: 'add', key });
}
export function get(key: string): Uint8Array {
  return Buffer.from(key);
}
export function casAnswer(result: Uint8Array): 'swapped' | 'mismatch' {
  return JSON.parse(Buffer.from(result).toString());
}
export function valueOf(result: Uint8Array): number | null {
  return JSON.parse(Buffer.from(result).toString());
}
