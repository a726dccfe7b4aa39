import type { LogEvent } from "../core/event.ts";
import { Lanes } from "../core/lanes.ts";
import type { Matched } from "../topic-log/rpc.ts";
import { LeaseTables, type Unsettled } from "./lease-tables.ts";
import type { Flight, Hole, KeptLetter, LeaseRow, OutboxBody, OutboxRow, Runtime } from "./model.ts";
import type { SubscriptionConfig } from "./rpc.ts";
import type { CursorMark, LeaseTable, SubscriptionStore } from "./store.ts";

/** A configuration and its runtime: what exists once the subscription does. */
export interface Known {
  config: SubscriptionConfig;
  runtime: Runtime;
}

/**
 * The subscription in memory, and a unit of work over it: callers change it and say what they touched, `commit` writes
 * just that, in one transaction, in the same turn. A crash at any other moment finds the last commit.
 */
export class SubscriptionState {
  readonly #store: SubscriptionStore;
  readonly #leases: LeaseTables;
  known: Known | null = null;
  lanes = new Lanes("key");
  readonly holes = new Map<number, Hole>();
  readonly flights = new Map<number, Flight>();
  /** Events cancelled before they were tried: the scan passes over them. */
  readonly skips = new Set<number>();
  readonly outbox = new Map<number, OutboxRow>();
  /** Rows with an entry under way, or being filled by a live deliverer. */
  readonly rows = new Map<number, LeaseRow>();
  /** Deliverer → the row its next sends go to. */
  readonly filled = new Map<number, LeaseRow>();
  nextRow = 1;

  // ---- where the scan stands: memory that is pulled again after a restart
  cursor = 0;
  lastMatched = 0;
  /** Fresh events pulled and not scanned yet, and how far the pull went. */
  buffer: LogEvent[] = [];
  scannedTo = 0;
  /** The log will wake us: everything it had was given to us. */
  caughtUp = false;
  /** A wake made then or earlier, by the clock of the log, may carry what has been erased. */
  erasedAt = -1;
  /** Events of holes, and heads of lanes, read again from the log. */
  readonly payloads = new Map<number, LogEvent>();
  readonly heads = new Map<string, Matched>();
  /** Of events that come again by a seek: the attempts that were made of them, and the row of the first. */
  readonly earlier = new Map<number, { readonly attempts: number; readonly row: number }>();
  /** Changes whenever the scan begins anew: an answer to an older question is dropped. */
  generation = 0;

  // ---- what the next commit writes
  readonly #dirtyHoles = new Set<number>();
  readonly #dirtySkips = new Set<number>();
  readonly #dirtyLanes = new Set<string>();
  readonly #dirtyRows = new Set<LeaseRow>();
  readonly #letters = new Map<number, KeptLetter | null>();
  readonly #newOutbox: OutboxRow[] = [];
  readonly #oldOutbox: number[] = [];
  #lastOutbox = 0;
  #dirtyRuntime = false;
  #persisted: CursorMark = { cursor: 0, lastMatched: 0 };

  /** When this object woke, Unix ms: tells its calls to the log from those of an earlier one that arrive late. */
  readonly incarnation: number;

  constructor(store: SubscriptionStore, now: number) {
    this.#store = store;
    this.#leases = new LeaseTables(store);
    this.incarnation = now;
    this.load();
  }

  /** Everything from storage. Bounded: open rows are found from the newest one, holes and lanes are limited. */
  load(): void {
    this.known = this.#store.load();
    this.holes.clear();
    this.flights.clear();
    this.outbox.clear();
    this.rows.clear();
    this.filled.clear();
    this.skips.clear();
    for (const offset of this.#store.skips()) this.skips.add(offset);
    this.#forgetDirty();
    this.forgetScan();
    this.lanes = new Lanes(this.known?.config.ordering ?? "key", this.#store.lanes());
    for (const hole of this.#store.holes()) this.holes.set(hole.offset, hole);
    for (const { id, body } of this.#store.outbox()) this.outbox.set(id, { id, body, tries: 0, nextAt: 0 });
    const runtime = this.known?.runtime;
    this.#persisted = { cursor: runtime?.cursor ?? 0, lastMatched: runtime?.lastMatched ?? 0 };
    this.#loadLeases();
    this.cursor = this.#persisted.cursor;
    this.lastMatched = this.#persisted.lastMatched;
    this.scannedTo = this.cursor;
    const keys = new Map<number, string | null>();
    for (const hole of this.holes.values()) keys.set(hole.offset, hole.key);
    for (const flight of this.flights.values()) keys.set(flight.entry.o, flight.entry.k);
    for (const key of keys.values()) this.lanes.begin(key);
  }

  #loadLeases(): void {
    const { nextRow, newest, marks } = this.#leases.load();
    this.nextRow = nextRow;
    for (const { id, mark, open } of marks) {
      this.#advancePersisted(id, mark);
      if (open !== null) this.#adopt(open);
    }
    if (newest !== null) this.#recallSuccess(newest);
  }

  /** The tables of the delivery log, oldest first. */
  get tables(): readonly LeaseTable[] {
    return this.#leases.list;
  }

  /** Leases that were open when the object went away: their sends may still be under way. Only expiry ends them. */
  #adopt(row: LeaseRow): void {
    this.rows.set(row.id, row);
    for (const entry of row.entries) {
      if (entry.out !== null) continue;
      const expiresAt = entry.l + row.context.leaseMilliseconds;
      this.flights.set(entry.o, { row, entry, deliverer: row.id, expiresAt });
    }
  }

  #advancePersisted(row: number, mark: CursorMark): void {
    if (this.#isCurrent(row) && mark.cursor > this.#persisted.cursor) this.#persisted = mark;
  }

  /** The last success is not worth a row of its own; it is in the newest lease row. */
  #recallSuccess(row: LeaseRow): void {
    const health = this.known?.runtime.health;
    if (this.known === null || health === undefined) return;
    const times = row.entries.filter((entry) => entry.out === "success").map((entry) => entry.r?.s ?? 0);
    const lastSuccessAt = Math.max(health.lastSuccessAt ?? 0, ...times);
    if (lastSuccessAt > 0) this.known.runtime.health = { ...health, lastSuccessAt };
  }

  /** Whether the marks of this row are of after the last seek. */
  #isCurrent(row: number): boolean {
    return row >= (this.known?.runtime.marksFrom ?? 1);
  }

  /** Whether the scan, or a lane, will come to this event again by itself. */
  comesAgain(offset: number, key: string | null): boolean {
    const lane = key === null ? undefined : this.lanes.waiting.get(key);
    return offset > this.cursor || (lane !== undefined && offset >= lane);
  }

  /** This attempt was never made: where its event comes again, the next one has its number. */
  forgetAttempt(offset: number, number: number): void {
    const made = this.earlier.get(offset);
    if (made?.attempts !== number) return;
    if (number > 1) this.earlier.set(offset, { ...made, attempts: number - 1 });
    else this.earlier.delete(offset);
  }

  /** The scan goes on after `cursor`, whatever it had come to: a seek. Nothing may be in rows that deliverers fill. */
  moveTo(cursor: number): void {
    this.cursor = cursor;
    this.lastMatched = 0;
    this.filled.clear();
    if (this.known !== null) this.known.runtime.marksFrom = this.nextRow;
    this.forgetScan();
    this.touchRuntime();
  }

  forgetScan(): void {
    this.generation += 1;
    this.earlier.clear();
    this.buffer = [];
    this.payloads.clear();
    this.heads.clear();
    this.caughtUp = false;
    this.scannedTo = this.cursor;
  }

  // ---- changes

  setHole(hole: Hole): void {
    this.holes.set(hole.offset, hole);
    this.#dirtyHoles.add(hole.offset);
  }

  dropHole(offset: number): void {
    this.payloads.delete(offset);
    if (this.holes.delete(offset)) this.#dirtyHoles.add(offset);
  }

  addSkip(offset: number): void {
    this.skips.add(offset);
    this.#dirtySkips.add(offset);
  }

  dropSkip(offset: number): void {
    if (this.skips.delete(offset)) this.#dirtySkips.add(offset);
  }

  touchLane(key: string): void {
    this.#dirtyLanes.add(key);
  }

  touchRow(row: LeaseRow): void {
    this.#dirtyRows.add(row);
  }

  /** A row of the delivery log, the same object as long as it has changes to be written. */
  row(id: number): LeaseRow | null {
    for (const row of this.#dirtyRows) if (row.id === id) return row;
    const table = this.#leases.tableOf(id);
    return this.rows.get(id) ?? (table === null ? null : this.#store.lease(table.id, id));
  }

  touchRuntime(): void {
    this.#dirtyRuntime = true;
  }

  putLetter(letter: KeptLetter): void {
    this.#letters.set(letter.offset, letter);
  }

  dropLetter(offset: number): void {
    this.#letters.set(offset, null);
  }

  /** Those in log order from `offset` on. Only between commits: what is not written yet is not among them. */
  lettersFrom(offset: number, limit: number): readonly KeptLetter[] {
    return this.#store.deadLettersFrom(offset, limit);
  }

  letter(offset: number): KeptLetter | null {
    return this.#letters.has(offset) ? (this.#letters.get(offset) ?? null) : this.#store.deadLetter(offset);
  }

  /** Ids come from the clock and are never used again: a queue repeats messages, and an old acknowledgement must not take a new row. */
  addOutbox(body: OutboxBody, now: number): void {
    const id = Math.max(now, this.#lastOutbox + 1, ...[...this.outbox.keys()].map((used) => used + 1));
    this.#lastOutbox = id;
    const row = { id, body, tries: 0, nextAt: 0 };
    this.outbox.set(id, row);
    this.#newOutbox.push(row);
  }

  dropOutbox(id: number): void {
    if (this.outbox.delete(id)) this.#oldOutbox.push(id);
  }

  newRow(context: LeaseRow["context"], now: number): LeaseRow {
    const table = this.#leases.tableFor(this.nextRow, now);
    const row: LeaseRow = { id: this.nextRow, table: table.id, context, entries: [], bytes: 0, fresh: true };
    this.nextRow += 1;
    this.rows.set(row.id, row);
    return row;
  }

  /** Writes what was touched. If storage refuses, memory goes back to what is stored, and the refusal is passed on. */
  commit(): void {
    try {
      if (this.#isOneRow()) this.#write();
      else this.#store.transaction(() => this.#write());
    } catch (thrown) {
      this.load();
      throw thrown;
    }
    this.#forgetDirty();
  }

  /** A single statement needs no transaction around it, which costs as much again. */
  #isOneRow(): boolean {
    const others =
      this.#dirtyHoles.size +
      this.#dirtySkips.size +
      this.#dirtyLanes.size +
      this.#letters.size +
      this.#newOutbox.length;
    const rest = others + this.#oldOutbox.length === 0 && !this.#dirtyRuntime && !this.#leases.opening;
    return rest && this.#dirtyRows.size === 1;
  }

  #write(): void {
    const mark: CursorMark = { cursor: this.cursor, lastMatched: this.lastMatched };
    // A row that a deliverer goes on filling counts as open: it may be again after newer rows were written.
    const oldestOpen = Math.min(this.nextRow, ...this.rows.keys());
    let found = false;
    const opened = this.#leases.writeOpened();
    for (const row of this.#dirtyRows) {
      if (row.entries.length === 0 && row.fresh) continue;
      this.#leases.put(row, mark, oldestOpen);
      // A restart reads all rows from the oldest open one on, so those that are in memory; a late report's is not.
      found ||= this.rows.has(row.id) && this.#isCurrent(row.id);
    }
    if (found) this.#persisted = mark;
    const moved = this.#dirtyLanes.size + this.#dirtyHoles.size + this.#dirtySkips.size > 0;
    if (!found && moved && mark.cursor > this.#persisted.cursor) this.#dirtyRuntime = true;
    for (const offset of this.#dirtyHoles) {
      const hole = this.holes.get(offset);
      if (hole === undefined) this.#store.deleteHole(offset);
      else this.#store.putHole(hole);
    }
    for (const offset of this.#dirtySkips) {
      if (this.skips.has(offset)) this.#store.putSkip(offset);
      else this.#store.deleteSkip(offset);
    }
    for (const key of this.#dirtyLanes) {
      const next = this.lanes.waiting.get(key);
      if (next === undefined) this.#store.deleteLane(key);
      else this.#store.putLane(key, next);
    }
    for (const [offset, letter] of this.#letters) {
      if (letter === null) this.#store.deleteDeadLetter(offset);
      else this.#store.putDeadLetter(letter);
    }
    for (const row of this.#newOutbox) this.#store.putOutbox(row.id, row.body);
    for (const id of this.#oldOutbox) this.#store.deleteOutbox(id);
    if (this.#dirtyRuntime && this.known !== null) {
      this.known.runtime.cursor = mark.cursor;
      this.known.runtime.lastMatched = mark.lastMatched;
      this.#store.putSubscription(this.known.config, this.known.runtime);
      this.#persisted = mark;
    }
    if (opened) this.#dropOldTables();
    for (const [id, row] of this.rows) if (!isOpen(row) && !this.#isFilled(row)) this.rows.delete(id);
  }

  #dropOldTables(): void {
    const from = Math.min(this.cursor + 1, ...this.lanes.waiting.values());
    const sought = { from, to: this.known?.runtime.soughtThrough ?? 0 };
    const tried: Unsettled["tried"][number][] = [...this.holes.values()];
    for (const { entry } of this.flights.values()) {
      // Tried before, and under way again by a seek.
      if (entry.n > 1 && !this.holes.has(entry.o)) tried.push({ offset: entry.o, attempts: entry.n - 1 });
    }
    this.#leases.dropOld({ rows: [...this.rows.values()], tried, sought });
  }

  #isFilled(row: LeaseRow): boolean {
    for (const one of this.filled.values()) if (one === row) return true;
    return false;
  }

  #forgetDirty(): void {
    this.#dirtyHoles.clear();
    this.#dirtySkips.clear();
    this.#dirtyLanes.clear();
    this.#dirtyRows.clear();
    this.#letters.clear();
    this.#newOutbox.length = 0;
    this.#oldOutbox.length = 0;
    this.#dirtyRuntime = false;
  }
}

const isOpen = (row: LeaseRow): boolean => row.entries.some((entry) => entry.out === null);
