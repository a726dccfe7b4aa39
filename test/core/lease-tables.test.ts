import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { DELIVERY_LOG_MAX_MS, DELIVERY_LOG_TABLE_MS } from "../../src/core/limits.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { LeaseTables, type Unsettled } from "../../src/subscription/lease-tables.ts";
import { subscriptionMigrations } from "../../src/subscription/migrations.ts";
import type { Entry, LeaseRow } from "../../src/subscription/model.ts";
import { SubscriptionStore } from "../../src/subscription/store.ts";
import { nodeSql } from "../support/node-sql.ts";

const BOUNDS = { tableBytes: 2000, logBytes: 6000 };
const MARK = { cursor: 0, lastMatched: 0 };
const SETTLED: Unsettled = { rows: [], tried: [], sought: { from: 1, to: 0 } };

const entryOf = (offset: number, body: string): Entry => ({
  ...{ o: offset, id: `evt_${offset}`, t: "order.paid", k: null, h: 0, p: 0, n: 1, a: `att_${offset}`, g: "fan-out" },
  ...{ l: 0, ct: "application/json", out: "success", fin: "delivered" },
  r: { s: 0, d: 1, c: 200, e: null, b: 0, x: { headers: {}, body, truncated: false } },
});

/** The delivery log over one database, which `reopen` reads again as after a restart. */
function open() {
  const sql = nodeSql(new DatabaseSync(":memory:"));
  migrate(sql, subscriptionMigrations);
  const store = new SubscriptionStore(sql);
  let tables = new LeaseTables(store, BOUNDS);
  let next = tables.load().nextRow;
  let oldestOpen: number | null = null;
  const log = {
    ids: () => tables.list.map(({ id }) => id),
    bytes: () => tables.list.map(({ bytes }) => bytes),
    /** As SQLite has them. */
    measured: () =>
      tables.list.map(({ id }) => measured(sql.exec(`SELECT body FROM leases_${id}`).map((row) => row.body))),
    tableOf: (row: number) => tables.tableOf(row)?.id,
    keepOpen: (row: LeaseRow | null) => {
      oldestOpen = row?.id ?? null;
    },
    /** One row, in a commit of its own. */
    write(now: number, offsets: readonly number[], unsettled = SETTLED, body = "x".repeat(700)): LeaseRow {
      const context = { url: "", headerNames: [], version: "", leaseMilliseconds: 1 };
      const entries = offsets.map((offset) => entryOf(offset, body));
      const table = tables.tableFor(next, now).id;
      const row: LeaseRow = { id: next, table, context, entries, bytes: 0, fresh: true };
      next += 1;
      store.transaction(() => log.commit(row, unsettled));
      return row;
    },
    commit(row: LeaseRow, unsettled = SETTLED) {
      const opened = tables.writeOpened();
      tables.put(row, MARK, oldestOpen ?? next);
      if (opened) tables.dropOld(unsettled);
    },
    reopen() {
      tables = new LeaseTables(store, BOUNDS);
      next = tables.load().nextRow;
      return next;
    },
  };
  return log;
}

const measured = (bodies: readonly unknown[]): number =>
  bodies.reduce<number>((sum, body) => sum + Buffer.byteLength(String(body)), 0);

describe("the tables of a delivery log", () => {
  it("open by time", () => {
    const log = open();
    log.write(0, [1], SETTLED, "");
    log.write(DELIVERY_LOG_TABLE_MS - 1, [2], SETTLED, "");
    expect(log.ids()).toEqual([1]);
    log.write(DELIVERY_LOG_TABLE_MS, [3], SETTLED, "");
    expect(log.ids()).toEqual([1, 2]);
    expect([1, 2, 3].map(log.tableOf)).toEqual([1, 1, 2]);
  });

  it("open by size, and go when all hold too much, the oldest first", () => {
    const log = open();
    let most = 0;
    for (let offset = 1; offset <= 60; offset += 1) {
      log.write(offset, [offset]);
      expect(log.bytes()).toEqual(log.measured());
      most = Math.max(
        most,
        log.bytes().reduce((sum, bytes) => sum + bytes, 0),
      );
    }
    expect(log.ids()[0]).toBeGreaterThan(3);
    expect(log.ids()).toEqual(log.ids().toSorted((a, b) => a - b));
    expect(most).toBeGreaterThan(BOUNDS.logBytes);
    // One table more, and one row more than fits into it.
    expect(most).toBeLessThan(BOUNDS.logBytes + BOUNDS.tableBytes + 1000);
  });

  it("go by age", () => {
    const log = open();
    log.write(0, [1]);
    log.write(DELIVERY_LOG_MAX_MS + DELIVERY_LOG_TABLE_MS, [2]);
    expect(log.ids()).toEqual([1, 2]);
    log.write(DELIVERY_LOG_MAX_MS + 3 * DELIVERY_LOG_TABLE_MS, [3]);
    expect(log.ids()).toEqual([2, 3]);
  });

  it("know their sizes after a restart, also of rows that were written again after newer ones", () => {
    const log = open();
    const first = log.write(1, [1], SETTLED, "");
    log.keepOpen(first);
    log.write(1, [2], SETTLED, "");
    first.entries.push(entryOf(3, "käse".repeat(300)));
    log.commit(first);
    const before = log.bytes();
    expect(before).toEqual(log.measured());
    expect(log.reopen()).toBe(3);
    expect(log.bytes()).toEqual(before);
    // Full as it was: the next row opens another.
    expect(log.write(1, [4]).table).toBe(2);
    log.reopen();
    expect(log.bytes()).toEqual(log.measured());
    log.keepOpen(null);
    log.write(1, [5]);
    log.reopen();
    expect(log.bytes()).toEqual(log.measured());
  });
});

describe("a table that is kept although it is too old, or all hold too much", () => {
  /** 24 rows of one event each, two a table; `unsettled` all the while. Which tables are left. */
  const left = (unsettled: (rows: readonly LeaseRow[]) => Unsettled) => {
    const log = open();
    const rows: LeaseRow[] = [];
    for (let offset = 1; offset <= 24; offset += 1) rows.push(log.write(offset, [offset], unsettled(rows)));
    return log.ids();
  };

  it("is none when everything is settled", () => {
    expect(left(() => SETTLED)[0]).toBe(10);
  });

  it("has a row under way", () => {
    expect(left((rows) => ({ ...SETTLED, rows: rows.slice(0, 1) })).slice(0, 2)).toEqual([1, 11]);
  });

  it("has the first attempt of an unsettled event; tables after it may go", () => {
    const tried = [{ offset: 4, attempts: 1, row: 4 }];
    expect(left(() => ({ ...SETTLED, tried })).slice(0, 2)).toEqual([2, 11]);
  });

  it("has an attempt of an event whose first row nobody knows", () => {
    expect(left(() => ({ ...SETTLED, tried: [{ offset: 5, attempts: 1 }] })).slice(0, 2)).toEqual([3, 11]);
    expect(left(() => ({ ...SETTLED, tried: [{ offset: 5, attempts: 0 }] }))[0]).toBe(10);
    expect(left(() => ({ ...SETTLED, tried: [{ offset: 100, attempts: 1 }] }))[0]).toBe(10);
  });

  it("has a later attempt of an unsettled event", () => {
    const log = open();
    const tried = [{ offset: 1, attempts: 1, row: 1 }];
    for (let row = 1; row <= 24; row += 1) log.write(row, [row === 7 ? 1 : row], { ...SETTLED, tried });
    expect(log.ids().slice(0, 3)).toEqual([1, 4, 12]);
    // Settled at last.
    for (let row = 25; row <= 27; row += 1) log.write(row, [row]);
    expect(log.ids()[0]).toBeGreaterThan(4);
  });

  it("has events that come again by a seek", () => {
    expect(left(() => ({ ...SETTLED, sought: { from: 3, to: 4 } })).slice(0, 2)).toEqual([2, 11]);
  });
});
