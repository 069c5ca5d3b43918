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
  return items.split('\n').length - 1;
}

/** The line of the item at `index`, or undefined beyond the end. */
export function itemAt(items: string, index: number): string | undefined {
  const lines = items.split('\n');
  return index < lines.length - 1 ? lines[index] : undefined;
}

/** The items after the first. */
export function withoutFirst(items: string): string {
  return items.slice(items.indexOf('\n') + 1);
}
