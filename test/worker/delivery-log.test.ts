import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { DELIVERY_LOG_MAX_BYTES, DELIVERY_LOG_TABLE_MAX_BYTES } from "../../src/core/limits.ts";
import { subscription } from "../../src/rpc/objects.ts";
import { durableSql } from "../../src/storage/durable-sql.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { LeaseTables } from "../../src/subscription/lease-tables.ts";
import { subscriptionMigrations } from "../../src/subscription/migrations.ts";
import type { DeliveryState } from "../../src/subscription/rpc.ts";
import { SubscriptionStore } from "../../src/subscription/store.ts";
import { appendOf, configOf, eventually, newSubscription, newTopic } from "../support/objects.ts";

const EVERY = { state: null, type: null, since: null, until: null, before: null, limit: 50 };
const RETRY = { scheduleSeconds: [3600], jitter: 0, onExhausted: "continue", holdAfterFailures: null } as const;

/** A subscription whose delivery log can be made to look large without being so. */
async function newLog(url: string) {
  const { tenant, log } = await newTopic();
  const { config, stub } = await newSubscription(tenant, { url, retry: RETRY });
  // After an eviction a stub must be a new one.
  const rpc = () => subscription(env, tenant, config.id);
  const inStorage = <T>(look: (sql: SqlStorage) => T): Promise<T> =>
    runInDurableObject(stub, (_, state) => look(state.storage.sql));
  return {
    rpc,
    tables: () =>
      inStorage((sql) =>
        sql
          .exec("SELECT id FROM lease_tables ORDER BY id")
          .toArray()
          .map(({ id }) => id),
      ),
    deliveries: async () => {
      const listed = await rpc().deliveries(EVERY);
      return listed.ok ? listed.value.deliveries : [];
    },
    /** Publishes one event and waits until its delivery is in this state. */
    deliver: async (state: DeliveryState) => {
      const appended = await log.append(appendOf({}));
      const id = appended.ok ? (appended.value[0]?.id ?? "") : "";
      await eventually(async () => {
        const delivery = await rpc().delivery(id);
        return delivery.ok && delivery.value.state === state;
      });
      return id;
    },
    /** The present table is full: the next row opens another. `bytes`: what the oldest holds, as it is written down. */
    fill: async (bytes: number | null) => {
      await inStorage((sql) => {
        const [newest] = sql.exec("SELECT MAX(id) AS id FROM lease_tables").toArray();
        sql.exec(`UPDATE leases_${newest?.id} SET table_bytes = ?`, DELIVERY_LOG_TABLE_MAX_BYTES);
        if (bytes !== null) sql.exec("UPDATE lease_tables SET bytes = ? WHERE id = 1", bytes);
      });
      await evictDurableObject(stub);
    },
  };
}

describe("the delivery log of a subscription (API clause 7.8)", () => {
  it("drops its oldest table when it holds more than its bound, after a restart as well", async () => {
    const log = await newLog("http://subscriber.example/200");
    const first = await log.deliver("delivered");
    await log.fill(null);
    const second = await log.deliver("delivered");
    expect(await log.tables()).toEqual([1, 2]);
    await log.fill(DELIVERY_LOG_MAX_BYTES - DELIVERY_LOG_TABLE_MAX_BYTES - 10_000);
    await log.deliver("delivered");
    // All but as much as it may hold.
    expect(await log.tables()).toEqual([1, 2, 3]);
    await log.fill(DELIVERY_LOG_MAX_BYTES);
    await log.deliver("delivered");
    expect(await log.tables()).toEqual([2, 3, 4]);

    expect(await log.rpc().delivery(first)).toMatchObject({ ok: false, error: { code: "not-found" } });
    expect(await log.rpc().delivery(second)).toMatchObject({ ok: true });
    expect((await log.deliveries()).map(({ offset }) => offset)).toEqual([4, 3, 2]);
    const view = await log.rpc().view();
    expect(view.ok && [view.value.cursor, view.value.lag]).toEqual([4, 0]);
  });

  it("keeps a table with an attempt of an unsettled event, and drops it when that is settled", async () => {
    const log = await newLog("http://subscriber.example/500");
    const unsettled = await log.deliver("retrying");
    await log.rpc().patch({ url: "http://subscriber.example/200" });
    await log.fill(null);
    await log.deliver("delivered");
    await log.fill(2 * DELIVERY_LOG_MAX_BYTES);
    await log.deliver("delivered");
    expect(await log.tables()).toEqual([1, 3]);
    const delivery = await log.rpc().delivery(unsettled);
    expect(delivery.ok && delivery.value.attempts.map(({ number, outcome }) => [number, outcome])).toEqual([
      [1, "failure"],
    ]);

    expect(await log.rpc().cancel(unsettled)).toMatchObject({ ok: true });
    await log.fill(2 * DELIVERY_LOG_MAX_BYTES);
    await log.deliver("delivered");
    expect(await log.tables()).toEqual([3, 4]);
  });
});

describe("migrations", () => {
  it("measure the delivery log of a store of the first version, and lose nothing of it", async () => {
    const { tenant } = await newTopic();
    const config = await configOf(tenant);
    await runInDurableObject(env.SUBSCRIPTION.getByName(`${tenant}/${config.id}`), (_, state) => {
      const sql = durableSql(state.storage);
      // As the first version left it.
      sql.exec("DELETE FROM migrations WHERE id > 1");
      sql.exec("ALTER TABLE lease_tables DROP COLUMN bytes");
      const body = JSON.stringify({ context: { url: "http://käse.example/" }, entries: [] });
      for (const id of [1, 2]) {
        sql.exec("INSERT INTO lease_tables (id, first_row, opened_at) VALUES (?, ?, 0)", id, id);
        sql.exec(
          `CREATE TABLE leases_${id} (
             id INTEGER PRIMARY KEY, open INTEGER NOT NULL, lo INTEGER NOT NULL, hi INTEGER NOT NULL,
             cursor INTEGER NOT NULL, last_matched INTEGER NOT NULL, oldest_open INTEGER NOT NULL, body TEXT NOT NULL
           )`,
        );
        sql.exec(`INSERT INTO leases_${id} VALUES (?, 0, 1, 1, 7, 7, 3, ?)`, id, body);
      }

      migrate(sql, subscriptionMigrations);
      const tables = new LeaseTables(new SubscriptionStore(sql));
      expect(tables.load()).toMatchObject({ nextRow: 3, newest: { id: 2 }, marks: [{ mark: { cursor: 7 } }] });
      const bytes = new TextEncoder().encode(body).byteLength;
      expect(tables.list.map((table) => [table.id, table.firstRow, table.bytes])).toEqual([
        [1, 1, bytes],
        [2, 2, bytes],
      ]);
      tables.put({ ...rowOf(3), table: 2 }, { cursor: 8, lastMatched: 8 }, 4);
      expect(tables.load()).toMatchObject({ nextRow: 4, newest: { id: 3 }, marks: [{ mark: { cursor: 8 } }] });
    });
  });
});

const rowOf = (id: number) => ({
  ...{ id, entries: [], bytes: 0, fresh: true },
  context: { url: "", headerNames: [], version: "", leaseMilliseconds: 1 },
});
