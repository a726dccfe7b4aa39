import type { Migration } from "../storage/migrate.ts";

/** Append-only: a migration that shipped is never edited. Lease tables are made by the store. */
export const subscriptionMigrations: readonly Migration[] = [
  {
    id: 1,
    name: "subscription",
    up: [
      // One row: what the user set, and what the object must remember beside it (see Runtime in model.ts). Written
      // when either changes; the cursor lives in the newest lease row.
      `CREATE TABLE subscription (
         id INTEGER PRIMARY KEY CHECK (id = 1), config TEXT NOT NULL, runtime TEXT NOT NULL
       )`,
      // One row an event below the cursor that was tried and is not settled. Written by a failure, deleted by settling.
      "CREATE TABLE holes (event_offset INTEGER PRIMARY KEY, body TEXT NOT NULL)",
      // One row a blocked key, however many events wait behind it. Deleted when nothing waits any more.
      "CREATE TABLE lanes (key TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID",
      // One row an event cancelled before it was ever tried, until the scan has passed it.
      "CREATE TABLE skips (event_offset INTEGER PRIMARY KEY)",
      // One row a dead letter, until it is redriven, retried or deleted.
      "CREATE TABLE dead_letters (event_offset INTEGER PRIMARY KEY, body TEXT NOT NULL)",
      // One row an effect on another object, until that object acknowledged it.
      "CREATE TABLE outbox (id INTEGER PRIMARY KEY, body TEXT NOT NULL)",
      // One row a lease table (leases_<id>), which holds a day of the delivery log and is dropped whole.
      "CREATE TABLE lease_tables (id INTEGER PRIMARY KEY, first_row INTEGER NOT NULL, opened_at INTEGER NOT NULL)",
    ],
  },
  {
    id: 2,
    name: "delivery-log-bytes",
    // The size of each lease table, and in each row what its table held when the row was written. Those that are there
    // are measured, this once.
    up: (sql) => {
      sql.exec("ALTER TABLE lease_tables ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0");
      for (const { id } of sql.exec("SELECT id FROM lease_tables")) {
        sql.exec(`ALTER TABLE leases_${id} ADD COLUMN table_bytes INTEGER NOT NULL DEFAULT 0`);
        const bytes = `(SELECT COALESCE(SUM(LENGTH(CAST(body AS BLOB))), 0) FROM leases_${id})`;
        sql.exec(`UPDATE lease_tables SET bytes = ${bytes} WHERE id = ?`, id ?? 0);
      }
    },
  },
];
