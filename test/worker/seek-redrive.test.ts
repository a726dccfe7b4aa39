import { evictDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import type { Delivery, SubscriptionConfig, SubscriptionRpc } from "../../src/subscription/rpc.ts";
import { appendOf, eventually, newSubscription, newTopic } from "../support/objects.ts";

const FAILING = "http://subscriber.example/500";
const WORKING = "http://subscriber.example/200";
const EVERY = { state: null, type: null, since: null, until: null, before: null, limit: 200 };
const ALL = { eventIds: null, since: null, until: null };
const NO_RETRIES: SubscriptionConfig["retry"] = {
  ...{ scheduleSeconds: [], jitter: 0, onExhausted: "continue", holdAfterFailures: null },
};

async function deliveriesOf(rpc: SubscriptionRpc): Promise<readonly Delivery[]> {
  const page = await rpc.deliveries(EVERY);
  if (!page.ok) throw new Error(page.error.code);
  return page.value.deliveries.toReversed();
}

const allAre = (rpc: SubscriptionRpc, state: Delivery["state"], count: number) =>
  eventually(async () => {
    const deliveries = await deliveriesOf(rpc);
    return deliveries.length === count && deliveries.every((one) => one.state === state) ? deliveries : null;
  });

const append = async (log: Awaited<ReturnType<typeof newTopic>>["log"], count: number) => {
  const keys = Array.from({ length: count }, (_, index) => ({ key: `k${index % 2}` }));
  const appended = await log.append(appendOf(...keys));
  if (!appended.ok) throw new Error(appended.error.code);
  return appended.value;
};

const quiet = (rpc: SubscriptionRpc) =>
  eventually(async () => {
    const view = await rpc.view();
    return view.ok && view.value.lag === 0 ? view.value : null;
  });

it("brings history again after a seek backward, with attempt numbers that go on, and then goes on live", async () => {
  const { tenant, log } = await newTopic();
  const { rpc } = await newSubscription(tenant);
  await append(log, 6);
  await allAre(rpc, "delivered", 6);

  const dry = await rpc.seek({ offset: 3 }, true);
  expect(dry).toEqual({ ok: true, value: { from: 7, to: 3, events: 4, cancelled: 0 } });
  expect(await rpc.seek({ offset: 3 }, false)).toEqual(dry);
  await append(log, 1);
  await quiet(rpc);
  const deliveries = await eventually(async () => {
    const all = await deliveriesOf(rpc);
    return all.length === 7 && all[2]?.attempts.length === 2 && all[5]?.attempts.length === 2 ? all : null;
  });
  expect(deliveries.map(({ attempts }) => attempts.map(({ number, trigger }) => `${number} ${trigger}`))).toEqual([
    ["1 fan-out"],
    ["1 fan-out"],
    ...Array.from({ length: 4 }, () => ["1 fan-out", "2 seek"]),
    ["1 fan-out"],
  ]);
});

it("cancels what a seek forward skips, with a row only for what was tried", async () => {
  const { tenant, log } = await newTopic();
  const { rpc } = await newSubscription(tenant, { url: FAILING, ordering: "topic" });
  await append(log, 5);
  await eventually(async () => (await deliveriesOf(rpc)).some(({ state }) => state === "retrying"));
  await rpc.pause();

  expect(await rpc.seek("latest", true)).toMatchObject({ value: { to: 6, events: 0, cancelled: 5 } });
  expect(await rpc.seek("latest", false)).toMatchObject({ value: { to: 6, events: 0, cancelled: 5 } });
  const deliveries = await deliveriesOf(rpc);
  expect(deliveries.map(({ offset, state }) => [offset, state])).toEqual([[1, "cancelled"]]);
  await rpc.patch({ url: WORKING });
  await rpc.resume();
  const [next] = await append(log, 1);
  await quiet(rpc);
  expect((await deliveriesOf(rpc)).map(({ offset, state }) => [offset, state])).toEqual([
    [1, "cancelled"],
    [next?.offset, "delivered"],
  ]);
});

it("back and then forward hides no attempt of what had failed and has not come again", async () => {
  const { tenant, log } = await newTopic();
  const retry = { ...NO_RETRIES, scheduleSeconds: [3600] };
  const { rpc } = await newSubscription(tenant, { url: FAILING, ordering: "none", retry });
  await append(log, 3);
  await allAre(rpc, "retrying", 3);
  await rpc.pause();
  await rpc.seek("earliest", false);
  expect((await deliveriesOf(rpc)).map(({ state }) => state)).toEqual(["pending", "pending", "pending"]);
  await rpc.seek("latest", false);
  const deliveries = await deliveriesOf(rpc);
  expect(deliveries.map(({ state, attempts }) => [state, attempts.length])).toEqual(
    Array.from({ length: 3 }, () => ["cancelled", 1]),
  );
  expect(await rpc.delivery(deliveries[0]?.eventId ?? "")).toMatchObject({ value: { state: "cancelled" } });
});

it("refuses to seek beyond the head", async () => {
  const { tenant, log } = await newTopic();
  const { rpc } = await newSubscription(tenant);
  await append(log, 2);
  expect(await rpc.seek({ offset: 3 }, false)).toMatchObject({ ok: false, error: { code: "invalid" } });
  expect(await rpc.seek({ offset: 2 }, true)).toMatchObject({ ok: true, value: { to: 2, events: 1 } });
});

it("keeps the place of a seek across a restart of the object", async () => {
  const { tenant, log } = await newTopic();
  const { rpc, stub } = await newSubscription(tenant);
  await append(log, 4);
  await allAre(rpc, "delivered", 4);
  await rpc.pause();
  await rpc.seek("earliest", false);
  await evictDurableObject(stub);
  await expect(rpc.view()).resolves.toMatchObject({ value: { cursor: 0, lag: 4 } });
});

it("brings dead letters back in log order, counts how they fare, and takes them off the list", async () => {
  const { tenant, log } = await newTopic();
  const { rpc } = await newSubscription(tenant, { url: FAILING, retry: NO_RETRIES });
  const events = await append(log, 6);
  await allAre(rpc, "dead", 6);

  const [first, second] = events.map(({ id }) => id);
  expect(await rpc.redrive({ ...ALL, eventIds: [second ?? "", first ?? ""] })).toMatchObject({
    value: { redriven: 2 },
  });
  await eventually(async () => {
    const view = await rpc.view();
    return view.ok && view.value.redrive?.failed === 2;
  });
  await rpc.patch({ url: WORKING });
  expect(await rpc.redrive(ALL)).toMatchObject({ value: { redriven: 6 } });
  const delivered = await allAre(rpc, "delivered", 6);
  expect(delivered[0]?.attempts.map(({ number, trigger }) => `${number} ${trigger}`)).toEqual([
    "1 fan-out",
    "2 redrive",
    "3 redrive",
  ]);
  expect(await rpc.view()).toMatchObject({ value: { redrive: { total: 6, done: 6, failed: 0 }, lag: 0 } });
  expect(await rpc.redrive(ALL)).toMatchObject({ value: { redriven: 0 } });
});

it("deletes dead letters", async () => {
  const { tenant, log } = await newTopic();
  const { rpc } = await newSubscription(tenant, { url: FAILING, retry: NO_RETRIES });
  await append(log, 3);
  await allAre(rpc, "dead", 3);
  expect(await rpc.deleteDeadLetters(ALL)).toMatchObject({ value: { deleted: 3 } });
  expect(await rpc.redrive(ALL)).toMatchObject({ value: { redriven: 0 } });
  await allAre(rpc, "dead", 3);
});

it("sends batches whose members stay together over their retries, one outcome for all", async () => {
  const { tenant, log } = await newTopic();
  const batch = { maxEvents: 4, maxWaitMilliseconds: 0 };
  const retry = { ...NO_RETRIES, scheduleSeconds: [0.1] };
  const { rpc } = await newSubscription(tenant, { url: FAILING, retry, batch });
  await append(log, 6);
  const dead = await allAre(rpc, "dead", 6);
  const ids = dead.map(({ attempts }) => attempts.map((one) => one.request.headers["webhook-id"]).join());
  const sizes = dead.map(({ attempts }) => attempts.map((one) => one.request.headers["sluice-batch-size"]).join());
  // The same id on both attempts, another for each batch.
  for (const id of ids) expect(new Set(id.split(",")).size).toBe(1);
  expect(new Set(ids.slice(0, 4)).size).toBe(1);
  expect(sizes).toEqual(["4,4", "4,4", "4,4", "4,4", "2,2", "2,2"]);
  expect(dead.every(({ attempts }) => attempts.every(({ statusCode }) => statusCode === 500))).toBe(true);
});

it("retries a batch by hand as a whole, though only one of its members was asked for", async () => {
  const { tenant, log } = await newTopic();
  const { rpc } = await newSubscription(tenant, {
    ...{ url: FAILING, ordering: "key", batch: { maxEvents: 3, maxWaitMilliseconds: 50 } },
    retry: { ...NO_RETRIES, onExhausted: "hold-key" },
  });
  await append(log, 3);
  const [first] = await allAre(rpc, "held", 3);
  await rpc.patch({ url: WORKING });
  // k0 is the key of the first and of the last: neither is in the way of the other, as they go together.
  expect(await rpc.retry(first?.eventId ?? "")).toMatchObject({ ok: true });
  const deliveries = await allAre(rpc, "delivered", 3);
  for (const { attempts } of deliveries) {
    expect(attempts.map(({ number, trigger }) => `${number} ${trigger}`)).toEqual(["1 fan-out", "2 manual"]);
  }
  expect(new Set(deliveries.map(({ attempts }) => attempts[1]?.request.headers["webhook-id"])).size).toBe(1);
});

it("goes on with the numbers of attempts when what a seek was to bring again has expired", async () => {
  const { tenant, log } = await newTopic();
  const { rpc } = await newSubscription(tenant, { ordering: "none" });
  const events = await append(log, 2);
  await allAre(rpc, "delivered", 2);
  await rpc.pause();
  await rpc.seek("earliest", false);
  await rpc.expire(events.at(-1)?.offset ?? 0);
  const dead = await allAre(rpc, "dead", 2);
  expect(dead.map(({ attempts }) => attempts.length)).toEqual([1, 1]);
  await rpc.resume();
  await rpc.redrive(ALL);
  const deliveries = await allAre(rpc, "delivered", 2);
  expect(deliveries.map(({ attempts }) => attempts.map(({ number }) => number))).toEqual([
    [1, 2],
    [1, 2],
  ]);
});

it("spaces requests evenly under a rate limit", async () => {
  const { tenant, log } = await newTopic();
  const { rpc } = await newSubscription(tenant, { rateLimit: { perSecond: 50 }, ordering: "none" });
  await append(log, 20);
  const delivered = await allAre(rpc, "delivered", 20);
  const starts = delivered.flatMap(({ attempts }) => attempts.map(({ startedAt }) => startedAt)).sort((a, b) => a - b);
  expect((starts.at(-1) ?? 0) - (starts[0] ?? 0)).toBeGreaterThanOrEqual(19 * 20 - 40);
});
