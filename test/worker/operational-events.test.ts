import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { PARTITION_FILLING_BYTES, WAKE_BACKSTOP_MS } from "../../src/core/limits.ts";
import { EVENTS_TOPIC, type OperationalEvent } from "../../src/core/operational-event.ts";
import { directory, subscription, topicLog } from "../../src/rpc/objects.ts";
import { durableSql } from "../../src/storage/durable-sql.ts";
import type { SubscriptionConfig, SubscriptionRpc, SubscriptionView } from "../../src/subscription/rpc.ts";
import type { LogDeps } from "../../src/topic-log/deps.ts";
import { Log } from "../../src/topic-log/log.ts";
import { appendOf, eventually, newSubscription, newTopic, SETTINGS } from "../support/objects.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const WORKING = "http://subscriber.example/200";
const FAILING = "http://subscriber.example/500";
const GONE = "http://subscriber.example/410";
const holding = (scheduleSeconds: readonly number[] = [60]): Pick<SubscriptionConfig, "retry"> => ({
  retry: { scheduleSeconds, jitter: 0, onExhausted: "continue", holdAfterFailures: 1 },
});

/** The operational events of a tenant so far, as type and data. */
async function told(tenant: string): Promise<{ type: string; data: unknown }[]> {
  const everything = { after: null, before: null, since: null, until: null, type: null, key: null };
  const read = await topicLog(env, tenant, EVENTS_TOPIC).read({ ...everything, order: "asc", limit: 100 });
  const events = read.ok ? read.value.events : [];
  return events.map(({ type, data }) => ({ type, data: JSON.parse(new TextDecoder().decode(data)) }));
}

const toldOf = (tenant: string, count: number) =>
  eventually(async () => {
    const events = await told(tenant);
    return events.length >= count ? events : null;
  });

const untilView = (rpc: Pick<SubscriptionRpc, "view">, reached: (view: SubscriptionView) => boolean) =>
  eventually(async () => {
    const view = await rpc.view();
    return view.ok && reached(view.value);
  });
const isDisabled = ({ state }: SubscriptionView) => state === "disabled";
const isQuiet = ({ lag }: SubscriptionView) => lag === 0;

describe("a subscription", () => {
  it("says that it is failing, and that it has recovered, each once and in that order", async () => {
    const { tenant, log } = await newTopic();
    const { config, rpc, stub } = await newSubscription(tenant, { url: FAILING, ...holding() });
    await log.append(appendOf({}));
    await toldOf(tenant, 1);
    // An alarm and a new incarnation find nothing left to say.
    await evictDurableObject(stub);
    await runDurableObjectAlarm(stub);
    await subscription(env, tenant, config.id).patch({ url: WORKING });
    const about = { subscription: { id: config.id, name: config.name }, topic: "orders" };
    expect(await toldOf(tenant, 2)).toEqual([
      { type: "subscription.failing", data: { ...about, reason: "status" } },
      { type: "subscription.recovered", data: about },
    ]);
    expect(await rpc.view()).toMatchObject({ ok: true, value: { health: { state: "healthy" } } });
  });

  it("says that it was disabled, and why", async () => {
    const { tenant, log } = await newTopic();
    const { config, rpc } = await newSubscription(tenant, { url: GONE });
    await log.append(appendOf({}));
    await untilView(rpc, isDisabled);
    const data = { subscription: { id: config.id, name: config.name }, topic: "orders", reason: "gone" };
    expect(await toldOf(tenant, 1)).toEqual([{ type: "subscription.disabled", data }]);
  });

  it("has its dead letters told, by the queue's consumer", async () => {
    const { tenant, log } = await newTopic();
    const retry = { scheduleSeconds: [], jitter: 0, onExhausted: "continue", holdAfterFailures: null } as const;
    const { config } = await newSubscription(tenant, { url: FAILING, retry });
    const appended = await log.append(appendOf({}));
    const eventId = appended.ok ? appended.value[0]?.id : null;
    const about = { subscription: { id: config.id, name: config.name }, topic: "orders" };
    expect(await toldOf(tenant, 1)).toEqual([
      { type: "delivery.dead", data: { ...about, eventId, reason: "exhausted" } },
    ]);
  });

  it("of the operational events themselves says nothing, whatever becomes of it", async () => {
    const { tenant, log } = await newTopic();
    await directory(env, tenant).ensureTopic(EVENTS_TOPIC, SETTINGS);
    const own = await newSubscription(tenant, { topic: EVENTS_TOPIC, url: FAILING, ...holding([]) });
    const gone = await newSubscription(tenant, { topic: EVENTS_TOPIC, url: GONE });
    await newSubscription(tenant, { url: FAILING, ...holding() });
    await log.append(appendOf({}));
    await untilView(gone.rpc, isDisabled);
    await untilView(own.rpc, ({ health }) => health.state === "failing");
    await own.rpc.expiring(1);
    await runInDurableObject(own.stub, (_, state) => {
      expect(state.storage.sql.exec("SELECT body FROM outbox").toArray()).toEqual([]);
    });
    expect((await told(tenant)).map(({ type }) => type)).toEqual(["subscription.failing"]);
  });
});

describe("subscription.expiring", () => {
  it("is said once a segment, and only while something is unsettled there", async () => {
    const { tenant, log } = await newTopic();
    const { config, rpc, stub } = await newSubscription(tenant);
    await rpc.pause();
    await log.append(appendOf({}, {}));
    await rpc.expiring(0);
    await rpc.expiring(1);
    await rpc.expiring(1);
    await evictDurableObject(stub);
    const again = subscription(env, tenant, config.id);
    await again.expiring(1);
    await again.expiring(2);
    const data = { subscription: { id: config.id, name: config.name }, topic: "orders" };
    const expiring = { type: "subscription.expiring", data };
    expect(await toldOf(tenant, 2)).toEqual([expiring, expiring]);
    await again.resume();
    await untilView(again, isQuiet);
    await log.append(appendOf({}));
    await untilView(again, isQuiet);
    await again.expiring(3);
    expect(await told(tenant)).toHaveLength(2);
  });

  it("is not said for what does not match", async () => {
    const { tenant, log } = await newTopic();
    const { rpc } = await newSubscription(tenant, { filter: { types: ["other"], match: {} } });
    await rpc.pause();
    await log.append(appendOf({}));
    await rpc.expiring(1);
    await log.append(appendOf({ type: "other" }));
    await rpc.expiring(1);
    expect(await told(tenant)).toEqual([]);
    await rpc.expiring(2);
    await toldOf(tenant, 1);
  });
});

interface Heard {
  readonly alarms: number[];
  readonly expiring: [string, number][];
  readonly published: OperationalEvent[];
  /** Whoever is called cannot be reached. */
  unreachable: boolean;
}

/** Logs over one object's real storage, with a clock of the test; `open` is what a restart does. */
async function withLogs<T>(
  topic: string,
  run: (open: () => Log, clock: { now: number }, heard: Heard, sql: LogDeps["sql"]) => Promise<T>,
): Promise<T> {
  const { stub } = await newTopic();
  return runInDurableObject(stub, (_, state) => {
    const clock = { now: Date.now() };
    const heard: Heard = { alarms: [], expiring: [], published: [], unreachable: false };
    const reach = () => {
      if (heard.unreachable) throw new Error("unreachable");
    };
    const sql = durableSql(state.storage);
    const deps: LogDeps = {
      sql,
      topic,
      partition: 0,
      now: () => clock.now,
      newTag: () => 1,
      defer: (flush) => queueMicrotask(flush),
      alarm: (at) => heard.alarms.push(at),
      background: () => undefined,
      wake: async () => ({ mode: "push", incarnation: 0 }),
      expire: async () => undefined,
      erased: async () => undefined,
      expiring: async (id, through) => {
        reach();
        heard.expiring.push([id, through]);
      },
      publish: async (event) => {
        heard.published.push(event);
        reach();
      },
      removeSubscription: async () => undefined,
      log: () => undefined,
    };
    return run(() => new Log(deps, null), clock, heard, sql);
  });
}

const everything = { types: [], match: {} };

describe("a log", () => {
  it.each([
    [30, 29 * DAY_MS],
    [2, DAY_MS],
    [1, 12 * HOUR_MS],
  ])("with a retention of %i days tells its subscriptions at the right time", (retentionDays, after) =>
    withLogs("orders", async (open, clock, heard) => {
      const log = open();
      log.configure({ retentionDays });
      log.register("sub", everything, 1, "latest");
      await log.append(appendOf({}, {}));
      const due = clock.now + after;
      clock.now += WAKE_BACKSTOP_MS;
      heard.alarms.length = 0;
      await log.onAlarm();
      expect(Math.min(...heard.alarms.filter((at) => at > clock.now + WAKE_BACKSTOP_MS))).toBe(due);
      clock.now = due - 1;
      await log.onAlarm();
      expect(heard.expiring).toEqual([]);
      clock.now = due;
      await log.onAlarm();
      await log.onAlarm();
      expect(heard.expiring).toEqual([["sub", 2]]);
    }),
  );

  it("tells again soon whom it could not reach, and whoever begins later with what expires", () =>
    withLogs("orders", async (open, clock, heard) => {
      const log = open();
      await log.append(appendOf({}));
      log.register("late", everything, 1, "earliest");
      log.register("new", everything, 1, "latest");
      heard.unreachable = true;
      clock.now += 29 * DAY_MS;
      heard.alarms.length = 0;
      await log.onAlarm();
      expect(Math.min(...heard.alarms)).toBe(clock.now + WAKE_BACKSTOP_MS);
      heard.unreachable = false;
      await log.onAlarm();
      expect(heard.expiring).toEqual([["late", 1]]);
      heard.alarms.length = 0;
      expect(log.locate("new", "earliest", false)).toMatchObject({ ok: true });
      expect(heard.alarms).toEqual([clock.now]);
      await log.onAlarm();
      expect(heard.expiring.slice(1)).toEqual([["new", 1]]);
    }));

  it("of operational events tells nobody of their end", () =>
    withLogs(EVENTS_TOPIC, async (open, clock, heard) => {
      const log = open();
      await log.append(appendOf({}));
      log.register("sub", everything, 1, "earliest");
      clock.now += 29 * DAY_MS;
      await log.onAlarm();
      expect(heard.expiring).toEqual([]);
    }));
});

describe("topic.filling", () => {
  /** As if so many bytes had been appended: a log takes them for granted. */
  const fill = (sql: LogDeps["sql"], bytes: number) => {
    sql.exec("UPDATE segment_1 SET bytes_total = ?", bytes);
  };

  it("is said once when the partition passes 80 %, across restarts, and again only after there was room", () =>
    withLogs("orders", async (open, clock, heard, sql) => {
      await open().append(appendOf({}));
      fill(sql, PARTITION_FILLING_BYTES - 1000);
      await open().onAlarm();
      expect(heard.published).toEqual([]);
      fill(sql, PARTITION_FILLING_BYTES - 1);
      const log = open();
      heard.alarms.length = 0;
      await log.append(appendOf({}));
      expect(heard.alarms).toContain(clock.now);
      await log.onAlarm();
      await log.append(appendOf({}));
      await log.onAlarm();
      await open().onAlarm();
      expect(heard.published).toMatchObject([{ type: "topic.filling", subscription: null, topic: "orders" }]);
      clock.now += 31 * DAY_MS;
      await log.onAlarm();
      expect(log.describe()).toMatchObject({ ok: true, value: { bytes: 0 } });
      expect(sql.exec("SELECT * FROM filling")).toEqual([]);
    }));

  it("is said until it has been heard, always as the same happening", () =>
    withLogs("orders", async (open, clock, heard, sql) => {
      await open().append(appendOf({}));
      fill(sql, PARTITION_FILLING_BYTES);
      heard.unreachable = true;
      heard.alarms.length = 0;
      await open().onAlarm();
      expect(Math.min(...heard.alarms)).toBe(clock.now + WAKE_BACKSTOP_MS);
      clock.now += WAKE_BACKSTOP_MS;
      heard.unreachable = false;
      await open().onAlarm();
      await open().onAlarm();
      expect(heard.published).toHaveLength(2);
      expect(new Set(heard.published.map(({ happening }) => happening)).size).toBe(1);
    }));

  it("is not said of the operational events themselves", () =>
    withLogs(EVENTS_TOPIC, async (open, _, heard, sql) => {
      await open().append(appendOf({}));
      fill(sql, PARTITION_FILLING_BYTES);
      await open().onAlarm();
      expect(heard.published).toEqual([]);
    }));
});
