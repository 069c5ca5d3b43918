// Numbers of all nodes by slot, one typed array per number: a digest of a thousand entries touches
// a few arrays front to back instead of a thousand objects.

/** `heard` has been named in a digest and not judged yet. */
export const LIFE = { heard: 0, live: 1, dead: 2 } as const;

export class Columns {
  capacity = 16;
  heartbeat = new Float64Array(this.capacity);
  /** A heartbeat out of reach of the known one, last heard; and how often it has grown from one. */
  strayHeartbeat = new Float64Array(this.capacity);
  strayGrowth = new Uint8Array(this.capacity);
  lastGc = new Float64Array(this.capacity);
  max = new Float64Array(this.capacity);
  /** One of LIFE. */
  life = new Uint8Array(this.capacity);
  /** Local time of death; meaningful while `life` is dead. */
  diedAtMs = new Float64Array(this.capacity);
  /** 1 once the node was seen alive. */
  lived = new Uint8Array(this.capacity);
  /** 1 while the node has its leaving key set. */
  leaving = new Uint8Array(this.capacity);
  /** 1 when entries of the node were dropped for lack of room: its state is not ours to offer. */
  withheld = new Uint8Array(this.capacity);

  grow(): void {
    this.capacity *= 2;
    this.heartbeat = grown(this.heartbeat, this.capacity);
    this.strayHeartbeat = grown(this.strayHeartbeat, this.capacity);
    this.strayGrowth = grown(this.strayGrowth, this.capacity);
    this.lastGc = grown(this.lastGc, this.capacity);
    this.max = grown(this.max, this.capacity);
    this.life = grown(this.life, this.capacity);
    this.diedAtMs = grown(this.diedAtMs, this.capacity);
    this.lived = grown(this.lived, this.capacity);
    this.leaving = grown(this.leaving, this.capacity);
    this.withheld = grown(this.withheld, this.capacity);
  }

  clear(slot: number): void {
    this.heartbeat[slot] = 0;
    this.strayHeartbeat[slot] = 0;
    this.strayGrowth[slot] = 0;
    this.lastGc[slot] = 0;
    this.max[slot] = 0;
    this.life[slot] = LIFE.heard;
    this.diedAtMs[slot] = 0;
    this.lived[slot] = 0;
    this.leaving[slot] = 0;
    this.withheld[slot] = 0;
  }
}

type Column =
  | Float64Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/** The column with room for `capacity` numbers, its own ones kept. */
export function grown<Array extends Column>(column: Array, capacity: number): Array {
  const make = column.constructor as new (length: number) => Array;
  const larger = new make(capacity);
  larger.set(column);
  return larger;
}
