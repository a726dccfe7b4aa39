import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import type { NewEvent } from "../../src/core/event.ts";
import type { Filter } from "../../src/core/filter.ts";
import { WAKE_AT_ONCE_MAX } from "../../src/core/limits.ts";
import { migrate } from "../../src/storage/migrate.ts";
import { Appender } from "../../src/topic-log/appender.ts";
import type { LogDeps } from "../../src/topic-log/deps.ts";
import { FanOut } from "../../src/topic-log/fan-out.ts";
import { topicLogMigrations } from "../../src/topic-log/migrations.ts";
import { parsesSoFar } from "../../src/topic-log/parsed-data.ts";
import { Reader } from "../../src/topic-log/reader.ts";
import type { Wake } from "../../src/topic-log/rpc.ts";
import { Schemas } from "../../src/topic-log/schemas.ts";
import { LogState } from "../../src/topic-log/state.ts";
import { TopicLogStore } from "../../src/topic-log/store.ts";
import { nodeSql } from "../support/node-sql.ts";

/** A log with so many caught-up subscriptions; what is done for its events is counted. */
function logWith(filters: readonly Filter[]) {
  const sql = nodeSql(new DatabaseSync(":memory:"));
  migrate(sql, topicLogMigrations);
  const store = new TopicLogStore(sql);
  const settings = { description: "", retentionDays: 30, retentionBytes: null, types: {} };
  store.putLog({ ...settings, tag: 1, live: true, createdAt: 0, nextOffset: 1 });
  const state = new LogState(store);
  state.openSegment(0);
  const reader = new Reader(state, store, 0);
  const counts = { evaluations: 0, deferred: [] as (() => void)[], wakes: [] as { id: string; wake: Wake }[] };
  const deps: LogDeps = {
    ...{ sql, topic: "orders", partition: 0, now: () => 1000, newTag: () => 1 },
    defer: (run) => counts.deferred.push(run),
    alarm: () => {},
    background: (work) => {
      void work;
    },
    wake: async (id, wake) => {
      counts.wakes.push({ id, wake });
      return { mode: "push", incarnation: 1 };
    },
    expire: async () => {},
    erased: async () => undefined,
    expiring: async () => {},
    publish: async () => {},
    removeSubscription: async () => {},
    log: () => {},
  };
  const parts = { state, store, reader };
  const fanOut = new FanOut(deps, parts, null);
  const appender = new Appender(deps, { ...parts, schemas: new Schemas(state, store) }, () => fanOut.committed());
  filters.forEach((filter, number) => {
    const row = { id: `s${number}`, filter: JSON.stringify(filter), filterVersion: 1, start: 1 };
    const listener = fanOut.add({ ...row, quietFrom: 0, quietTo: 0, removing: false });
    fanOut.pulled(listener, 1, true);
    const { matches } = listener;
    listener.matches = (input) => {
      counts.evaluations += 1;
      return matches(input);
    };
  });
  let timers = 0;
  const settle = async () => {
    do {
      const deferred = counts.deferred.shift();
      if (deferred !== undefined) timers += 1;
      deferred?.();
      await new Promise((resolve) => setImmediate(resolve));
    } while (counts.deferred.length > 0);
  };
  const publish = async (...events: Partial<NewEvent>[]) => {
    counts.evaluations = 0;
    counts.wakes = [];
    timers = 0;
    const before = parsesSoFar();
    const request = { idempotency: null, requestId: null, expectedOffset: null };
    const appended = appender.append({
      ...request,
      events: events.map((event) => ({ ...EVENT, ...event, idempotency: null })),
    });
    await settle();
    const answer = await appended;
    expect(answer.ok).toBe(true);
    return {
      evaluations: counts.evaluations,
      parses: parsesSoFar() - before,
      told: counts.wakes.map(({ id, wake }) => `${id}:${wake.events?.map((event) => event.offset).join(",")}`),
    };
  };
  return { publish, fanOut, timers: () => timers };
}

const encoder = new TextEncoder();
const json = (value: unknown) => ({ data: encoder.encode(JSON.stringify(value)) });

const EVENT: NewEvent = {
  ...{ type: "order.paid", key: null, time: null, source: null, subject: null, correlationId: null, causationId: null },
  ...{ cloudEvent: null, headers: null, contentType: "application/json", hops: 0 },
  ...json({ amount: 1 }),
};

const thousand = (filter: (n: number) => Partial<Filter>): Filter[] =>
  Array.from({ length: 1000 }, (_, n) => ({ types: [], match: {}, ...filter(n) }));

describe("a thousand subscriptions", () => {
  it("that want other types cost an event nothing: no filter is run, no data parsed", async () => {
    const { publish } = logWith(thousand((n) => ({ types: [`type.${n}`, `begin.${n}.*`], match: { data: { a: n } } })));
    expect(await publish({}, { type: "invoice" })).toEqual({ evaluations: 0, parses: 0, told: [] });
    expect(await publish(json({ a: 7 }))).toEqual({ evaluations: 0, parses: 0, told: [] });
    expect(await publish({ type: "begin.7.a", ...json({ a: 7 }) })).toEqual({
      evaluations: 1,
      parses: 1,
      told: ["s7:4"],
    });
  });

  it("that want other data cost it one parse", async () => {
    const { publish } = logWith(thousand((n) => ({ match: { data: { customer: `c${n}`, amount: { $gte: 1 } } } })));
    expect(await publish(json({ customer: "other", amount: 5 }))).toEqual({ evaluations: 0, parses: 1, told: [] });
    expect(await publish(json({ customer: "c7", amount: 0 }))).toEqual({ evaluations: 1, parses: 1, told: [] });
    expect(await publish(json({ customer: "c7", amount: 5 }), json({ customer: "c8", amount: 5 }))).toEqual({
      evaluations: 2,
      parses: 2,
      told: ["s7:3", "s8:4"],
    });
  });

  it("are run once an event where nothing is known of their filters, also for those that match", async () => {
    const { publish } = logWith(thousand((n) => ({ match: { $not: { data: { a: { $lt: n } } } } })));
    const { evaluations, parses, told } = await publish(json({ a: 2 }), json({ a: 0 }));
    expect([evaluations, parses]).toEqual([2000, 2]);
    expect(told).toEqual(["s0:1,2", "s1:1", "s2:1"]);
  });
});

describe("of a thousand subscriptions", () => {
  // The first so many want the event.
  const some = (count: number) => thousand((n) => ({ types: [n < count ? "few" : "none"] }));

  it("those few that an event is for are told without a timer, which would take a millisecond", async () => {
    const { publish, timers } = logWith(some(WAKE_AT_ONCE_MAX));
    const { told } = await publish({ type: "few" });
    expect([told.length, timers()]).toEqual([WAKE_AT_ONCE_MAX, 0]);
  });

  it("more are told after the answers to the producers", async () => {
    const { publish, timers } = logWith(some(WAKE_AT_ONCE_MAX + 1));
    const { told } = await publish({ type: "few" });
    expect([told.length, timers()]).toEqual([WAKE_AT_ONCE_MAX + 1, 1]);
  });
});

it("one whose filter is changed is told by the new one, and one that has gone is not told", async () => {
  const { publish, fanOut } = logWith(thousand((n) => ({ types: [`type.${n}`] })));
  const listener = fanOut.listeners.get("s7");
  if (listener !== undefined) fanOut.refilter(listener, { types: ["order.*"], match: {} });
  expect((await publish({}, { type: "type.7" })).told).toEqual(["s7:1"]);
  fanOut.remove("s7");
  expect((await publish({}, { type: "type.8" })).told).toEqual(["s8:4"]);
});
