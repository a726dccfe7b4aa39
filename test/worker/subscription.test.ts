import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { directory, subscription } from "../../src/rpc/objects.ts";
import type { DeliveriesQuery, SubscriptionRpc } from "../../src/subscription/rpc.ts";
import { appendOf, configOf, eventually, newSubscription, newTopic, sealed } from "../support/objects.ts";

const ALL: DeliveriesQuery = { state: null, type: null, since: null, until: null, before: null, limit: 50 };

const states = async (rpc: SubscriptionRpc) => {
  const listed = await rpc.deliveries(ALL);
  return listed.ok ? listed.value.deliveries.map((one) => one.state) : [];
};

const allDelivered = (rpc: SubscriptionRpc, count: number) =>
  eventually(async () => {
    const found = await states(rpc);
    return found.length === count && found.every((state) => state === "delivered");
  });

describe("a subscription", () => {
  it("delivers, and remembers each attempt after an eviction", async () => {
    const { tenant, log } = await newTopic();
    const { config, rpc, stub } = await newSubscription(tenant, { headers: { "x-team": await sealed("billing") } });
    await log.append(appendOf({ key: "a" }, { key: "a" }, { key: "b" }));
    await allDelivered(rpc, 3);
    await evictDurableObject(stub);
    const listed = await subscription(env, tenant, config.id).deliveries(ALL);
    const deliveries = listed.ok ? listed.value.deliveries : [];
    expect(deliveries.map((one) => [one.offset, one.attempts.length])).toEqual([
      [3, 1],
      [2, 1],
      [1, 1],
    ]);
    expect(deliveries[0]?.attempts[0]).toMatchObject({
      number: 1,
      trigger: "fan-out",
      outcome: "success",
      statusCode: 200,
      request: { headers: { "webhook-signature": "***", "x-team": "***", "sluice-offset": "3" } },
      response: { body: "noted" },
    });
  });

  it("creates nothing when its name is taken", async () => {
    const { tenant, log } = await newTopic();
    const { config } = await newSubscription(tenant);
    const other = await configOf(tenant, { name: config.name });
    const refused = await subscription(env, tenant, other.id).create(other, "latest");
    expect(refused).toMatchObject({ ok: false, error: { code: "name-taken" } });
    expect(await log.describe()).toMatchObject({ ok: true, value: { subscriptions: 1 } });
    expect(await subscription(env, tenant, other.id).view()).toMatchObject({ ok: false });
  });

  it("after removal is gone from the log and the directory, and stays gone", async () => {
    const { tenant, log } = await newTopic();
    const { config, rpc } = await newSubscription(tenant);
    expect(await rpc.remove()).toMatchObject({ ok: true });
    expect(await rpc.view()).toMatchObject({ ok: false, error: { code: "not-found" } });
    await eventually(async () => (await directory(env, tenant).subscription(config.id)) === null);
    await eventually(async () => {
      const described = await log.describe();
      return described.ok && described.value.subscriptions === 0;
    });
    expect(await rpc.remove()).toMatchObject({ ok: false, error: { code: "not-found" } });
  });

  it("delivers in key order although an earlier event of the key failed", async () => {
    const { tenant, log } = await newTopic();
    const { rpc } = await newSubscription(tenant, { url: "http://subscriber.example/500" });
    await log.append(appendOf({ key: "a" }, { key: "a" }));
    await eventually(async () => (await states(rpc)).includes("retrying"));
    expect(await states(rpc)).toEqual(["pending", "retrying"]);
  });

  it("sends an open lease again only when it has expired, not because the object woke", async () => {
    const { tenant, log } = await newTopic();
    const { config, rpc, stub } = await newSubscription(tenant);
    await log.append(appendOf({}));
    await allDelivered(rpc, 1);
    // As a crash leaves it: leased just now, and nobody to report.
    await runInDurableObject(stub, (_, state) => {
      const [row] = state.storage.sql.exec("SELECT id, body FROM leases_1").toArray();
      const body = JSON.parse(String(row?.body));
      body.entries[0] = { ...body.entries[0], out: null, fin: null, r: null, l: Date.now() };
      state.storage.sql.exec("UPDATE leases_1 SET open = 1, body = ? WHERE id = ?", JSON.stringify(body), row?.id ?? 0);
    });
    await evictDurableObject(stub);
    const again = subscription(env, tenant, config.id);
    await again.retryDue();
    await runDurableObjectAlarm(stub);
    expect(await states(again)).toEqual(["delivering"]);
    await runInDurableObject(stub, (_, state) => {
      state.storage.sql.exec("UPDATE leases_1 SET body = replace(body, '\"l\":', '\"l\":-')");
    });
    await evictDurableObject(stub);
    await subscription(env, tenant, config.id).view();
    await runDurableObjectAlarm(stub);
    const delivery = await eventually(async () => {
      const listed = await subscription(env, tenant, config.id).deliveries(ALL);
      return listed.ok ? listed.value.deliveries.find((one) => one.state === "delivered") : null;
    });
    expect(delivery.attempts.map((attempt) => attempt.outcome)).toEqual(["interrupted", "success"]);
  });
});

describe("a person's retry", () => {
  it("is one attempt now, also while the subscription is on hold", async () => {
    const { tenant, log } = await newTopic();
    const retry = { scheduleSeconds: [60], jitter: 0, onExhausted: "continue", holdAfterFailures: 1 } as const;
    const { rpc } = await newSubscription(tenant, { url: "http://subscriber.example/500", retry });
    await log.append(appendOf({}));
    const held = await eventually(async () => {
      const listed = await rpc.deliveries(ALL);
      return listed.ok ? listed.value.deliveries.find((one) => one.state === "held") : null;
    });
    expect(await rpc.retry(held.eventId)).toMatchObject({ ok: true });
    const tried = await eventually(async () => {
      const delivery = await rpc.delivery(held.eventId);
      return delivery.ok && delivery.value.attempts.length === 2 && delivery.value.state === "held"
        ? delivery.value
        : null;
    });
    expect(tried.attempts.map((attempt) => attempt.trigger)).toEqual(["fan-out", "manual"]);
  });

  it("P04 takes the place of an automatic one that was pending: one after the other, and the schedule begins anew", async () => {
    const { tenant, log } = await newTopic();
    const retry = {
      scheduleSeconds: [3600, 7200],
      jitter: 0,
      onExhausted: "continue",
      holdAfterFailures: null,
    } as const;
    const { rpc } = await newSubscription(tenant, { url: "http://subscriber.example/500", retry });
    await log.append(appendOf({}));
    const failed = (attempts: number) =>
      eventually(async () => {
        const listed = await rpc.deliveries(ALL);
        const [one] = listed.ok ? listed.value.deliveries : [];
        return one?.state === "retrying" && one.attempts.length === attempts ? one : null;
      });
    const pending = await failed(1);
    for (const attempts of [2, 3, 4]) {
      expect(await rpc.retry(pending.eventId)).toMatchObject({ ok: true });
      const { attempts: made, nextAttemptAt } = await failed(attempts);
      expect(made.map(({ number }) => number)).toEqual(made.map((_, index) => index + 1));
      const last = made.at(-1)?.startedAt ?? 0;
      expect((nextAttemptAt ?? 0) - last).toBeGreaterThanOrEqual(3_600_000);
      expect((nextAttemptAt ?? 0) - last).toBeLessThan(3_660_000);
    }
  });
});

describe("an event cancelled before its turn", () => {
  it("is passed over, and sent by hand with the offset matched before it", async () => {
    const { tenant, log } = await newTopic();
    const { rpc } = await newSubscription(tenant);
    await rpc.pause();
    const appended = await log.append(appendOf({}, {}, {}));
    const second = appended.ok ? (appended.value[1]?.id ?? "") : "";
    expect(await rpc.cancel(second)).toMatchObject({ ok: true, value: { state: "cancelled" } });
    await rpc.resume();
    await eventually(async () => (await states(rpc)).join() === "delivered,cancelled,delivered");
    expect(await rpc.retry(second)).toMatchObject({ ok: true });
    await allDelivered(rpc, 3);
    const delivery = await rpc.delivery(second);
    const headers = delivery.ok ? delivery.value.attempts[0]?.request.headers : undefined;
    expect(headers).toMatchObject({ "sluice-offset": "2", "sluice-previous-offset": "1", "sluice-attempt": "1" });
  });
});

describe("lag", () => {
  it("counts every event that waits, and the oldest of them has a time", async () => {
    const { tenant, log } = await newTopic();
    const { rpc } = await newSubscription(tenant, { url: "http://subscriber.example/500" });
    await log.append(appendOf({ key: "a" }, { key: "a" }, { key: "a" }));
    await eventually(async () => (await states(rpc)).includes("retrying"));
    const behind = await rpc.view();
    expect(behind.ok && behind.value.lag).toBe(3);
    const { rpc: paused } = await newSubscription(tenant);
    await paused.pause();
    const [event] = await log.append(appendOf({})).then((answer) => (answer.ok ? answer.value : []));
    const view = await paused.view();
    expect(view.ok && [view.value.lag, view.value.oldestUnsettledAt]).toEqual([1, Date.parse(event?.time ?? "")]);
  });
});
