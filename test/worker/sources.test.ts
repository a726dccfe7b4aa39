import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { ok } from "../../src/core/result.ts";
import { directoryMigrations } from "../../src/directory/migrations.ts";
import type { SourceEntry } from "../../src/directory/rpc.ts";
import { SourceStore } from "../../src/directory/source-store.ts";
import { directory, GATEWAY_TENANT } from "../../src/rpc/objects.ts";
import { durableSql } from "../../src/storage/durable-sql.ts";
import { migrate } from "../../src/storage/migrate.ts";

const NONE = { accepted: 0, refused: 0, duplicates: 0, lastRefusal: null };

const entry = (n: number): SourceEntry => ({
  ...{ id: `src_${n}`, name: `name-${n}`, token: `token-${n}`, topic: "hooks", provider: "github", secrets: "v1.x" },
  options: { typeFrom: null, keyFrom: "/id", idempotencyFrom: null, hmac: null },
  ...{ createdAt: 1, updatedAt: 1 },
});

it("a Directory keeps its sources, and what they counted, when it forgets", async () => {
  const names = () => directory(env, "with-sources");
  for (const n of [1, 2, 3]) expect(await names().putSource(entry(n))).toEqual(ok(null));
  const lastRefusal = { at: 5, reason: "mismatch" };
  await names().countSource("src_1", { accepted: 2, refused: 1, duplicates: 1, lastRefusal });
  expect(await names().updateSource("src_2", { topic: "other" })).toMatchObject({ topic: "other" });
  expect(await names().updateSource("src_9", { topic: "other" })).toBeNull();
  expect([await names().removeSource("src_3"), await names().removeSource("src_3")]).toEqual([true, false]);
  await evictDurableObject(env.DIRECTORY.getByName("with-sources"));
  expect(await names().source("name-1")).toEqual({
    ...entry(1),
    counts: { accepted: 2, refused: 1, duplicates: 1, lastRefusal },
  });
  expect(await names().sourceByToken("token-2")).toMatchObject({ id: "src_2", topic: "other" });
  expect(await names().sourceByToken("token-3")).toBeNull();
  const page = await names().sources(null, 1);
  expect([page.sources.map(({ id }) => id), page.next]).toEqual([["src_1"], "src_1"]);
  expect((await names().sources("src_1", 1)).next).toBeNull();
  expect(await directory(env, "without-sources").source("name-1")).toBeNull();
});

it("the key of all tokens is made once", async () => {
  const gateway = () => directory(env, GATEWAY_TENANT);
  const keys = await Promise.all([gateway().sourceTokenKey(), gateway().sourceTokenKey()]);
  await evictDurableObject(env.DIRECTORY.getByName(GATEWAY_TENANT));
  expect(new Set([...keys, await gateway().sourceTokenKey()]).size).toBe(1);
  expect(keys[0]).toMatch(/^[A-Za-z0-9_-]{43}$/);
});

it("counting costs a row; a source costs its row and its two names", () =>
  runInDurableObject(env.DIRECTORY.getByName("rows-of-sources"), (_, state) => {
    const meter = { rowsWritten: 0, rowsRead: 0 };
    const sql = durableSql(state.storage, meter);
    migrate(sql, directoryMigrations);
    const store = new SourceStore(sql);
    const rows = (write: () => unknown) => {
      meter.rowsWritten = 0;
      write();
      return meter.rowsWritten;
    };
    expect(rows(() => store.put(entry(1)))).toBe(3);
    expect(rows(() => store.count("src_1", { ...NONE, accepted: 100 }))).toBe(1);
    expect(rows(() => store.count("src_9", { ...NONE, accepted: 1 }))).toBe(0);
    expect(rows(() => store.update("src_1", { topic: "other" }, 2))).toBe(1);
  }));
