import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { DeadLetterStore } from "../../src/directory/dead-letter-store.ts";
import { directoryMigrations } from "../../src/directory/migrations.ts";
import { DirectoryStore } from "../../src/directory/store.ts";
import { ObjectAlarm } from "../../src/storage/alarm.ts";
import { durableSql } from "../../src/storage/durable-sql.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { deadLetter } from "../support/dead-letter.ts";
import { SQL_CONTRACT } from "../support/sql-contract.ts";

let objects = 0;
/** Runs inside a Durable Object of its own. */
const inside = <T>(run: (storage: DurableObjectStorage) => T | Promise<T>): Promise<T> =>
  runInDurableObject(env.DIRECTORY.getByName(`storage-${++objects}`), (_, state) => run(state.storage));

const LATER = Date.now() + 3_600_000;

describe("durableSql", () => {
  for (const clause of SQL_CONTRACT)
    it(clause.name, () =>
      inside((storage) => {
        clause.run(durableSql(storage));
      }),
    );

  it("counts what the platform bills, complete also for a statement with many rows", () =>
    inside((storage) => {
      const meter = { rowsWritten: 0, rowsRead: 0 };
      const sql = durableSql(storage, meter);
      sql.exec("CREATE TABLE things (id INTEGER PRIMARY KEY)");
      meter.rowsWritten = 0;
      sql.exec("INSERT INTO things SELECT value FROM json_each(?)", JSON.stringify([1, 2, 3, 4, 5]));
      expect(meter.rowsWritten).toBe(5);
      meter.rowsRead = 0;
      expect(sql.exec("SELECT id FROM things")).toHaveLength(5);
      expect(meter.rowsRead).toBe(5);
    }));
});

describe("migrate in a Durable Object", () => {
  it("writes nothing when nothing is to do, and refuses newer data", () =>
    inside((storage) => {
      const meter = { rowsWritten: 0, rowsRead: 0 };
      const sql = durableSql(storage, meter);
      migrate(sql, directoryMigrations);
      expect(meter.rowsWritten).toBe(0);
      expect(() => migrate(sql, [])).toThrow(/newer code/);
    }));

  it("rolls a failed migration back, tables included", () =>
    inside((storage) => {
      const sql = durableSql(storage);
      const broken = { id: 2, name: "broken", up: ["CREATE TABLE half (id INTEGER)", "CREATE NONSENSE"] };
      expect(() => migrate(sql, [...directoryMigrations, broken])).toThrow();
      expect(sql.exec("SELECT name FROM sqlite_master WHERE name = 'half'")).toEqual([]);
      expect(sql.exec("SELECT count(*) AS n FROM migrations")).toEqual([{ n: directoryMigrations.length }]);
    }));
});

describe("ObjectAlarm", () => {
  it("is set only when none is pending or the new time is earlier, a row each", () =>
    inside(async (storage) => {
      const meter = { rowsWritten: 0, rowsRead: 0 };
      const alarm = new ObjectAlarm(storage, meter);
      await alarm.earlier(LATER);
      await alarm.earlier(LATER + 5);
      await alarm.earlier(LATER);
      expect(await storage.getAlarm()).toBe(LATER);
      expect(meter.rowsWritten).toBe(1);
      await alarm.earlier(LATER - 5);
      expect(await storage.getAlarm()).toBe(LATER - 5);
      expect(meter.rowsWritten).toBe(2);
    }));

  it("knows what was pending before the object was woken", () =>
    inside(async (storage) => {
      await storage.setAlarm(LATER);
      const meter = { rowsWritten: 0, rowsRead: 0 };
      const alarm = new ObjectAlarm(storage, meter);
      await Promise.all([alarm.earlier(LATER + 1), alarm.earlier(LATER + 2)]);
      expect(meter.rowsWritten).toBe(0);
      expect(await storage.getAlarm()).toBe(LATER);
    }));

  it("is set in the caller's own turn once loaded", () =>
    inside(async (storage) => {
      const alarm = new ObjectAlarm(storage);
      await alarm.load();
      void alarm.earlier(LATER);
      expect(await storage.getAlarm()).toBe(LATER);
    }));

  it("is set again after it has fired, also when nothing was loaded before", () =>
    inside(async (storage) => {
      const alarm = new ObjectAlarm(storage);
      await alarm.earlier(LATER - 5);
      await storage.deleteAlarm();
      alarm.fired();
      await alarm.earlier(LATER);
      expect(await storage.getAlarm()).toBe(LATER);
    }));

  it("assumes nothing when storage refused", async () => {
    const asked: number[] = [];
    let refuse = true;
    const storage = {
      getAlarm: async () => null,
      setAlarm: async (at: number) => {
        asked.push(at);
        if (refuse) throw new Error("no");
      },
    } as unknown as DurableObjectStorage;
    const alarm = new ObjectAlarm(storage);
    await expect(alarm.earlier(LATER)).rejects.toThrow("no");
    refuse = false;
    await alarm.earlier(LATER);
    expect(asked).toEqual([LATER, LATER]);
  });
});

describe("rows of the directory", () => {
  it("writes one row a dead letter, none for a repeat, two to remove it", () =>
    inside((storage) => {
      const meter = { rowsWritten: 0, rowsRead: 0 };
      const store = new DeadLetterStore(durableSql(storage, meter));
      const letters = Array.from({ length: 10 }, (_, n) => deadLetter({ offset: n, deadAt: LATER }));
      store.add(letters, LATER);
      expect(meter.rowsWritten).toBe(10);
      store.add(letters, LATER);
      expect(meter.rowsWritten).toBe(10);
      store.remove(letters, LATER);
      expect(meter.rowsWritten).toBe(30);
      store.remove(letters, LATER);
      expect(meter.rowsWritten).toBe(30);
    }));

  it("writes one row a topic and none when a name is put again", () =>
    inside((storage) => {
      const meter = { rowsWritten: 0, rowsRead: 0 };
      const store = new DirectoryStore(durableSql(storage, meter));
      store.putTopic("orders");
      store.putTopic("orders");
      expect(meter.rowsWritten).toBe(1);
      store.putSubscription({ id: "sub_a", name: "a", topic: "orders" });
      expect(meter.rowsWritten).toBe(4);
      store.putSubscription({ id: "sub_a", name: "a", topic: "orders" });
      store.checkEncryptionKey("k1", null);
      store.checkEncryptionKey("k1", null);
      expect(meter.rowsWritten).toBe(5);
    }));
});

describe("an evicted object", () => {
  it("has its names and letters afterwards", async () => {
    const stub = env.DIRECTORY.getByName("evicted");
    await stub.putSubscription({ id: "sub_a", name: "a", topic: "orders" });
    await stub.indexDeadLetters([deadLetter()]);
    await evictDurableObject(stub);
    expect(await stub.subscription("a")).toEqual({ id: "sub_a", name: "a", topic: "orders" });
    const query = { topic: null, subscription: null, reason: null, since: null, until: null, cursor: null, limit: 5 };
    expect((await stub.deadLetters(query)).letters).toEqual([deadLetter()]);
  });
});
