import type { Migration } from "../storage/migrate.ts";

/** Append-only: a migration that shipped is never edited. Segment and idempotency tables are made by the store as time goes on. */
export const topicLogMigrations: readonly Migration[] = [
  {
    id: 1,
    name: "log",
    up: [
      // One row: written when the topic is created, configured or deleted. `next_offset` is kept only for the
      // tombstone, so that a topic created again continues its offsets.
      `CREATE TABLE log (
         id INTEGER PRIMARY KEY CHECK (id = 1), tag INTEGER NOT NULL, live INTEGER NOT NULL, created_at INTEGER NOT NULL,
         description TEXT NOT NULL, retention_days INTEGER NOT NULL, retention_bytes INTEGER, next_offset INTEGER NOT NULL
       )`,
      // One row a segment table (segment_<id>): written when a segment is opened, deleted with it by retention.
      `CREATE TABLE segments (
         id INTEGER PRIMARY KEY, first_offset INTEGER NOT NULL, opened_at INTEGER NOT NULL, bytes_before INTEGER NOT NULL
       )`,
      // One row a subscription: written by register and setFilter, and when quiet_to has moved far; deleted by
      // unregister. Nothing in (quiet_from, quiet_to] matches its filter. `removing`: the topic was deleted and the
      // subscription has not heard of it yet.
      `CREATE TABLE subscribers (
         id TEXT PRIMARY KEY, filter TEXT NOT NULL, filter_version INTEGER NOT NULL, start INTEGER NOT NULL,
         quiet_from INTEGER NOT NULL, quiet_to INTEGER NOT NULL, removing INTEGER NOT NULL
       ) WITHOUT ROWID`,
    ],
  },
  {
    id: 2,
    name: "filling",
    up: [
      // One row while the partition has more than PARTITION_FILLING_BYTES, written when that begins and again when it has
      // been published; deleted when retention has made room.
      "CREATE TABLE filling (id INTEGER PRIMARY KEY CHECK (id = 1), since INTEGER NOT NULL, told INTEGER NOT NULL)",
    ],
  },
  {
    id: 3,
    name: "idempotency-places",
    // The tables that the store has made so far: where each event of a request is, if not at consecutive offsets.
    up: (sql) => {
      for (const { name } of sql.exec(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'idempotency_[0-9]*'",
      )) {
        sql.exec(`ALTER TABLE ${String(name)} ADD COLUMN places TEXT`);
      }
    },
  },
  {
    id: 4,
    name: "types",
    up: [
      // JSON: the schemas of event types are settings of the topic, written with the others.
      "ALTER TABLE log ADD COLUMN types TEXT NOT NULL DEFAULT '{}'",
      // One row a type whose events broke a schema of mode `warn`: written by a commit that has such events, deleted when
      // the schema or its mode is another.
      "CREATE TABLE warnings (type TEXT PRIMARY KEY, events INTEGER NOT NULL) WITHOUT ROWID",
    ],
  },
];
