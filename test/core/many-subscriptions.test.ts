import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { SUBSCRIPTIONS_PER_TOPIC_MAX, WAKE_MAX_CONCURRENT } from "../../src/core/limits.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { Log } from "../../src/topic-log/log.ts";
import { topicLogMigrations } from "../../src/topic-log/migrations.ts";
import { nodeSql } from "../support/node-sql.ts";

const EVENT = {
  ...{ type: "a", key: null, time: null, source: null, subject: null, correlationId: null, causationId: null },
  ...{ cloudEvent: null, headers: null, hops: 0, contentType: "application/json", idempotency: null },
  data: new TextEncoder().encode("1"),
};

it("W02 W08 one event for as many subscriptions as a topic takes is acknowledged before any is told, and told to all", async () => {
  const sql = nodeSql(new DatabaseSync(":memory:"));
  migrate(sql, topicLogMigrations);
  const told = new Map<string, number>();
  let underWay = 0;
  let most = 0;
  const allTold = Promise.withResolvers<void>();
  const acknowledged = Promise.withResolvers<void>();
  const log = new Log(
    {
      ...{ sql, topic: "orders", partition: 0, now: Date.now, newTag: () => 1, log: () => undefined },
      ...{ alarm: () => undefined, background: () => undefined },
      defer: (run) => setTimeout(run, 0),
      wake: async (id) => {
        underWay += 1;
        most = Math.max(most, underWay);
        // Nobody answers before the producer has heard: it does not wait for any of them.
        await acknowledged.promise;
        underWay -= 1;
        told.set(id, (told.get(id) ?? 0) + 1);
        if (told.size === SUBSCRIPTIONS_PER_TOPIC_MAX) allTold.resolve();
        return { mode: "push", incarnation: 1 };
      },
      ...{ expire: async () => undefined, expiring: async () => undefined },
      ...{ erased: async () => undefined, publish: async () => undefined },
      removeSubscription: async () => undefined,
    },
    null,
  );
  log.create({ description: "", retentionDays: 30, retentionBytes: null, types: {} });
  const register = (n: number) => log.register(`sub_${n}`, { types: [], match: {} }, 1, "latest");
  const nothing = { after: 0, offsets: [], lanes: [], floor: 0, maxEvents: 1 };
  for (let n = 0; n < SUBSCRIPTIONS_PER_TOPIC_MAX; n++) {
    expect(register(n).ok).toBe(true);
    // Once a pull has found nothing, it waits to be told.
    expect(log.fetchFor({ subscription: `sub_${n}`, incarnation: 1, filterVersion: 1, ...nothing }).ok).toBe(true);
  }
  expect(register(SUBSCRIPTIONS_PER_TOPIC_MAX)).toMatchObject({ ok: false, error: { code: "limit-reached" } });
  const appended = await log.append({ events: [EVENT], idempotency: null, requestId: null, expectedOffset: null });
  expect(appended).toMatchObject({ ok: true });
  expect(told.size).toBe(0);
  acknowledged.resolve();
  await allTold.promise;
  expect(most).toBe(WAKE_MAX_CONCURRENT);
  expect(new Set(told.values())).toEqual(new Set([1]));
});
