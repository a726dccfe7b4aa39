import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { SOURCES_MAX } from "../../src/core/limits.ts";
import { ok } from "../../src/core/result.ts";
import { directoryMigrations } from "../../src/directory/migrations.ts";
import type { SourceEntry } from "../../src/directory/rpc.ts";
import { SourceStore } from "../../src/directory/source-store.ts";
import { DirectoryStore } from "../../src/directory/store.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { nodeSql } from "../support/node-sql.ts";

const NONE = { accepted: 0, refused: 0, duplicates: 0, lastRefusal: null };

const entry = (n: number, changes: Partial<SourceEntry> = {}): SourceEntry => ({
  ...{ id: `src_${n}`, name: `name-${n}`, token: `token-${n}`, topic: "hooks", provider: "github", secrets: "v1.x" },
  options: { typeFrom: null, keyFrom: "/repository/full_name", idempotencyFrom: null, hmac: null },
  ...{ createdAt: 1, updatedAt: 1 },
  ...changes,
});

function newStore() {
  const sql = nodeSql(new DatabaseSync(":memory:"));
  migrate(sql, directoryMigrations);
  return new SourceStore(sql);
}

describe("sources", () => {
  it("are found by id, name and token, until they are removed", () => {
    const store = newStore();
    expect(store.put(entry(1))).toEqual(ok(null));
    const view = { ...entry(1), counts: NONE };
    expect([store.find("src_1"), store.find("name-1")]).toEqual([view, view]);
    expect(store.byToken("token-1")).toEqual(entry(1));
    expect([store.find("token-1"), store.byToken("src_1"), store.byToken("token-2")]).toEqual([null, null, null]);
    expect([store.remove("src_1"), store.remove("src_1")]).toEqual([true, false]);
    expect([store.find("src_1"), store.find("name-1"), store.byToken("token-1")]).toEqual([null, null, null]);
  });

  it("keep their name to themselves", () => {
    const store = newStore();
    store.put(entry(1));
    expect(store.put(entry(2, { name: "name-1" }))).toMatchObject({ error: { code: "name-taken" } });
    expect(store.find("src_2")).toBeNull();
  });

  it("are changed as far as is said", () => {
    const store = newStore();
    store.put(entry(1));
    store.count("src_1", { ...NONE, accepted: 2 });
    expect(store.update("src_1", { secrets: "v1.y" }, 5)).toMatchObject({
      secrets: "v1.y",
      topic: "hooks",
      updatedAt: 5,
    });
    const options = { ...entry(1).options, keyFrom: null };
    const changed = store.update("src_1", { topic: "other", options }, 6);
    expect(changed).toEqual({
      ...entry(1, { secrets: "v1.y", topic: "other", options, updatedAt: 6 }),
      counts: { ...NONE, accepted: 2 },
    });
    expect(store.update("src_2", { topic: "x" }, 7)).toBeNull();
  });

  it("add up what was counted, and keep the last refusal", () => {
    const store = newStore();
    store.put(entry(1));
    const lastRefusal = { at: 7, reason: "mismatch" };
    store.count("src_1", { accepted: 3, refused: 1, duplicates: 2, lastRefusal });
    store.count("src_1", { ...NONE, accepted: 1 });
    store.count("src_2", { ...NONE, accepted: 1 });
    expect(store.find("src_1")?.counts).toEqual({ accepted: 4, refused: 1, duplicates: 2, lastRefusal });
  });

  it("are listed page by page", () => {
    const store = newStore();
    for (const n of [3, 1, 2]) store.put(entry(n));
    expect(store.list(null, 2).map(({ id }) => id)).toEqual(["src_1", "src_2"]);
    expect(store.list("src_2", 2).map(({ id }) => id)).toEqual(["src_3"]);
  });

  it("end at their limit, and go on after one is removed", () => {
    const store = newStore();
    for (let n = 0; n < SOURCES_MAX; n++) store.put(entry(n));
    expect(store.put(entry(SOURCES_MAX))).toMatchObject({ error: { code: "limit-reached" } });
    store.remove("src_0");
    expect(store.put(entry(SOURCES_MAX))).toEqual(ok(null));
  });
});

it("the key of the tokens is made once", () => {
  const sql = nodeSql(new DatabaseSync(":memory:"));
  migrate(sql, directoryMigrations);
  const store = new DirectoryStore(sql);
  expect([store.sourceTokenKey("first"), store.sourceTokenKey("second")]).toEqual(["first", "first"]);
});

it("a Directory of the release before has its rows, and sources from then on", () => {
  const sql = nodeSql(new DatabaseSync(":memory:"));
  migrate(sql, directoryMigrations.slice(0, 1));
  const old = new DirectoryStore(sql);
  old.putTopic("orders");
  old.putSubscription({ id: "sub_1", name: "billing", topic: "orders" });
  old.checkEncryptionKey("k1", null);
  migrate(sql, directoryMigrations);
  const names = new DirectoryStore(sql);
  expect([names.topics(null, 9), names.subscription("billing")?.id]).toEqual([["orders"], "sub_1"]);
  expect(names.checkEncryptionKey("k2", null)).toBe("mismatch");
  const sources = new SourceStore(sql);
  expect(sources.list(null, 9)).toEqual([]);
  expect(sources.put(entry(1))).toEqual(ok(null));
});
