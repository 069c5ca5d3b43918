// Lists as plain text, so that states compare by value: the JSON of each item on a line of its
// own. JSON never contains a raw line break, hence equal texts are equal lists.

export type Item = string | number;

export const NO_ITEMS = '';

export function addItem(items: string, item: Item): string {
  return `${items}${JSON.stringify(item)}\n`;
}

export function listItems(list: readonly Item[]): string {
  return list.reduce(addItem, NO_ITEMS);
}

export function countItems(items: string): number {
  let count = 0;
  for (let at = items.indexOf('\n'); at >= 0; at = items.indexOf('\n', at + 1)) count += 1;
  return count;
}

/** The line of the item at `index`, or undefined beyond the end. */
export function itemAt(items: string, index: number): string | undefined {
  let start = 0;
  for (let skipped = 0; skipped < index && start < items.length; skipped++) {
    start = items.indexOf('\n', start) + 1;
  }
  return start < items.length ? items.slice(start, items.indexOf('\n', start)) : undefined;
}

/** The items after the first. */
export function withoutFirst(items: string): string {
  return items.slice(items.indexOf('\n') + 1);
}
