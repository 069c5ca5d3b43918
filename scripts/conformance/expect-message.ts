// Reads one message, which may span lines:
//
//   1->2 MsgApp Term:8 Log:6/19 Commit:18 Entries:[        several entries: one per line
//     6/20 EntryNormal "x"
//     8/21 EntryNormal ""
//   ]
//   2->AppendThread MsgStorageAppend Term:1 Log:0/0        a snapshot: on the line below,
//     Snapshot: Index:4 ... AutoLeave:false Responses:[    where what follows goes on
//     2->1 MsgAppResp Term:1 Log:0/4
//   ]

import { ENTRY, parseEntry, parseSnapshot } from './expect-parts.ts';
import type { EntryLine, MessageLine, MessageType, Party, SnapshotLine } from './model.ts';
import { MESSAGE_TYPES } from './model.ts';

const PARTY = '[0-9a-f]+|None|AppendThread|ApplyThread';
const HEAD = new RegExp(
  String.raw`^(dropped: )?(${PARTY})->(${PARTY}) (Msg\w+) Term:(\d+) Log:(\d+)\/(\d+)` +
    String.raw`(?: Rejected \(Hint: (\d+)\))?(?: Commit:(\d+))?(?: Vote:(\d+))?(.*)$`,
);
const INLINE_ENTRY = new RegExp(`^ Entries:\\[(${ENTRY})\\]`);
const OPEN_ENTRIES = ' Entries:[';
const OPEN_RESPONSES = ' Responses:[';
const SNAPSHOT_LINE = /^ {2}Snapshot: (.*?)( Responses:\[)?$/;

const TYPES: ReadonlySet<string> = new Set(MESSAGE_TYPES);

interface ReadMessage {
  readonly message: MessageLine;
  readonly dropped: boolean;
  readonly lines: number;
}

/** The message that starts at the first line, or undefined when there is none. */
export function parseMessageLines(lines: readonly string[]): ReadMessage | undefined {
  const cursor = new Cursor(lines);
  const head = HEAD.exec(cursor.next());
  if (head === null || !TYPES.has(head[4] as string)) return undefined;
  let tail = head[11] as string;
  const entries: EntryLine[] = [];
  const inline = INLINE_ENTRY.exec(tail);
  if (inline !== null) {
    const entry = parseEntry(inline[1] as string);
    if (entry === undefined) return undefined;
    entries.push(entry);
    tail = tail.slice(inline[0].length);
  } else if (tail === OPEN_ENTRIES) {
    const closed = readEntries(cursor, entries);
    if (closed === undefined) return undefined;
    tail = closed;
  }
  let snapshot: SnapshotLine | undefined;
  const snapshotLine = tail === '' ? SNAPSHOT_LINE.exec(cursor.peek()) : null;
  if (snapshotLine !== null) {
    cursor.next();
    snapshot = parseSnapshot(snapshotLine[1] as string);
    if (snapshot === undefined) return undefined;
    tail = snapshotLine[2] ?? '';
  }
  const responses = tail === OPEN_RESPONSES ? readResponses(cursor) : [];
  if (responses === undefined || (tail !== '' && tail !== OPEN_RESPONSES)) return undefined;
  const message = { ...headParts(head), entries, snapshot, responses };
  return { message, dropped: head[1] !== undefined, lines: cursor.at };
}

class Cursor {
  readonly #lines: readonly string[];
  at = 0;

  constructor(lines: readonly string[]) {
    this.#lines = lines;
  }

  peek(): string {
    return this.#lines[this.at] ?? '';
  }

  next(): string {
    const line = this.peek();
    this.at += 1;
    return line;
  }

  rest(): readonly string[] {
    return this.#lines.slice(this.at);
  }
}

function headParts(
  head: readonly (string | undefined)[],
): Omit<MessageLine, 'entries' | 'snapshot' | 'responses'> {
  const number = (group: number): number => Number(head[group] ?? 0);
  return {
    type: head[4] as MessageType,
    from: parseParty(head[2] as string),
    to: parseParty(head[3] as string),
    term: number(5),
    logTerm: number(6),
    index: number(7),
    reject: head[8] !== undefined,
    rejectHint: number(8),
    commit: number(9),
    vote: number(10),
  };
}

function parseParty(text: string): Party {
  if (text === 'None' || text === 'AppendThread' || text === 'ApplyThread') return text;
  return Number.parseInt(text, 16);
}

/** What follows the closing bracket, or undefined when there is no such list. */
function readEntries(cursor: Cursor, entries: EntryLine[]): string | undefined {
  for (;;) {
    const line = cursor.next();
    if (line.startsWith(']')) return line.slice(1);
    const entry = line.startsWith('  ') ? parseEntry(line.slice(2)) : undefined;
    if (entry === undefined) return undefined;
    entries.push(entry);
  }
}

function readResponses(cursor: Cursor): MessageLine[] | undefined {
  const responses: MessageLine[] = [];
  while (cursor.peek() !== ']') {
    const nested = cursor.rest().map((line) => (line.startsWith('  ') ? line.slice(2) : ''));
    const read = parseMessageLines(nested);
    if (read === undefined || read.dropped) return undefined;
    responses.push(read.message);
    cursor.at += read.lines;
  }
  cursor.next();
  return responses;
}
