import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { subscription, topicLog } from "../../src/rpc/objects.ts";
import type { Subscription } from "../../src/subscription/object.ts";
import type { DeliveriesQuery, SubscriptionConfig, SubscriptionRpc } from "../../src/subscription/rpc.ts";
import type { TopicLog } from "../../src/topic-log/object.ts";
import { appendOf, eventually, newSubscription, newTopic } from "../support/objects.ts";

/** Storage, clock and schema, on the storage of workerd. */

type Stub = DurableObjectStub<TopicLog> | DurableObjectStub<Subscription>;

const ALL: DeliveriesQuery = { state: null, type: null, since: null, until: null, before: null, limit: 50 };
const retry = (...scheduleSeconds: number[]): SubscriptionConfig["retry"] => ({
  ...{ scheduleSeconds, jitter: 0, onExhausted: "continue", holdAfterFailures: null },
});

const sql = (stub: Stub, ...statements: string[]) =>
  runInDurableObject(stub, (_: TopicLog | Subscription, state) => {
    for (const statement of statements) state.storage.sql.exec(statement);
  });

/** Everything that is stored, by table. */
const stored = (stub: Stub): Promise<Record<string, unknown>> =>
  runInDurableObject(stub, (_: TopicLog | Subscription, state) => {
    const tables = state.storage.sql
      .exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' ORDER BY name")
      .toArray();
    return Object.fromEntries(
      tables.map(({ name }) => [name, state.storage.sql.exec(`SELECT * FROM ${String(name)}`).toArray()]),
    );
  });

/** The disk is full for these tables: SQLite says so in the middle of a transaction. */
const fill = (stub: Stub, ...tables: string[]) =>
  sql(
    stub,
    ...tables.flatMap((table) =>
      ["INSERT", "UPDATE", "DELETE"].map(
        (how) =>
          `CREATE TRIGGER full_${table}_${how} BEFORE ${how} ON ${table} BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`,
      ),
    ),
  );

const free = (stub: Stub, ...tables: string[]) =>
  sql(
    stub,
    ...tables.flatMap((table) => ["INSERT", "UPDATE", "DELETE"].map((how) => `DROP TRIGGER full_${table}_${how}`)),
  );

/** What a call was refused with. Not `expect().rejects`: looking at more than `then` of an RPC's promise makes further calls. */
const refusal = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "done",
    (thrown) => String(thrown),
  );

const listed = async (rpc: SubscriptionRpc) => {
  const answer = await rpc.deliveries(ALL);
  return answer.ok ? answer.value.deliveries : [];
};

describe("D01 a disk that is full", () => {
  it("at an append: no acknowledgement, nothing half written, no offset lost; goes on when there is room", async () => {
    const { tenant, log, stub } = await newTopic();
    const { rpc } = await newSubscription(tenant);
    await log.append(appendOf({}));
    await eventually(async () => (await listed(rpc))[0]?.state === "delivered");
    const before = await stored(stub);
    await fill(stub, "segment_1");
    const whole = { key: "whole", fingerprint: "f" };
    const refused = await Promise.all([
      log.append(appendOf({ idempotency: { key: "one", fingerprint: "f" } }, {})),
      log.append({ ...appendOf({}), idempotency: whole }),
      ...Array.from({ length: 20 }, () => log.append(appendOf({}))),
    ]);
    for (const one of refused) expect(one).toMatchObject({ ok: false, error: { code: "unavailable" } });
    expect(await stored(stub)).toEqual(before);
    expect(await log.describe()).toMatchObject({ ok: true, value: { nextOffset: 2 } });
    await free(stub, "segment_1");
    const answer = await log.append({ ...appendOf({}), idempotency: whole });
    expect(answer).toMatchObject({ ok: true, value: [{ offset: 2, duplicate: false }] });
    await eventually(async () => (await listed(rpc))[0]?.offset === 2);
    await evictDurableObject(stub);
    expect(await topicLog(env, tenant, "orders").describe()).toMatchObject({ ok: true, value: { nextOffset: 3 } });
  });

  it("at a lease: nothing is sent that is not written down, and the alarm looks again", async () => {
    const { tenant, log } = await newTopic();
    const { rpc, stub } = await newSubscription(tenant);
    await log.append(appendOf({ key: "a" }));
    await eventually(async () => (await listed(rpc))[0]?.state === "delivered");
    await fill(stub, "leases_1");
    await log.append(appendOf({ key: "a" }, { key: "b" }));
    await eventually(() => runInDurableObject(stub, (_, state) => state.storage.getAlarm()));
    expect((await listed(rpc)).map(({ attempts }) => attempts.length)).toEqual([0, 0, 1]);
    await free(stub, "leases_1");
    await runDurableObjectAlarm(stub);
    await eventually(async () => (await listed(rpc)).every(({ state }) => state === "delivered"));
    expect((await listed(rpc)).map(({ attempts }) => attempts.length)).toEqual([1, 1, 1]);
  });

  it("at the report of an attempt: memory is what is stored, and the report comes again", async () => {
    const { tenant, log } = await newTopic();
    const { config, rpc, stub } = await newSubscription(tenant, {
      url: "http://subscriber.example/500",
      retry: retry(3600),
    });
    await rpc.pause();
    await log.append(appendOf({}));
    await fill(stub, "holes");
    await rpc.resume();
    // Leased, and its result cannot be written: as long as that is so, the attempt is under way.
    await eventually(async () => (await listed(rpc))[0]?.state === "delivering");
    const memory = await rpc.deliveries(ALL);
    await free(stub, "holes");
    await eventually(async () => (await listed(rpc))[0]?.state === "retrying");
    const [delivery] = await listed(rpc);
    expect(delivery?.attempts).toMatchObject([{ number: 1, outcome: "failure", statusCode: 500 }]);
    expect(memory.ok && memory.value.deliveries[0]?.attempts[0]?.id).toBe(delivery?.attempts[0]?.id);
    await evictDurableObject(stub);
    expect((await listed(subscription(env, tenant, config.id)))[0]).toEqual(delivery);
  });
});

describe("D11 an exception in a commit", () => {
  const changes: [string, string, (rpc: SubscriptionRpc, eventId: string) => Promise<unknown>][] = [
    [
      "a PATCH",
      "subscription",
      (rpc) => rpc.patch({ url: "http://other.example/200", filter: { types: ["x"], match: {} } }),
    ],
    ["a pause", "subscription", (rpc) => rpc.pause()],
    ["a rotation", "subscription", (rpc) => rpc.rotateSecret("other", 1000)],
    ["a deletion", "outbox", (rpc) => rpc.remove()],
    ["a seek", "subscription", (rpc) => rpc.seek("earliest", false)],
    ["a manual retry", "holes", (rpc, eventId) => rpc.retry(eventId)],
    ["a cancel", "holes", (rpc, eventId) => rpc.cancel(eventId)],
  ];
  it.each(changes)(
    "of %s is the caller's error, and changes nothing in memory nor in storage",
    async (_, table, change) => {
      const { tenant, log } = await newTopic();
      const { config, rpc, stub } = await newSubscription(tenant, {
        url: "http://subscriber.example/500",
        retry: retry(3600),
      });
      const appended = await log.append(appendOf({ key: "a" }, { key: "a" }));
      const eventId = appended.ok ? (appended.value[0]?.id ?? "") : "";
      await eventually(async () => (await listed(rpc)).at(-1)?.state === "retrying");
      const view = await rpc.view();
      const deliveries = await listed(rpc);
      const rows = await stored(stub);
      await fill(stub, table);
      expect(await refusal(change(rpc, eventId))).toContain("disk is full");
      await free(stub, table);
      expect(await stored(stub)).toEqual(rows);
      expect(await rpc.view()).toEqual(view);
      expect(await listed(rpc)).toEqual(deliveries);
      await evictDurableObject(stub);
      const woken = subscription(env, tenant, config.id);
      expect(await woken.view()).toEqual(view);
      expect(await listed(woken)).toEqual(deliveries);
      // And it can still be done.
      expect(await change(woken, eventId)).toMatchObject({ ok: true });
    },
  );
});

describe("D09 rows of an older version", () => {
  it("without the members that came since, are read and go on", async () => {
    const { tenant, log } = await newTopic();
    const { config, rpc, stub } = await newSubscription(tenant, { url: "http://subscriber.example/500" });
    await log.append(appendOf({ key: "a" }, { key: "a" }));
    await eventually(async () => (await listed(rpc)).at(-1)?.state === "retrying");
    const before = await rpc.view();
    const deliveries = await listed(rpc);
    await runInDurableObject(stub, (_, state) => {
      const [row] = state.storage.sql.exec("SELECT config, runtime FROM subscription").toArray();
      const old = { config: JSON.parse(String(row?.config)), runtime: JSON.parse(String(row?.runtime)) };
      for (const name of ["rateLimit", "batch"]) delete old.config[name];
      for (const name of ["marksFrom", "soughtThrough", "skippedBelow", "redrive", "warnedThrough"])
        delete old.runtime[name];
      const texts = [JSON.stringify(old.config), JSON.stringify(old.runtime)];
      state.storage.sql.exec("UPDATE subscription SET config = ?, runtime = ?", ...texts);
    });
    await evictDurableObject(stub);
    const woken = subscription(env, tenant, config.id);
    expect(await woken.view()).toEqual(before);
    expect(await listed(woken)).toEqual(deliveries);
    expect(await woken.patch({ url: "http://subscriber.example/200" })).toMatchObject({ ok: true });
    expect(await woken.retry(deliveries.at(-1)?.eventId ?? "")).toMatchObject({ ok: true });
    await eventually(async () => (await listed(woken)).every(({ state }) => state === "delivered"));
  });
});
