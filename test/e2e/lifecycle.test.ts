import { expect, it, onTestFinished } from "vitest";
import { SEND_START_MAX_MS } from "../../src/core/limits.ts";
import { routes } from "../../src/http/routes.ts";
import type { Client, Published } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { withSharedGateway } from "../support/gateway.ts";
import { attemptOf, offsetOf, retry, withRooms } from "../support/rooms.ts";
import { type Received, Subscriber } from "../support/subscriber.ts";

/** The Lifecycle group of bad inputs, from outside. */

const gateway = withSharedGateway();
const room = withRooms(gateway);

const eventIdOf = (request: Received) => request.headers["webhook-id"] ?? "";

async function publishMany(client: Client, count: number): Promise<readonly Published[]> {
  const events = Array.from({ length: count }, (_, n) => ({ type: "order.created", data: n }));
  return (await client.ok<{ events: Published[] }>("POST", "/v1/topics/orders/events", events)).events;
}

/** Another subscription to the same topic: once it has an event, the log has told everybody of it. */
async function witnessOf(client: Client): Promise<Subscriber> {
  const witness = await Subscriber.start();
  onTestFinished(() => witness.close());
  await client.subscribe({ name: "witness", topic: "orders", url: witness.url, start: "earliest" });
  return witness;
}

/** Every route of a subscription, with an event of it where the path asks for one. */
function routesOf(subscription: string, eventId: string): { method: string; path: string; document?: unknown }[] {
  const documents: Record<string, unknown> = { PATCH: { description: "x" } };
  return routes
    .filter(({ method, path }) => path.includes("/:subscription") && method !== "PUT")
    .map(({ method, path }) => ({
      method,
      path: path.replace(":subscription", subscription).replace(":event", eventId),
      document: path.endsWith("/seek") ? { to: "earliest" } : documents[method],
    }));
}

it("L01 a subscription deleted with 100 events pending and 5 under way gets nothing more, and is gone everywhere", async () => {
  const release = Promise.withResolvers<200>();
  const { client, subscriber, subscriptionId } = await room(() => release.promise, { concurrency: 5 });
  const events = await publishMany(client, 105);
  await subscriber.waitFor(5);
  const witness = await witnessOf(client);

  expect((await client.request("DELETE", "/v1/subscriptions/hook")).status).toBe(204);
  // Those under way may end, and well: that makes room which nobody may use.
  release.resolve(200);
  const last = await client.publish("orders", { type: "order.created", data: "after" });
  await witness.waitFor(1, (request) => eventIdOf(request) === last.id);
  expect(subscriber.received).toHaveLength(5);

  const asked = routesOf("hook", events[0]?.id ?? "");
  expect(asked.length).toBeGreaterThanOrEqual(12);
  for (const id of ["hook", subscriptionId]) {
    for (const { method, path, document } of routesOf(id, events[0]?.id ?? "")) {
      expect([path, (await client.request(method, path, document)).status]).toEqual([path, 404]);
    }
  }
  expect(await client.ok("GET", "/v1/subscriptions")).toMatchObject({ data: [{ name: "witness" }] });
  await eventually(async () => expect(await client.ok("GET", "/v1/topics/orders")).toMatchObject({ subscriptions: 1 }));
  const ofEvent = await client.ok("GET", `/v1/topics/orders/events/${events[0]?.id}/deliveries`);
  expect(ofEvent).toMatchObject({ data: [{ name: "witness" }] });
  expect((await client.deadLetters()).data).toEqual([]);
  // The name is free, and what comes under it is another one, which begins where it says.
  const again = await client.subscribe({ name: "hook", topic: "orders", url: subscriber.url });
  expect(again.id).not.toBe(subscriptionId);
  const fresh = await client.publish("orders", { type: "order.created", data: "fresh" });
  const requests = await subscriber.waitFor(6);
  expect(requests.map(eventIdOf).slice(5)).toEqual([fresh.id]);
});

it("L02 an event published while its subscription is deleted arrives before the answer, or never", async () => {
  const { client, subscriber, publish } = await room();
  const witness = await witnessOf(client);
  const flood = Array.from({ length: 3 }, async () => {
    for (let n = 0; n < 12; n++) await publish(n);
  });
  await subscriber.waitFor(5);
  await client.ok("DELETE", "/v1/subscriptions/hook");
  const answeredAt = Date.now();
  await Promise.all(flood);
  await witness.waitFor(36);
  const latest = Math.max(...subscriber.received.map(({ at }) => at));
  expect(latest).toBeLessThanOrEqual(answeredAt + SEND_START_MAX_MS);
  expect(new Set(subscriber.received.map(eventIdOf)).size).toBe(subscriber.received.length);
});

it("L03 paused and resumed again and again while events come and fail, it delivers all of them, in order", async () => {
  const { client, subscriber } = await room((request) => (attemptOf(request) === 1 ? 500 : 200), {
    ordering: "topic",
    ...retry([0.05]),
  });
  const published: Published[] = [];
  for (let round = 0; round < 4; round++) {
    published.push(...(await publishMany(client, 3)));
    await client.ok("POST", "/v1/subscriptions/hook/pause");
    const arrived = subscriber.received.length;
    published.push(...(await publishMany(client, 3)));
    expect(await client.subscription("hook")).toMatchObject({ state: "paused" });
    expect(subscriber.received).toHaveLength(arrived);
    await client.ok("POST", "/v1/subscriptions/hook/resume");
  }
  await subscriber.waitFor(2 * published.length);
  expect(subscriber.received.map(offsetOf)).toEqual(published.flatMap(({ offset }) => [offset, offset]));
  await eventually(async () => expect(await client.subscription("hook")).toMatchObject({ lag: 0 }));
});

it("L06 retries that are pending when the URL or the filter changes go to the new URL, and go on (5.2)", async () => {
  const { client, subscriber, publish, untilState } = await room(500, { ...retry([1, 1]), timeoutSeconds: 1 });
  const moved = await Subscriber.start();
  onTestFinished(() => moved.close());
  const event = await publish(1);
  await untilState(event.id, "retrying");
  await client.ok("PATCH", "/v1/subscriptions/hook", { url: moved.url, filter: { types: ["another.type"] } });
  const ignored = await publish(2);
  const delivery = await untilState(event.id, "delivered");
  expect(delivery.attempts.map(({ number, request }) => [number, request.url])).toEqual([
    [1, subscriber.url],
    [2, moved.url],
  ]);
  expect(moved.received.map(eventIdOf)).toEqual([event.id]);
  expect(subscriber.received.map(eventIdOf)).toEqual([event.id]);
  expect((await client.request("GET", `/v1/subscriptions/hook/deliveries/${ignored.id}`)).status).toBe(404);
});

it("L08 a topic with subscriptions is not deleted unless by force; then they end with it, and offsets go on (3.6)", async () => {
  const { client, subscriber, publish, untilState } = await room(500, retry([1, 1, 1]));
  const event = await publish(1);
  await untilState(event.id, "retrying");
  const refused = await client.request("DELETE", "/v1/topics/orders");
  expect(refused).toMatchObject({ status: 409, body: { code: "topic-has-subscriptions" } });
  expect((await client.delivery("hook", event.id)).state).toBe("retrying");

  await client.ok("DELETE", "/v1/topics/orders?force=true");
  const arrived = subscriber.received.length;
  expect((await client.request("GET", "/v1/subscriptions/hook")).status).toBe(404);
  expect((await client.request("GET", "/v1/topics/orders")).status).toBe(404);
  // Made again it is another topic, which goes on counting; nothing of the old one is delivered.
  await client.subscribe({ name: "hook", topic: "orders", url: subscriber.url, start: "earliest" });
  subscriber.script = 200;
  const next = await publish(2);
  expect(next.offset).toBe(event.offset + 1);
  await untilState(next.id, "delivered");
  expect(subscriber.received.slice(arrived).map(eventIdOf)).toEqual([next.id]);
});
