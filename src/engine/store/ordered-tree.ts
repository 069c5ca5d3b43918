// A B+tree of byte strings in memory, copied where it is written: a view of it costs nothing to
// take, and stays as it is while the tree goes on.
//
// Each node carries the epoch in which it was made. Taking a view begins a new epoch, so that every
// node there is belongs to an older one and is copied before its first change. Scenario: the tree
// is in epoch 4; a view is taken, the tree goes to 5; a put clones the path from root to leaf as
// nodes of epoch 5 and later puts into that leaf change the clone in place. The view still holds
// the nodes of epoch 4 and below, which nobody changes any more.
//
// Keys often come in their order. Two in a row in one leaf make it the near leaf, and the next one
// that belongs there needs no way down from the root. It may be changed in place: it is of this
// epoch, hence all nodes above it are; it is not full, hence none of them changes. It stays the
// near leaf until it is split or anything is deleted: nothing else moves its bounds.

import { assert } from '../../base/assert.ts';
import { compareBytes } from '../../base/bytes.ts';
import type { StorePair, StoreView } from './types.ts';

/** Pairs of a leaf, children of a branch. Small enough that a splice is short. */
const FANOUT = 48;
/** A leaf below this looks for a neighbour to join. */
const LEAF_PAIRS_MIN = FANOUT / 4;

interface Leaf {
  readonly kind: 'leaf';
  readonly epoch: number;
  readonly keys: Uint8Array[];
  readonly values: Uint8Array[];
}

interface Branch {
  readonly kind: 'branch';
  readonly epoch: number;
  /** Lower bounds of the children. The first is never looked at: nothing is left of it. */
  readonly keys: Uint8Array[];
  readonly children: Node[];
}

type Node = Leaf | Branch;

/** A tree as it was, for reading. */
export class TreeView implements StoreView {
  readonly #root: Node;

  constructor(root: Node) {
    this.#root = root;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return find(this.#root, key);
  }

  range(low: Uint8Array, high: Uint8Array | undefined): Generator<StorePair, void> {
    return walk(this.#root, low, high);
  }
}

export class OrderedTree implements StoreView {
  #epoch = 1;
  #root: Node = emptyLeaf(1);
  #size = 0;
  /** The right half of the node that the innermost call has split, for the call around it. */
  #split: Node | undefined;
  /** What the innermost call has found in place of the value that it put. */
  #replaced: Uint8Array | undefined;
  /** Where the last key went on its way from the root. */
  #lastLeaf: Leaf | undefined;
  #nearLeaf: Leaf | undefined;
  /** Keys from this one on lie right of the last leaf; undefined when there is nothing. */
  #nearEnd: Uint8Array | undefined;

  /** Pairs in it. */
  get size(): number {
    return this.#size;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return find(this.#root, key);
  }

  /** To be pulled before the next change. */
  range(low: Uint8Array, high: Uint8Array | undefined): Generator<StorePair, void> {
    return walk(this.#root, low, high);
  }

  view(): TreeView {
    this.#epoch += 1;
    return new TreeView(this.#root);
  }

  /** Keeps both. Answers the value that was there. */
  set(key: Uint8Array, value: Uint8Array): Uint8Array | undefined {
    this.#replaced = undefined;
    if (!this.#setNear(key, value)) this.#setFromRoot(key, value);
    if (this.#replaced === undefined) this.#size += 1;
    return this.#replaced;
  }

  /** False when the key does not belong to the near leaf, or not without changes above it. */
  #setNear(key: Uint8Array, value: Uint8Array): boolean {
    const leaf = this.#nearLeaf;
    if (leaf === undefined || leaf.epoch !== this.#epoch) return false;
    const { keys, values } = leaf;
    const { length } = keys;
    assert(length > 0, 'a near leaf has had two keys');
    if (length >= FANOUT) return false;
    if (compareBytes(keys[length - 1] as Uint8Array, key) < 0) {
      const end = this.#nearEnd;
      if (end !== undefined && compareBytes(key, end) >= 0) return false;
      keys.push(key);
      values.push(value);
      return true;
    }
    // What is below its first key may belong to it as well: only its branch knows.
    if (compareBytes(keys[0] as Uint8Array, key) > 0) return false;
    this.#setInLeaf(leaf, key, value);
    return true;
  }

  #setFromRoot(key: Uint8Array, value: Uint8Array): void {
    this.#nearEnd = undefined;
    const left = this.#insert(this.#root, key, value);
    const right = this.#split;
    this.#root = left;
    if (right !== undefined) {
      this.#split = undefined;
      const keys = [lowestKey(left), lowestKey(right)];
      this.#root = { kind: 'branch', epoch: this.#epoch, keys, children: [left, right] };
    }
  }

  /** Answers the value that was there. */
  delete(key: Uint8Array): Uint8Array | undefined {
    // Looked up first: a key that is not there must not copy the path to it.
    const removed = find(this.#root, key);
    if (removed === undefined) return undefined;
    this.#lastLeaf = undefined;
    this.#nearLeaf = undefined;
    let root = this.#remove(this.#root, key);
    while (root?.kind === 'branch' && root.children.length === 1) root = root.children[0];
    this.#root = root ?? emptyLeaf(this.#epoch);
    this.#size -= 1;
    return removed;
  }

  #insert(node: Node, key: Uint8Array, value: Uint8Array): Node {
    const own = this.#own(node);
    if (own.kind === 'leaf') {
      this.#nearLeaf = own === this.#lastLeaf ? own : undefined;
      this.#lastLeaf = own;
      this.#setInLeaf(own, key, value);
    } else {
      const at = childAt(own.keys, key);
      if (at + 1 < own.keys.length) this.#nearEnd = own.keys[at + 1];
      own.children[at] = this.#insert(own.children[at] as Node, key, value);
      if (this.#split === undefined) return own;
      own.keys.splice(at + 1, 0, lowestKey(this.#split));
      own.children.splice(at + 1, 0, this.#split);
      this.#split = undefined;
    }
    if (own.keys.length > FANOUT) {
      this.#split = splitOff(own, this.#epoch);
      this.#lastLeaf = undefined;
      this.#nearLeaf = undefined;
    }
    return own;
  }

  #setInLeaf({ keys, values }: Leaf, key: Uint8Array, value: Uint8Array): void {
    const at = lowerBound(keys, key);
    if (isAt(keys, at, key)) {
      this.#replaced = values[at];
      values[at] = value;
      return;
    }
    keys.splice(at, 0, key);
    values.splice(at, 0, value);
  }

  /** The node without the key, undefined when nothing is left of it. */
  #remove(node: Node, key: Uint8Array): Node | undefined {
    const own = this.#own(node);
    if (own.kind === 'leaf') {
      const at = lowerBound(own.keys, key);
      own.keys.splice(at, 1);
      own.values.splice(at, 1);
    } else {
      const at = childAt(own.keys, key);
      const left = this.#remove(own.children[at] as Node, key);
      if (left === undefined) {
        own.keys.splice(at, 1);
        own.children.splice(at, 1);
      } else {
        own.children[at] = left;
        if (left.keys.length < LEAF_PAIRS_MIN) this.#join(own, at);
      }
    }
    return own.keys.length === 0 ? undefined : own;
  }

  /** Joins a leaf that has become small with the one right of it, if both fit half a leaf. */
  #join(parent: Branch, at: number): void {
    const leftAt = at + 1 < parent.children.length ? at : at - 1;
    const [left, right] = [parent.children[leftAt], parent.children[leftAt + 1]];
    if (left?.kind !== 'leaf' || right?.kind !== 'leaf') return;
    if (left.keys.length + right.keys.length > FANOUT / 2) return;
    const keys = [...left.keys, ...right.keys];
    const values = [...left.values, ...right.values];
    parent.children[leftAt] = { kind: 'leaf', epoch: this.#epoch, keys, values };
    parent.children.splice(leftAt + 1, 1);
    parent.keys.splice(leftAt + 1, 1);
  }

  /** The node itself if no view can hold it, else a copy. */
  #own(node: Node): Node {
    if (node.epoch === this.#epoch) return node;
    const [epoch, keys] = [this.#epoch, node.keys.slice()];
    return node.kind === 'leaf'
      ? { kind: 'leaf', epoch, keys, values: node.values.slice() }
      : { kind: 'branch', epoch, keys, children: node.children.slice() };
  }
}

function emptyLeaf(epoch: number): Leaf {
  return { kind: 'leaf', epoch, keys: [], values: [] };
}

/** Takes the right half off. */
function splitOff(node: Node, epoch: number): Node {
  const half = node.keys.length >> 1;
  const keys = node.keys.splice(half);
  return node.kind === 'leaf'
    ? { kind: 'leaf', epoch, keys, values: node.values.splice(half) }
    : { kind: 'branch', epoch, keys, children: node.children.splice(half) };
}

/** A lower bound that holds for all of the node; of the leftmost one any text would do. */
function lowestKey(node: Node): Uint8Array {
  return node.keys[0] as Uint8Array;
}

/** Where the first key that is not below `key` stands. */
function lowerBound(keys: readonly Uint8Array[], key: Uint8Array): number {
  let [low, high] = [0, keys.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytes(keys[middle] as Uint8Array, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The child that holds `key`: the last one whose lower bound is not above it. */
function childAt(keys: readonly Uint8Array[], key: Uint8Array): number {
  let [low, high] = [1, keys.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareBytes(keys[middle] as Uint8Array, key) <= 0) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function isAt(keys: readonly Uint8Array[], at: number, key: Uint8Array): boolean {
  return at < keys.length && compareBytes(keys[at] as Uint8Array, key) === 0;
}

function find(root: Node, key: Uint8Array): Uint8Array | undefined {
  let node = root;
  while (node.kind === 'branch') node = node.children[childAt(node.keys, key)] as Node;
  const at = lowerBound(node.keys, key);
  return isAt(node.keys, at, key) ? node.values[at] : undefined;
}

function* walk(
  root: Node,
  low: Uint8Array,
  high: Uint8Array | undefined,
): Generator<StorePair, void> {
  const branches: Branch[] = [];
  const places: number[] = [];
  let node = root;
  let seeks = true;
  for (;;) {
    while (node.kind === 'branch') {
      const at = seeks ? childAt(node.keys, low) : 0;
      branches.push(node);
      places.push(at);
      node = node.children[at] as Node;
    }
    for (let at = seeks ? lowerBound(node.keys, low) : 0; at < node.keys.length; at++) {
      const key = node.keys[at] as Uint8Array;
      if (high !== undefined && compareBytes(key, high) >= 0) return;
      yield { key, value: node.values[at] as Uint8Array };
    }
    seeks = false;
    const next = stepRight(branches, places);
    if (next === undefined) return;
    node = next;
  }
}

/** The subtree right of the one just left, which the innermost branch that has one holds. */
function stepRight(branches: Branch[], places: number[]): Node | undefined {
  for (;;) {
    const branch = branches.at(-1);
    if (branch === undefined) return undefined;
    const at = (places.pop() as number) + 1;
    const next = branch.children[at];
    if (next !== undefined) {
      places.push(at);
      return next;
    }
    branches.pop();
  }
}
