import {
  DELIVERY_LOG_MAX_BYTES,
  DELIVERY_LOG_MAX_MS,
  DELIVERY_LOG_TABLE_MAX_BYTES,
  DELIVERY_LOG_TABLE_MS,
} from "../core/limits.ts";
import type { Entry, Hole, LeaseRow } from "./model.ts";
import type { CursorMark, LeaseTable, SubscriptionStore } from "./store.ts";

/** What stays in the delivery log whatever its age and size. */
export interface Unsettled {
  /** Rows with an entry under way, or being filled by a live deliverer. */
  readonly rows: readonly LeaseRow[];
  /** Events that were tried; without a row where nobody knows which was the first. */
  readonly tried: readonly Pick<Hole, "offset" | "attempts" | "row">[];
  /** Offsets that come again by a seek: those tried before have attempts. Empty where `from` is beyond `to`. */
  readonly sought: { readonly from: number; readonly to: number };
}

/** What a restart finds: the newest row, and what each row from the oldest open one on knows of the cursor. */
export interface LoadedLeases {
  readonly nextRow: number;
  readonly newest: LeaseRow | null;
  readonly marks: readonly { readonly id: number; readonly mark: CursorMark; readonly open: LeaseRow | null }[];
}

const encoder = new TextEncoder();
// biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant.
const ASCII = /^[\x00-\x7f]*$/;

/**
 * The delivery log, in tables of a span of time or a size each, dropped whole: dropping is free. Sizes are kept in memory; a
 * table's is written in each of its rows, which are written anyway, and once more when the next table opens.
 */
export class LeaseTables {
  readonly #store: SubscriptionStore;
  readonly #bounds: { readonly tableBytes: number; readonly logBytes: number };
  #tables: LeaseTable[] = [];
  /** Not in storage yet. */
  #opened: LeaseTable[] = [];
  /** Table → an unsettled event found to have an attempt in it: not looked for again while it is unsettled. */
  readonly #found = new Map<number, number>();

  constructor(
    store: SubscriptionStore,
    bounds = { tableBytes: DELIVERY_LOG_TABLE_MAX_BYTES, logBytes: DELIVERY_LOG_MAX_BYTES },
  ) {
    this.#store = store;
    this.#bounds = bounds;
  }

  /** Oldest first. */
  get list(): readonly LeaseTable[] {
    return this.#tables;
  }

  /** Whether the next commit makes a table. */
  get opening(): boolean {
    return this.#opened.length > 0;
  }

  /** As it is in storage. Bounded: no row before the oldest open one is read, but for the newest. */
  load(): LoadedLeases {
    this.#tables = this.#store.leaseTables();
    this.#opened = [];
    const firstRow = this.#tables.at(-1)?.firstRow ?? 1;
    const table = this.#tables.findLast((one) => this.#store.newestLease(one.id) !== null);
    const newest = table === undefined ? null : this.#store.newestLease(table.id);
    if (table === undefined || newest === null) return { nextRow: firstRow, newest: null, marks: [] };
    table.bytes = Math.max(table.bytes, newest.tableBytes);
    const marks: LoadedLeases["marks"][number][] = [{ id: newest.id, mark: newest.mark, open: null }];
    this.#tables.forEach((one, index) => {
      if ((this.#tables[index + 1]?.firstRow ?? Infinity) <= newest.oldestOpen) return;
      for (const { tableBytes, ...lease } of this.#store.leasesFrom(one.id, newest.oldestOpen)) {
        one.bytes = Math.max(one.bytes, tableBytes);
        marks.push(lease);
      }
    });
    return { nextRow: Math.max(newest.id + 1, firstRow), newest: newest.row, marks };
  }

  /** Where a row that begins now belongs: the present table, unless it spans its time or is full. */
  tableFor(row: number, now: number): LeaseTable {
    const current = this.#tables.at(-1);
    const young = current !== undefined && now - current.openedAt < DELIVERY_LOG_TABLE_MS;
    if (young && current.bytes < this.#bounds.tableBytes) return current;
    const table = { id: (current?.id ?? 0) + 1, firstRow: row, openedAt: now, bytes: 0 };
    this.#tables = [...this.#tables, table];
    this.#opened.push(table);
    return table;
  }

  tableOf(row: number): LeaseTable | null {
    return this.#tables.findLast((one) => one.firstRow <= row) ?? null;
  }

  // ---- within a commit

  /** Returns whether there were any: the moment to drop old ones. */
  writeOpened(): boolean {
    const opened = this.#opened;
    this.#opened = [];
    for (const table of opened) {
      const before = this.#tables[this.#tables.indexOf(table) - 1];
      if (before !== undefined) this.#store.putLeaseTableBytes(before);
      this.#store.openLeaseTable(table);
    }
    return opened.length > 0;
  }

  /** Writes a row and sets its size. `oldestOpen`: the smallest id of an open row, so that a restart finds them. */
  put(row: LeaseRow, mark: CursorMark, oldestOpen: number): void {
    const table = this.#tables.find((one) => one.id === row.table);
    if (table === undefined) throw new Error("A row of the delivery log has no table.");
    const { body, bytes } = bodyOf(row);
    table.bytes += bytes - row.bytes;
    this.#store.putLease(row, body, { mark, oldestOpen, tableBytes: table.bytes });
    row.bytes = bytes;
    row.fresh = false;
  }

  /** Drops what is too old, and the oldest beyond the size; never a table with anything unsettled in it. */
  dropOld(unsettled: Unsettled): void {
    const present = this.#tables.at(-1);
    let held = this.#tables.reduce((sum, table) => sum + table.bytes, 0);
    for (const table of this.#tables) {
      if (present === undefined || table === present) return;
      const age = present.openedAt - table.openedAt - DELIVERY_LOG_TABLE_MS;
      if (age <= DELIVERY_LOG_MAX_MS && held <= this.#bounds.logBytes) return;
      if (this.#isNeeded(table, unsettled)) continue;
      this.#store.dropLeaseTable(table.id);
      this.#tables = this.#tables.filter((one) => one !== table);
      this.#found.delete(table.id);
      held -= table.bytes;
    }
  }

  #isNeeded(table: LeaseTable, { rows, tried, sought }: Unsettled): boolean {
    for (const row of rows) if (row.table === table.id) return true;
    const { from, to } = sought;
    if (from <= to && this.#store.hasOffsets(table.id, from, to)) return true;
    const end = this.#tables[this.#tables.indexOf(table) + 1]?.firstRow ?? Infinity;
    const before = new Set<number>();
    for (const { attempts, row = 0, offset } of tried) {
      if (attempts === 0 || row >= end) continue;
      if (row >= table.firstRow) return true;
      // First tried in an older table (or nobody knows in which): it may have been tried again in this one.
      before.add(offset);
    }
    return before.size > 0 && this.#hasAttemptOf(before, table.id);
  }

  #hasAttemptOf(offsets: ReadonlySet<number>, table: number): boolean {
    const found = this.#found.get(table);
    if (found !== undefined && offsets.has(found)) return true;
    const ascending = [...offsets].sort((a, b) => a - b);
    for (const { id, lo, hi } of this.#store.rangesAround(table, ascending[0] ?? 0, ascending.at(-1) ?? 0)) {
      if (!reaches(ascending, lo, hi)) continue;
      const tried = this.#store.lease(table, id)?.entries.find(({ n, o }) => n > 0 && offsets.has(o));
      if (tried === undefined) continue;
      this.#found.set(table, tried.o);
      return true;
    }
    return false;
  }
}

interface Written {
  readonly out: Entry["out"];
  readonly fin: Entry["fin"];
  readonly r: Entry["r"];
  readonly hd: Entry["hd"];
  readonly text: string;
  readonly bytes: number;
}

/** A row is written again with each report, its older entries as they were: each is made into JSON once. */
const written = new WeakMap<Entry, Written>();

function writtenOf(entry: Entry): Written {
  const known = written.get(entry);
  // All that may change of an entry.
  const { out, fin, r, hd } = entry;
  if (known?.out === out && known.fin === fin && known.r === r && known.hd === hd) return known;
  const text = JSON.stringify(entry);
  const made = { out, fin, r, hd, text, bytes: ASCII.test(text) ? text.length : encoder.encode(text).byteLength };
  written.set(entry, made);
  return made;
}

/** The JSON text of a row, and its bytes in UTF-8. */
function bodyOf({ context, entries }: Pick<LeaseRow, "context" | "entries">): { body: string; bytes: number } {
  const head = `{"context":${JSON.stringify(context)},"entries":[`;
  const all = entries.map(writtenOf);
  const body = `${head}${all.map(({ text }) => text).join(",")}]}`;
  const commas = Math.max(0, all.length - 1);
  const bytes = all.reduce((sum, one) => sum + one.bytes, encoder.encode(head).byteLength + commas + 2);
  return { body, bytes };
}

/** Whether any of these is in [lo, hi]. */
function reaches(ascending: readonly number[], lo: number, hi: number): boolean {
  let from = 0;
  let to = ascending.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((ascending[middle] ?? 0) < lo) from = middle + 1;
    else to = middle;
  }
  return (ascending[from] ?? Infinity) <= hi;
}
