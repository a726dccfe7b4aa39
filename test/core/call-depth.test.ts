import { AsyncLocalStorage } from "node:async_hooks";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { ok } from "../../src/core/result.ts";
import type { Sql } from "../../src/core/sql.ts";
import { workPart } from "../../src/delivery/work-part.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { SubscriptionMachine } from "../../src/subscription/machine.ts";
import { subscriptionMigrations } from "../../src/subscription/migrations.ts";
import type { Part, SubscriptionConfig } from "../../src/subscription/rpc.ts";
import { Log } from "../../src/topic-log/log.ts";
import { topicLogMigrations } from "../../src/topic-log/migrations.ts";
import { nodeSql } from "../support/node-sql.ts";

/** The platform refuses calls nested too deeply (16 for Workers). Ours must not grow with the number of events. */
const DEPTH_MAX = 6;

const EVENTS = 200;
const depth = new AsyncLocalStorage<number>();
let deepest = 0;

/** A call to another object: one level deeper than whoever makes it. */
async function call<T>(run: () => T | Promise<T>): Promise<T> {
  const level = (depth.getStore() ?? 0) + 1;
  deepest = Math.max(deepest, level);
  return depth.run(level, async () => run());
}

/** An alarm is an invocation of its own. */
const alarms = (run: () => Promise<void>) => {
  let pending = false;
  return (at: number) => {
    if (pending || at > Date.now()) return;
    pending = true;
    depth.run(0, () =>
      setTimeout(() => {
        pending = false;
        void call(run);
      }, 0),
    );
  };
};

function sqlOf(migrations: Parameters<typeof migrate>[1]): Sql {
  const sql = nodeSql(new DatabaseSync(":memory:"));
  migrate(sql, migrations);
  return sql;
}

const CONFIG: SubscriptionConfig = {
  ...{ id: "sub_a", tenant: "t", name: "a", topic: "orders", url: "http://subscriber.example/", description: "" },
  ...{ filter: { types: [], match: {} }, ordering: "key", format: "standard", headers: {}, timeoutSeconds: 15 },
  ...{
    concurrency: 12,
    disableAfterSeconds: null,
    rateLimit: null,
    batch: null,
    secrets: [],
    createdAt: 0,
    updatedAt: 0,
  },
  retry: { scheduleSeconds: [60], jitter: 0, onExhausted: "continue", holdAfterFailures: null },
};

/** Log, subscription and deliverers wired as the objects wire them, with every call between them counted. */
function gateway(sent: (offset: number) => void) {
  let attempts = 0;
  const log: Log = new Log(
    {
      ...{
        sql: sqlOf(topicLogMigrations),
        topic: "orders",
        partition: 0,
        now: Date.now,
        newTag: () => 1,
        log: () => undefined,
      },
      defer: (run) => setTimeout(run, 0),
      alarm: alarms(() => log.onAlarm()),
      background: () => undefined,
      wake: (_, wake) => call(() => machine.wake(wake)),
      expire: async () => undefined,
      expiring: async () => undefined,
      erased: async () => undefined,
      publish: async () => undefined,
      removeSubscription: async () => undefined,
    },
    null,
  );
  const work = (part: Part) =>
    workPart(part, {
      send: async ({ lease, event, attemptId }) => {
        sent(event.offset);
        const answer = { startedAt: 0, durationMilliseconds: 0, statusCode: 200, error: null, bodyBytes: 0 };
        const rest = { response: null, retryAfterMilliseconds: null, instruction: null };
        return { lease, offset: event.offset, attemptId, kind: "answered", ...answer, ...rest };
      },
      report: (_, report) => call(() => machine.report(report)),
      reportGivenUp: () => undefined,
      now: Date.now,
      sleep: (milliseconds) => new Promise((resume) => setTimeout(resume, milliseconds)),
    });
  const machine: SubscriptionMachine = new SubscriptionMachine({
    ...{ sql: sqlOf(subscriptionMigrations), version: "0", now: Date.now, chance: () => 0.5, log: () => undefined },
    newAttemptId: () => `att_${attempts++}`,
    defer: (run) => setTimeout(run, 0),
    sleep: async () => undefined,
    alarm: alarms(() => machine.onAlarm()),
    background: () => undefined,
    wipe: async () => undefined,
    topicLog: () => ({
      register: (...args) => call(() => log.register(...args)),
      unregister: (...args) => call(() => log.unregister(...args)),
      setFilter: (...args) => call(() => log.setFilter(...args)),
      fetchFor: (...args) => call(() => log.fetchFor(...args)),
      peekFor: (...args) => call(() => log.peekFor(...args)),
      previousFor: (...args) => call(() => log.previousFor(...args)),
      locate: (...args) => call(() => log.locate(...args)),
      countFor: (...args) => call(() => log.countFor(...args)),
      append: (...args) => call(() => log.append(...args)),
    }),
    directory: () => ({
      putSubscription: async () => ok(null),
      removeSubscription: async () => undefined,
      removeDeadLetters: async () => undefined,
      ensureTopic: async () => ok({ created: false }),
    }),
    deliver: (part) =>
      call(async () => {
        void work(part);
      }),
    scheduleRetry: async () => undefined,
    sendDeadLetter: async () => undefined,
  });
  return { log, machine };
}

it("O08 calls do not nest deeper with more events, and a report starts no deliverer", async () => {
  const delivered = Promise.withResolvers<void>();
  const offsets = new Set<number>();
  const { log, machine } = gateway((offset) => {
    offsets.add(offset);
    if (offsets.size === EVENTS) delivered.resolve();
  });
  log.create({ description: "", retentionDays: 30, retentionBytes: null, types: {} });
  await machine.create(CONFIG, "latest");
  const event = {
    ...{
      type: "a",
      time: null,
      source: null,
      subject: null,
      correlationId: null,
      causationId: null,
      cloudEvent: null,
      headers: null,
      hops: 0,
    },
    ...{ contentType: "application/json", data: new TextEncoder().encode("1"), idempotency: null },
  };
  for (let batch = 0; batch < EVENTS / 20; batch += 1) {
    const events = Array.from({ length: 20 }, (_, index) => ({ ...event, key: `k${index % 5}` }));
    await call(() => log.append({ events, idempotency: null, requestId: null, expectedOffset: null }));
  }
  await delivered.promise;
  expect(deepest).toBeGreaterThan(2);
  expect(deepest).toBeLessThanOrEqual(DEPTH_MAX);
});
