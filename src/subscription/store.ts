import type { Sql, SqlRow, SqlValue } from "../core/sql.ts";
import type { Entry, Hole, KeptLetter, LeaseContext, LeaseRow, OutboxBody, Runtime } from "./model.ts";
import type { SubscriptionConfig } from "./rpc.ts";

export interface LeaseTable {
  readonly id: number;
  readonly firstRow: number;
  readonly openedAt: number;
  /** Of the bodies of its rows. In storage as of when it was closed; while it is filled, its rows know better. */
  bytes: number;
}

/** The cursor as a lease row knows it. */
export interface CursorMark {
  readonly cursor: number;
  readonly lastMatched: number;
}

/** What a lease row knows beside its sends. */
interface LeaseMark {
  readonly id: number;
  readonly mark: CursorMark;
  /** Of its table, when the row was written last. */
  readonly tableBytes: number;
}

export interface LeaseRange {
  readonly table: number;
  readonly id: number;
  readonly lo: number;
  readonly hi: number;
}

const integer = (value: SqlValue | undefined): number => (typeof value === "number" ? value : 0);
const text = (value: SqlValue | undefined): string => (typeof value === "string" ? value : "");

/** Members that were not there when the first subscriptions were stored. */
const CONFIG_OF_BEFORE: Pick<SubscriptionConfig, "rateLimit" | "batch"> = { rateLimit: null, batch: null };
const RUNTIME_OF_BEFORE: Pick<Runtime, "marksFrom" | "soughtThrough" | "skippedBelow" | "redrive" | "warnedThrough"> = {
  ...{ marksFrom: 1, soughtThrough: 0, skippedBelow: 0, redrive: null, warnedThrough: 0 },
};

const LEASE_COLUMNS = "id, open, lo, hi, cursor, last_matched, oldest_open, table_bytes, body";

/** All the SQL of a Subscription. The texts it keeps are JSON written by this code alone. */
export class SubscriptionStore {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  transaction<T>(run: () => T): T {
    return this.#sql.transaction(run);
  }

  // ---- the subscription

  load(): { config: SubscriptionConfig; runtime: Runtime } | null {
    const row = this.#sql.exec("SELECT config, runtime FROM subscription")[0];
    if (row === undefined) return null;
    return {
      config: { ...CONFIG_OF_BEFORE, ...JSON.parse(text(row.config)) },
      runtime: { ...RUNTIME_OF_BEFORE, ...JSON.parse(text(row.runtime)) },
    };
  }

  putSubscription(config: SubscriptionConfig, runtime: Runtime): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO subscription (id, config, runtime) VALUES (1, ?, ?)",
      JSON.stringify(config),
      JSON.stringify(runtime),
    );
  }

  deleteSubscription(): void {
    this.#sql.exec("DELETE FROM subscription");
  }

  // ---- holes, lanes, dead letters, outbox

  holes(): Hole[] {
    return this.#sql.exec("SELECT body FROM holes ORDER BY event_offset").map((row) => JSON.parse(text(row.body)));
  }

  putHole(hole: Hole): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO holes (event_offset, body) VALUES (?, ?)",
      hole.offset,
      JSON.stringify(hole),
    );
  }

  deleteHole(offset: number): void {
    this.#sql.exec("DELETE FROM holes WHERE event_offset = ?", offset);
  }

  lanes(): (readonly [string, number])[] {
    return this.#sql.exec("SELECT key, next FROM lanes ORDER BY next").map((row) => [text(row.key), integer(row.next)]);
  }

  putLane(key: string, next: number): void {
    this.#sql.exec("INSERT OR REPLACE INTO lanes (key, next) VALUES (?, ?)", key, next);
  }

  deleteLane(key: string): void {
    this.#sql.exec("DELETE FROM lanes WHERE key = ?", key);
  }

  skips(): number[] {
    return this.#sql.exec("SELECT event_offset FROM skips").map((row) => integer(row.event_offset));
  }

  putSkip(offset: number): void {
    this.#sql.exec("INSERT OR REPLACE INTO skips (event_offset) VALUES (?)", offset);
  }

  deleteSkip(offset: number): void {
    this.#sql.exec("DELETE FROM skips WHERE event_offset = ?", offset);
  }

  /** Dead letters from an offset on, in log order. */
  deadLettersFrom(offset: number, limit: number): KeptLetter[] {
    return this.#sql
      .exec("SELECT body FROM dead_letters WHERE event_offset >= ? ORDER BY event_offset LIMIT ?", offset, limit)
      .map((row) => JSON.parse(text(row.body)));
  }

  deadLetter(offset: number): KeptLetter | null {
    const row = this.#sql.exec("SELECT body FROM dead_letters WHERE event_offset = ?", offset)[0];
    return row === undefined ? null : JSON.parse(text(row.body));
  }

  putDeadLetter(letter: KeptLetter): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO dead_letters (event_offset, body) VALUES (?, ?)",
      letter.offset,
      JSON.stringify(letter),
    );
  }

  deleteDeadLetter(offset: number): void {
    this.#sql.exec("DELETE FROM dead_letters WHERE event_offset = ?", offset);
  }

  outbox(): { id: number; body: OutboxBody }[] {
    return this.#sql
      .exec("SELECT id, body FROM outbox ORDER BY id")
      .map((row) => ({ id: integer(row.id), body: JSON.parse(text(row.body)) }));
  }

  putOutbox(id: number, body: OutboxBody): void {
    this.#sql.exec("INSERT INTO outbox (id, body) VALUES (?, ?)", id, JSON.stringify(body));
  }

  deleteOutbox(id: number): void {
    this.#sql.exec("DELETE FROM outbox WHERE id = ?", id);
  }

  // ---- lease tables: the delivery log, with cursor and open leases inside

  leaseTables(): LeaseTable[] {
    return this.#sql.exec("SELECT * FROM lease_tables ORDER BY id").map((row) => ({
      id: integer(row.id),
      firstRow: integer(row.first_row),
      openedAt: integer(row.opened_at),
      bytes: integer(row.bytes),
    }));
  }

  openLeaseTable(table: LeaseTable): void {
    this.#sql.exec(
      "INSERT INTO lease_tables (id, first_row, opened_at, bytes) VALUES (?, ?, ?, 0)",
      table.id,
      table.firstRow,
      table.openedAt,
    );
    // The small columns come before the body, so that a scan over ranges never reads a body.
    this.#sql.exec(
      `CREATE TABLE leases_${table.id} (
         id INTEGER PRIMARY KEY, open INTEGER NOT NULL, lo INTEGER NOT NULL, hi INTEGER NOT NULL,
         cursor INTEGER NOT NULL, last_matched INTEGER NOT NULL, oldest_open INTEGER NOT NULL,
         table_bytes INTEGER NOT NULL, body TEXT NOT NULL
       )`,
    );
  }

  /** Its size, when nothing is added to it any more. */
  putLeaseTableBytes(table: LeaseTable): void {
    this.#sql.exec("UPDATE lease_tables SET bytes = ? WHERE id = ?", table.bytes, table.id);
  }

  dropLeaseTable(id: number): void {
    this.#sql.exec(`DROP TABLE leases_${id}`);
    this.#sql.exec("DELETE FROM lease_tables WHERE id = ?", id);
  }

  putLease(row: LeaseRow, body: string, facts: { mark: CursorMark; oldestOpen: number; tableBytes: number }): void {
    const offsets = row.entries.map((entry) => entry.o);
    const values = [
      row.entries.some((entry) => entry.out === null) ? 1 : 0,
      offsets.length === 0 ? 0 : Math.min(...offsets),
      offsets.length === 0 ? 0 : Math.max(...offsets),
      facts.mark.cursor,
      facts.mark.lastMatched,
      facts.oldestOpen,
      facts.tableBytes,
      body,
    ];
    if (row.fresh) {
      this.#sql.exec(
        `INSERT INTO leases_${row.table} (${LEASE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        row.id,
        ...values,
      );
    } else {
      this.#sql.exec(
        `UPDATE leases_${row.table} SET open = ?, lo = ?, hi = ?, cursor = ?, last_matched = ?, oldest_open = ?,
         table_bytes = ?, body = ? WHERE id = ?`,
        ...values,
        row.id,
      );
    }
  }

  newestLease(table: number): (LeaseMark & { oldestOpen: number; row: LeaseRow }) | null {
    const row = this.#sql.exec(`SELECT ${LEASE_COLUMNS} FROM leases_${table} ORDER BY id DESC LIMIT 1`)[0];
    if (row === undefined) return null;
    return {
      ...leaseMark(row),
      oldestOpen: integer(row.oldest_open),
      row: leaseRow(table, integer(row.id), text(row.body)),
    };
  }

  /** What every row from `from` on knows, and those rows that are open. */
  leasesFrom(table: number, from: number): (LeaseMark & { open: LeaseRow | null })[] {
    return this.#sql
      .exec(
        `SELECT id, open, cursor, last_matched, table_bytes, CASE open WHEN 1 THEN body END AS body
         FROM leases_${table} WHERE id >= ?`,
        from,
      )
      .map((row) => ({
        ...leaseMark(row),
        open: row.open === 1 ? leaseRow(table, integer(row.id), text(row.body)) : null,
      }));
  }

  lease(table: number, id: number): LeaseRow | null {
    const row = this.#sql.exec(`SELECT body FROM leases_${table} WHERE id = ?`, id)[0];
    return row === undefined ? null : leaseRow(table, id, text(row.body));
  }

  /** Rows before this one, newest first. */
  leasesBelow(table: number, before: number, limit: number): LeaseRow[] {
    return this.#sql
      .exec(`SELECT id, body FROM leases_${table} WHERE id < ? ORDER BY id DESC LIMIT ?`, before, limit)
      .map((row) => leaseRow(table, integer(row.id), text(row.body)));
  }

  /** Rows that may hold offsets below `before`, by their highest offset, highest first. */
  rangesBelow(table: number, before: number, limit: number): LeaseRange[] {
    return this.#sql
      .exec(`SELECT id, lo, hi FROM leases_${table} WHERE lo < ? ORDER BY hi DESC LIMIT ?`, before, limit)
      .map((row) => ({ table, id: integer(row.id), lo: integer(row.lo), hi: integer(row.hi) }));
  }

  /** Rows that may hold offsets between these two, both included. */
  rangesAround(table: number, from: number, to: number): LeaseRange[] {
    return this.#sql
      .exec(`SELECT id, lo, hi FROM leases_${table} WHERE lo <= ? AND hi >= ? ORDER BY id`, to, from)
      .map((row) => ({ table, id: integer(row.id), lo: integer(row.lo), hi: integer(row.hi) }));
  }

  /** Whether any row may hold an offset between these two. */
  hasOffsets(table: number, from: number, to: number): boolean {
    return this.#sql.exec(`SELECT 1 FROM leases_${table} WHERE lo <= ? AND hi >= ? LIMIT 1`, to, from).length > 0;
  }
}

const leaseMark = (row: SqlRow): LeaseMark => ({
  id: integer(row.id),
  mark: { cursor: integer(row.cursor), lastMatched: integer(row.last_matched) },
  tableBytes: integer(row.table_bytes),
});

function leaseRow(table: number, id: number, body: string): LeaseRow {
  const { context, entries }: { context: LeaseContext; entries: Entry[] } = JSON.parse(body);
  return { id, table, context, entries, bytes: new TextEncoder().encode(body).byteLength, fresh: false };
}
