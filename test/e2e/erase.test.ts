import { expect, test } from "vitest";
import { withGateway } from "../support/gateway.ts";
import { attemptOf, retry, withRooms } from "../support/rooms.ts";

const gateway = withGateway();
const room = withRooms(gateway);

interface Shown {
  readonly offset: number;
  readonly key: string | null;
  readonly data: unknown;
  readonly size: number;
  readonly erased?: true;
}

/** Of what no answer and no request may hold any more. */
const SECRET = "heart-of-the-matter";

test("4.9 an erased event keeps its place, and its payload is nowhere, also after a kill", async () => {
  const { client, subscriber, publish, untilState } = await room((request) => ({
    status: 200,
    body: request.body.toString(),
  }));
  const event = await publish({ note: SECRET }, { key: "someone" });
  await publish("kept", { key: "someone" });
  await untilState(event.id, "delivered");
  expect(JSON.stringify(await client.ok("GET", `/v1/subscriptions/hook/deliveries/${event.id}`))).toContain(SECRET);

  const path = `/v1/topics/orders/events/${event.id}`;
  const erased = await client.ok<Shown>("DELETE", path);
  expect(erased).toMatchObject({ id: event.id, offset: 1, key: "someone", data: null, size: 0, erased: true });
  expect(await client.ok("DELETE", path)).toEqual(erased);
  await gateway().kill();
  await gateway().restart();
  expect(await client.ok("GET", path)).toEqual(erased);
  const list = await client.ok<{ data: Shown[]; nextOffset: number }>("GET", "/v1/topics/orders/events");
  expect(list.data.map(({ data, erased }) => [data, erased])).toEqual([
    [null, true],
    ["kept", undefined],
  ]);
  expect(list.nextOffset).toBe(3);
  for (const shown of ["/v1/subscriptions/hook/deliveries", `/v1/subscriptions/hook/deliveries/${event.id}`]) {
    expect(JSON.stringify(await client.ok("GET", shown))).not.toContain(SECRET);
  }

  const before = subscriber.received.length;
  await client.ok("POST", "/v1/subscriptions/hook/seek", { to: "earliest" });
  const again = (await subscriber.waitFor(before + 2)).slice(before);
  const bodies = again.map(({ body }) => (JSON.parse(body.toString()) as { data: unknown }).data);
  expect(bodies).toEqual([null, "kept"]);
});

test("4.9 the events of a key are erased together; those in backoff go on without data", async () => {
  const { client, subscriber, publish, untilState } = await room(
    (request) => (attemptOf(request) === 1 ? 503 : 200),
    retry([1]),
  );
  const first = await publish({ note: SECRET }, { key: "someone" });
  await publish("other", { key: "else" });
  await publish({ note: SECRET }, { key: "someone" });
  await untilState(first.id, "retrying");
  expect(await client.ok("DELETE", "/v1/topics/orders/events?key=someone")).toEqual({
    ...{ topic: "orders", key: "someone", erased: true, events: 2, next: null },
  });
  const sent = subscriber.received.length;
  await untilState(first.id, "delivered");
  const later = await subscriber.waitFor(sent + 1);
  expect(JSON.stringify(later.slice(sent).map(({ body }) => body.toString()))).not.toContain(SECRET);
  expect(await client.request("DELETE", "/v1/topics/orders/events")).toMatchObject({ status: 405 });
  expect(await client.request("DELETE", "/v1/topics/none/events?key=a")).toMatchObject({ status: 404 });
  expect(await client.request("DELETE", `/v1/topics/orders/events/${first.id}x`)).toMatchObject({ status: 404 });
});
