import fc from "fast-check";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { problem } from "../../src/core/errors.ts";
import type { LogEvent } from "../../src/core/event.ts";
import { err, ok } from "../../src/core/result.ts";
import { eventJson, eventListJson } from "../../src/http/event-json.ts";
import type { Attempt, Delivery } from "../../src/subscription/rpc.ts";
import type { ReadQuery } from "../../src/topic-log/rpc.ts";
import { fakeGateway } from "../support/http-env.ts";

const ID = "evt_01m83tkced2bfvpkah0000000000005";

const eventWith = (data: string | Uint8Array, contentType = "application/json"): LogEvent => ({
  id: ID,
  partition: 0,
  offset: 5,
  type: "order.paid",
  key: "k\u0000\u2028",
  time: "2026-01-31T09:30:00.000Z",
  receivedAt: 1_800_000_000_000,
  source: null,
  subject: "s",
  correlationId: null,
  causationId: null,
  cloudEvent: null,
  headers: null,
  contentType,
  hops: 0,
  data: typeof data === "string" ? new TextEncoder().encode(data) : data,
});

const text = (bytes: Uint8Array) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);

describe("an event as JSON", () => {
  test("has every member", () => {
    expect(JSON.parse(text(eventJson(eventWith("[1.0]"), "orders")))).toEqual({
      id: ID,
      topic: "orders",
      partition: 0,
      offset: 5,
      type: "order.paid",
      key: "k\u0000\u2028",
      time: "2026-01-31T09:30:00.000Z",
      receivedAt: "2027-01-15T08:00:00.000Z",
      source: null,
      subject: "s",
      correlationId: null,
      causationId: null,
      cloudEventId: null,
      extensions: {},
      headers: {},
      contentType: "application/json",
      size: 5,
      data: [1],
    });
  });

  test("holds the data as the very text that was sent", () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: "binary" }), fc.constantFrom("", " ", "\n\t"), (json, space) => {
        const data = json.replaceAll(",", `,${space}`);
        expect(text(eventJson(eventWith(data), "orders"))).toContain(`"data":${data}}`);
      }),
    );
    for (const data of ["9007199254740993", "1.0", "-0", '"\\ud800"', '{"b":1,"a":2}', '"</script>\u2028"']) {
      expect(text(eventJson(eventWith(data), "orders")).endsWith(`,"data":${data}}`)).toBe(true);
    }
  });

  test("holds other data as base64", () => {
    const event = JSON.parse(
      text(eventJson(eventWith(Uint8Array.of(0, 255, 10), "application/octet-stream"), "orders")),
    );
    expect(event).toMatchObject({ contentType: "application/octet-stream", dataBase64: "AP8K", size: 3 });
    expect("data" in event).toBe(false);
  });

  test("stands in a list", () => {
    const list = (events: readonly LogEvent[]) =>
      JSON.parse(text(eventListJson(events, "orders", { next: null, firstOffset: 1 })));
    expect(list([])).toEqual({ data: [], next: null, firstOffset: 1 });
    expect(list([eventWith("1"), eventWith("2")])).toMatchObject({ data: [{ data: 1 }, { data: 2 }], firstOffset: 1 });
  });
});

let tests = 0;
let tenant = "";
beforeEach(() => {
  tests += 1;
  tenant = `events-${tests}`;
});

function reading(next: number | null = null) {
  const read = vi.fn(async (_query: ReadQuery) =>
    ok({ events: [eventWith("1")], next, firstOffset: 1, nextOffset: 6 }),
  );
  const gateway = fakeGateway({ directory: { hasTopic: async () => true }, topicLog: { read } });
  const get = async (query: string, topic = "orders") => {
    const answer = await gateway.send("GET", `/v1/topics/${topic}/events${query}`, {
      headers: { "sluice-tenant": tenant },
    });
    return { status: answer.status, body: (await answer.json()) as { next: string | null; data: unknown[] } };
  };
  return { get, read };
}

describe("the list of events", () => {
  test("asks the log for what the query says", async () => {
    const { get, read } = reading();
    expect(await get("")).toMatchObject({
      status: 200,
      body: { next: null, firstOffset: 1, nextOffset: 6, data: [{ id: ID }] },
    });
    await get(
      "?after=3&before=9&partition=0&since=2026-01-31T09:30:00Z&until=2026-02-01T00:00:00Z&order=desc&type=order.*&key=k%00&limit=7",
    );
    expect(read.mock.calls).toEqual([
      [{ after: null, before: null, since: null, until: null, order: "asc", type: null, key: null, limit: 50 }],
      [
        {
          ...{ after: 3, before: 9, order: "desc", type: "order.*", key: "k\u0000", limit: 7 },
          ...{ since: Date.parse("2026-01-31T09:30:00Z"), until: Date.parse("2026-02-01T00:00:00Z") },
        },
      ],
    ]);
  });

  test("goes on where its page ended, upwards and downwards", async () => {
    const { get, read } = reading(5);
    const up = await get("?after=3&before=9");
    await get(`?after=3&before=9&cursor=${up.body.next}`);
    expect(read.mock.lastCall?.[0]).toMatchObject({ after: 5, before: 9 });
    const down = await get("?after=3&before=9&order=desc");
    await get(`?order=desc&before=9&after=3&limit=1&cursor=${down.body.next}`);
    expect(read.mock.lastCall?.[0]).toMatchObject({ after: 3, before: 5, limit: 1 });
    expect((await get(`?after=3&before=9&cursor=${down.body.next}`)).status).toBe(422);
    expect((await get(`?after=3&before=9&cursor=${up.body.next}`, "others")).status).toBe(422);
  });

  test.each([
    "partition=1",
    "partition=00",
    "after=x",
    "before=-1",
    "since=1",
    "order=ASC",
    "type=",
    "key=",
    `key=${"k".repeat(257)}`,
  ])("refuses %s", async (query) => {
    const { get, read } = reading();
    expect((await get(`?${query}`)).status).toBe(422);
    expect(read).not.toHaveBeenCalled();
  });

  test("passes on that the log begins later", async () => {
    const refusal = problem("log-truncated", "The log begins at offset 7.", { extra: { firstOffset: 7 } });
    const gateway = fakeGateway({
      directory: { hasTopic: async () => true },
      topicLog: { read: async () => err(refusal) },
    });
    const answer = await gateway.send("GET", "/v1/topics/orders/events?after=1", {
      headers: { "sluice-tenant": tenant },
    });
    expect([answer.status, (await answer.json()) as object]).toMatchObject([
      410,
      { code: "log-truncated", firstOffset: 7 },
    ]);
  });
});

const attempt: Attempt = {
  id: "att_1",
  number: 1,
  trigger: "fan-out",
  startedAt: 1_800_000_000_000,
  durationMilliseconds: 12,
  outcome: "failure",
  statusCode: 500,
  error: { code: "status", message: "answered 500" },
  request: { url: "https://example.com/", headers: { "webhook-signature": "***" }, bodyBytes: 3 },
  response: { headers: {}, body: "no", truncated: false },
};
const delivery: Delivery = {
  ...{ eventId: ID, partition: 0, offset: 5, type: "order.paid", key: null, state: "retrying" },
  ...{ attempts: [attempt], nextAttemptAt: 1_800_000_005_000 },
};
const { request: _request, response: _response, ...summary } = { ...attempt, startedAt: "2027-01-15T08:00:00.000Z" };
const SHOWN = {
  ...{ eventId: ID, topic: "orders", partition: 0, offset: 5, type: "order.paid", key: null, state: "retrying" },
  ...{ attempts: 1, lastAttempt: summary, nextAttemptAt: "2027-01-15T08:00:05.000Z" },
};

describe("deliveries", () => {
  const entry = (name: string) => ({ id: name.startsWith("sub_") ? name : `sub_${name}`, name, topic: "orders" });
  const ask = async (gateway: ReturnType<typeof fakeGateway>, method: string, path: string) => {
    const answer = await gateway.send(method, path, { headers: { "sluice-tenant": tenant } });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };

  test("of a subscription are listed without bodies, one is shown with all", async () => {
    const deliveries = vi.fn(async () => ok({ deliveries: [delivery], next: 5 }));
    const gateway = fakeGateway({
      directory: { subscription: async (name) => entry(name) },
      subscription: { deliveries, delivery: async () => ok(delivery) },
    });
    const list = await ask(gateway, "GET", "/v1/subscriptions/billing/deliveries?state=retrying&limit=1");
    expect(list).toMatchObject({ status: 200, body: { data: [SHOWN] } });
    expect(JSON.stringify(list.body)).not.toContain("response");
    await ask(gateway, "GET", `/v1/subscriptions/billing/deliveries?state=retrying&cursor=${list.body.next}`);
    expect(deliveries).toHaveBeenLastCalledWith({
      ...{ state: "retrying", type: null, since: null, until: null, before: 5, limit: 50 },
    });
    const one = await ask(gateway, "GET", `/v1/subscriptions/billing/deliveries/${ID}`);
    expect(one.body).toEqual({
      ...SHOWN,
      attempts: [{ ...summary, request: attempt.request, response: attempt.response }],
    });
  });

  test("of an event are one row for each subscription that matches it", async () => {
    const answers = [
      ok(delivery),
      err(problem("not-found", "deleted")),
      ok({ ...delivery, state: "delivered" as const }),
    ];
    const gateway = fakeGateway({
      directory: { hasTopic: async () => true, subscription: async (name) => entry(name) },
      topicLog: { matching: async () => ok({ offset: 5, subscriptions: ["sub_a", "sub_b", "sub_c"], next: null }) },
      subscription: { deliveryAt: async () => answers.shift() ?? ok(null) },
    });
    const { status, body } = await ask(gateway, "GET", `/v1/topics/orders/events/${ID}/deliveries`);
    expect([status, body.next]).toEqual([200, null]);
    expect(body.data).toEqual([
      { subscription: "sub_a", name: "sub_a", ...SHOWN },
      { subscription: "sub_c", name: "sub_c", ...SHOWN, state: "delivered" },
    ]);
  });

  test("are retried (202) and cancelled (200)", async () => {
    const gateway = fakeGateway({
      directory: { subscription: async (name) => entry(name) },
      subscription: {
        retry: async () => ok(delivery),
        cancel: async () => ok({ ...delivery, state: "cancelled", nextAttemptAt: null }),
      },
    });
    const path = `/v1/subscriptions/billing/deliveries/${ID}`;
    expect(await ask(gateway, "POST", `${path}/retry`)).toMatchObject({ status: 202, body: { state: "retrying" } });
    expect(await ask(gateway, "POST", `${path}/cancel`)).toMatchObject({ status: 200, body: { state: "cancelled" } });
  });

  test.each(["state=lost", "type=a*b", "since=x", "until=x", "cursor=x", "limit=0", "order=asc"])(
    "refuse %s",
    async (query) => {
      const gateway = fakeGateway({ directory: { subscription: async (name) => entry(name) } });
      expect((await ask(gateway, "GET", `/v1/subscriptions/billing/deliveries?${query}`)).status).toBe(422);
    },
  );
});

test("dead letters are asked of the tenant's directory and shown with times as text", async () => {
  const letter = {
    ...{
      eventId: ID,
      topic: "orders",
      partition: 0,
      offset: 5,
      type: "order.paid",
      key: null,
      subscription: "sub_billing",
    },
    ...{ url: "https://example.com/", reason: "exhausted" as const, attempts: 3, deadAt: 1_800_000_000_000 },
    lastAttempt: { startedAt: 1_800_000_000_000, statusCode: 500, error: null },
  };
  const deadLetters = vi.fn(async () => ({ letters: [letter], next: "place" }));
  const gateway = fakeGateway({
    directory: { deadLetters, subscription: async () => ({ id: "sub_billing", name: "billing", topic: "orders" }) },
  });
  const get = async (query: string) =>
    gateway.send("GET", `/v1/dead-letters${query}`, { headers: { "sluice-tenant": tenant } });
  const answer = await get("?subscription=billing&reason=exhausted&topic=orders");
  const body = (await answer.json()) as { data: unknown[]; next: string };
  expect(body.data).toEqual([
    {
      ...letter,
      deadAt: "2027-01-15T08:00:00.000Z",
      lastAttempt: { ...letter.lastAttempt, startedAt: "2027-01-15T08:00:00.000Z" },
    },
  ]);
  await get(`?subscription=billing&reason=exhausted&topic=orders&cursor=${body.next}`);
  expect(deadLetters).toHaveBeenLastCalledWith({
    ...{ subscription: "sub_billing", reason: "exhausted", topic: "orders", since: null, until: null },
    ...{ cursor: "place", limit: 50 },
  });
  for (const query of ["?reason=tired", "?topic=X", "?cursor=place", "?since=1", "?subscription=a&subscription=b"]) {
    expect([query, (await get(query)).status]).toEqual([query, 422]);
  }
});
