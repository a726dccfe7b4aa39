import { createMessageBatch, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { consumeRetries } from "../../src/delivery/retry-consumer.ts";
import type { RetryMessage } from "../../src/directory/rpc.ts";
import { subscription } from "../../src/rpc/objects.ts";
import type { Subscription } from "../../src/subscription/object.ts";
import type { Delivery, SubscriptionConfig } from "../../src/subscription/rpc.ts";
import { appendOf, eventually, newSubscription, newTopic } from "../support/objects.ts";

const ALL = { state: null, type: null, since: null, until: null, before: null, limit: 50 };

/** A subscription whose one event failed and waits for its retry, in a minute. */
async function waitingForRetry(more: Partial<SubscriptionConfig> = {}) {
  const { tenant, log } = await newTopic();
  const { config, stub } = await newSubscription(tenant, { url: "http://subscriber.example/500", ...more });
  const rpc = () => subscription(env, tenant, config.id);
  await log.append(appendOf({}));
  const delivery = async (): Promise<Delivery | undefined> => {
    const listed = await rpc().deliveries(ALL);
    return listed.ok ? listed.value.deliveries[0] : undefined;
  };
  await eventually(async () => (await delivery())?.state === "retrying");
  return { rpc, stub, delivery, name: `${tenant}/${config.id}` };
}

/** The queue brings messages for these subscriptions; returns when all were acknowledged or given back. */
async function queueBrings(...names: string[]): Promise<void> {
  const messages = names.map((name, index) => {
    const body: RetryMessage = { version: 1, subscription: name };
    return { id: String(index), timestamp: new Date(), attempts: 1, body };
  });
  await consumeRetries(createMessageBatch("sluice-retries", messages), env);
}

const makeDue = (stub: DurableObjectStub<Subscription>) =>
  runInDurableObject(stub, (_, state) => {
    const [row] = state.storage.sql.exec("SELECT body FROM holes").toArray();
    const hole = { ...JSON.parse(String(row?.body)), dueAt: Date.now() - 1 };
    state.storage.sql.exec("UPDATE holes SET body = ?", JSON.stringify(hole));
  });

const attempts = (delivery: Delivery | undefined) => delivery?.attempts.length;

describe("Queue", () => {
  it("Q02 Q04 Q13 a message that comes early or out of order sends nothing: the stored time rules", async () => {
    const { delivery, name } = await waitingForRetry();
    await queueBrings(name, name, name);
    expect([attempts(await delivery()), (await delivery())?.state]).toEqual([1, "retrying"]);
  });

  it("Q02 a message repeated when the retry is due makes one attempt", async () => {
    const { delivery, stub, name } = await waitingForRetry({ retry: schedule(60, 60) });
    await makeDue(stub);
    await evictDurableObject(stub);
    await queueBrings(name, name, name);
    await eventually(async () => attempts(await delivery()) === 2);
    await queueBrings(name);
    expect(attempts(await delivery())).toBe(2);
  });

  it("Q03 a message that comes after a pause, or after the end of its subscription, sends nothing", async () => {
    const { rpc, delivery, stub, name } = await waitingForRetry();
    await rpc().pause();
    await makeDue(stub);
    await evictDurableObject(stub);
    await queueBrings(name);
    expect(attempts(await delivery())).toBe(1);
    await rpc().remove();
    await queueBrings(name);
    expect(await rpc().view()).toMatchObject({ ok: false, error: { code: "not-found" } });
  });

  it("Q05 a lost message: the object's alarm looks by itself", async () => {
    const { delivery, stub } = await waitingForRetry({ retry: schedule(60, 60) });
    await makeDue(stub);
    await evictDurableObject(stub);
    await delivery();
    await runDurableObjectAlarm(stub);
    await eventually(async () => attempts(await delivery()) === 2);
  });

  it("Q08 a queue that takes no message: the retry is left to the alarm, and nobody else notices", async () => {
    const { tenant, log } = await newTopic();
    const { rpc, stub } = await newSubscription(tenant, { url: "http://subscriber.example/500", retry: schedule(2) });
    await runInDurableObject(stub, (object) => {
      const refusing = { send: () => Promise.reject(new Error("Too Many Requests")) };
      Object.defineProperty(object, "env", { value: { ...env, RETRIES: refusing } });
    });
    expect(await log.append(appendOf({}))).toMatchObject({ ok: true });
    const due = await eventually(async () => {
      const listed = await rpc.deliveries(ALL);
      const [first] = listed.ok ? listed.value.deliveries : [];
      return first?.nextAttemptAt;
    });
    const alarm = await eventually(() => runInDurableObject(stub, (_, state) => state.storage.getAlarm()));
    expect(alarm).toBeLessThanOrEqual(due);
  });
});

function schedule(...scheduleSeconds: number[]): SubscriptionConfig["retry"] {
  return { scheduleSeconds, jitter: 0, onExhausted: "continue", holdAfterFailures: null };
}
