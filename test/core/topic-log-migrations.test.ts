import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { migrate } from "../../src/storage/migrate.ts";
import { topicLogMigrations } from "../../src/topic-log/migrations.ts";
import { TopicLogStore } from "../../src/topic-log/store.ts";
import { nodeSql } from "../support/node-sql.ts";

it("a log of an earlier release has no schemas, and keeps what it had", () => {
  const sql = nodeSql(new DatabaseSync(":memory:"));
  migrate(sql, topicLogMigrations.slice(0, 2));
  sql.exec(
    `INSERT INTO log (id, tag, live, created_at, description, retention_days, retention_bytes, next_offset)
     VALUES (1, 7, 1, 1000, 'old', 14, NULL, 5)`,
  );
  migrate(sql, topicLogMigrations);
  const store = new TopicLogStore(sql);
  const old = { tag: 7, live: true, createdAt: 1000, description: "old", retentionDays: 14, retentionBytes: null };
  expect(store.log()).toEqual({ ...old, nextOffset: 5, types: {} });
  expect(store.warnings()).toEqual({});

  const types = { "order.paid": { schema: { type: "object" }, mode: "warn" } } as const;
  store.putLog({ ...old, nextOffset: 5, types });
  expect(store.log()).toEqual({ ...old, nextOffset: 5, types });
});
