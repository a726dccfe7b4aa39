import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { subscription, topicLog } from "../../src/rpc/objects.ts";
import type { Delivery, SubscriptionRpc } from "../../src/subscription/rpc.ts";
import { appendOf, eventually, newSubscription, newTopic } from "../support/objects.ts";

const EVERY = { state: null, type: null, since: null, until: null, before: null, limit: 200 };
const READ = { after: null, before: null, since: null, until: null, order: "asc", type: null, key: null } as const;
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const dataOf = (text: string) => ({ data: encoder.encode(text) });

type Log = Awaited<ReturnType<typeof newTopic>>["log"];

async function appended(log: Log, ...events: Parameters<typeof appendOf>) {
  const answer = await log.append(appendOf(...events));
  if (!answer.ok) throw new Error(answer.error.code);
  return answer.value;
}

async function texts(log: Log): Promise<string[]> {
  const read = await log.read({ ...READ, limit: 200 });
  if (!read.ok) throw new Error(read.error.code);
  return read.value.events.map(({ data, erased }) => (erased === true ? "erased" : decoder.decode(data)));
}

async function deliveriesOf(rpc: SubscriptionRpc): Promise<readonly Delivery[]> {
  const page = await rpc.deliveries(EVERY);
  if (!page.ok) throw new Error(page.error.code);
  return page.value.deliveries.toReversed();
}

const delivered = (rpc: SubscriptionRpc, count: number) =>
  eventually(async () => {
    const all = await deliveriesOf(rpc);
    return all.length === count && all.every(({ state }) => state === "delivered") && all;
  });

it("takes the payload out of the middle of a commit, and leaves everything else where it was", async () => {
  const { log, tenant, stub } = await newTopic();
  const headers = { "x-signature": "s" };
  const cloudEvent = { id: "7", dataSchema: "urn:s", time: null, extensions: { who: "someone" } };
  const [, second] = await appended(
    log,
    dataOf('"one"'),
    { ...dataOf('"two"'), key: "k", headers, cloudEvent },
    dataOf('"three"'),
  );
  const erased = await log.erase(second?.id ?? "");
  if (!erased.ok) throw new Error(erased.error.code);
  expect(erased.value).toMatchObject({
    ...{ id: second?.id, offset: 2, key: "k", type: "order.paid", headers: null, erased: true },
    cloudEvent: { id: "7", dataSchema: null, extensions: {} },
  });
  expect(erased.value.data.byteLength).toBe(0);
  expect(await texts(log)).toEqual(['"one"', "erased", '"three"']);
  expect(await log.erase(second?.id ?? "")).toEqual(erased);

  await evictDurableObject(stub);
  const again = topicLog(env, tenant, "orders");
  expect(await texts(again)).toEqual(['"one"', "erased", '"three"']);
  expect((await appended(again, {}))[0]?.offset).toBe(4);
});

it("of a key erases its events only, a bounded number in one call", async () => {
  const { log } = await newTopic();
  for (let n = 0; n < 3; n += 1)
    await appended(log, { ...dataOf('"mine"'), key: "a" }, { ...dataOf('"other"'), key: "b" });
  expect(await log.eraseKey({ key: "a", after: 2 })).toEqual({ ok: true, value: { events: 2, next: null } });
  expect(await texts(log)).toEqual(['"mine"', '"other"', "erased", '"other"', "erased", '"other"']);
  expect(await log.eraseKey({ key: "a", after: 0 })).toEqual({ ok: true, value: { events: 3, next: null } });
  expect(await log.eraseKey({ key: "none", after: 0 })).toEqual({ ok: true, value: { events: 0, next: null } });

  const many = Array.from({ length: 500 }, () => ({ key: "many" }));
  for (let n = 0; n < 3; n += 1) await appended(log, ...many);
  expect(await log.eraseKey({ key: "many", after: 0 })).toEqual({ ok: true, value: { events: 1000, next: 1006 } });
  expect(await log.eraseKey({ key: "many", after: 1006 })).toEqual({ ok: true, value: { events: 500, next: null } });
});

it("takes the answers of subscribers out of delivery logs, of open objects as of sleeping ones", async () => {
  const { tenant, log } = await newTopic();
  const { rpc, stub, config } = await newSubscription(tenant, { batch: { maxEvents: 2, maxWaitMilliseconds: 20 } });
  const [first, , third] = await appended(log, {}, {}, {}, {});
  const bodies = (all: readonly Delivery[]) => all.map(({ attempts }) => attempts[0]?.response?.body);
  expect(bodies(await delivered(rpc, 4))).toEqual(["noted", "noted", "noted", "noted"]);
  await log.erase(first?.id ?? "");
  // One answer for all of a batch.
  expect(bodies(await deliveriesOf(rpc))).toEqual(["", "", "noted", "noted"]);
  await evictDurableObject(stub);
  await log.erase(third?.id ?? "");
  await evictDurableObject(stub);
  const again = subscription(env, tenant, config.id);
  expect(bodies(await deliveriesOf(again))).toEqual(["", "", "", ""]);
  expect((await deliveriesOf(again)).map(({ state }) => state)).toEqual(Array.from({ length: 4 }, () => "delivered"));
});

it("leaves what is not delivered yet to be delivered without data, unless its filter looked at the data", async () => {
  const { tenant, log } = await newTopic();
  const { rpc } = await newSubscription(tenant);
  const looking = await newSubscription(tenant, { filter: { types: [], match: { data: { amount: { $gte: 1 } } } } });
  for (const one of [rpc, looking.rpc]) await one.pause();
  const events = await appended(log, {}, {}, {});
  await log.erase(events[1]?.id ?? "");
  for (const one of [rpc, looking.rpc]) await one.resume();
  await delivered(rpc, 3);
  expect((await delivered(looking.rpc, 2)).map(({ offset }) => offset)).toEqual([1, 3]);
});

it("takes the headers that a request had because of its event out of delivery logs", async () => {
  const { tenant, log } = await newTopic();
  const { rpc, stub, config } = await newSubscription(tenant, { format: "cloudevents-binary" });
  const cloudEvent = { id: "7", dataSchema: null, time: null, extensions: { who: "someone" } };
  const [event] = await appended(log, { source: "/s", cloudEvent });
  expect(JSON.stringify(await delivered(rpc, 1))).toContain("someone");
  await log.erase(event?.id ?? "");
  expect(JSON.stringify(await deliveriesOf(rpc))).not.toContain("someone");
  await evictDurableObject(stub);
  expect(JSON.stringify(await deliveriesOf(subscription(env, tenant, config.id)))).not.toContain("someone");
});
