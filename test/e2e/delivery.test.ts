import { afterEach, describe, expect, it } from "vitest";
import { SEND_START_MAX_MS } from "../../src/core/limits.ts";
import type { Client } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { withGateway } from "../support/gateway.ts";
import { dataText, type Received, type Script, Subscriber, verify } from "../support/subscriber.ts";

const gateway = withGateway();
const subscribers: Subscriber[] = [];
let rooms = 0;

afterEach(async () => {
  await Promise.all(subscribers.splice(0).map((subscriber) => subscriber.close()));
});

/** A tenant of its own, a subscriber that answers as told, and a subscription of topic `orders` to it. */
async function room(script: Script = 200, document: Readonly<Record<string, unknown>> = {}) {
  const client = gateway().client(`room-${++rooms}`);
  const subscriber = await Subscriber.start(script);
  subscribers.push(subscriber);
  const subscription = await client.subscribe({ name: "hook", topic: "orders", url: subscriber.url, ...document });
  return { client, subscriber, subscription };
}

const retry = (scheduleSeconds: readonly number[], more = {}) => ({
  retry: { scheduleSeconds, jitter: 0, onExhausted: "continue", holdAfterFailures: null, ...more },
});

const publish = (client: Client, data: unknown, more: Readonly<Record<string, unknown>> = {}) =>
  client.publish("orders", { type: "order.created", data, ...more });

const untilState = (client: Client, eventId: string, state: string) =>
  eventually(async () => {
    const delivery = await client.delivery("hook", eventId);
    expect(delivery.state).toBe(state);
    return delivery;
  });

const offsetOf = (request: Received) => Number(request.headers["sluice-offset"]);

/** The script of a subscriber that gives these answers to an event's attempts, in order, the last one for ever. */
const byAttempt =
  (...statuses: readonly number[]): Script =>
  (request) =>
    statuses[Math.min(Number(request.headers["sluice-attempt"]), statuses.length) - 1] ?? 200;

describe("a delivery", () => {
  it("arrives signed, with the headers of API clause 6.1 and the data as it was sent (4.4, 6.2)", async () => {
    const { client, subscriber, subscription } = await room(200, { headers: { "x-team": "billing" } });
    const text = '{"n": 9007199254740993, "x": 1.0, "s": "\\ud800"}';
    const event = await client.publish(
      "orders",
      `{"type":"order.created","key":"käse/1","data":${text},"time":"2026-01-02T03:04:05.678Z"}`,
    );
    const [request] = await subscriber.waitFor(1);
    if (request === undefined) throw new Error("nothing arrived");
    verify(request, subscription.secret);
    expect(() => verify({ ...request, body: Buffer.from("{}") }, subscription.secret)).toThrow();
    expect(dataText(request)).toBe(text);
    expect(request.body.toString()).toBe(
      `{"type":"order.created","timestamp":"2026-01-02T03:04:05.678Z","data":${text}}`,
    );
    expect(request).toMatchObject({
      method: "POST",
      path: "/hook",
      headers: {
        "content-type": "application/json",
        "user-agent": expect.stringMatching(/^Sluice\/\d/),
        "webhook-id": event.id,
        "sluice-topic": "orders",
        "sluice-subscription": subscription.id,
        "sluice-partition": "0",
        "sluice-offset": "1",
        "sluice-previous-offset": "0",
        "sluice-attempt": "1",
        "sluice-trigger": "fan-out",
        "sluice-key": "k%C3%A4se%2F1",
        "sluice-hops": "1",
        traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
        "x-team": "billing",
      },
    });
    expect(Math.abs(Number(request.headers["webhook-timestamp"]) - request.at / 1000)).toBeLessThan(5);

    const delivery = await untilState(client, event.id, "delivered");
    expect(delivery.attempts).toMatchObject([
      {
        number: 1,
        trigger: "fan-out",
        outcome: "success",
        statusCode: 200,
        request: { url: subscriber.url, bodyBytes: request.body.length, headers: { "webhook-id": event.id } },
      },
    ]);
    const shown = JSON.stringify(delivery);
    expect(shown).not.toContain("billing");
    expect(shown).not.toContain(request.headers["webhook-signature"]);
  });

  it("carries only what the filter matches, and names the match before it (5.7, 6.1)", async () => {
    const filter = { types: ["order.*"], match: { data: { amount: { $gte: 100 } } } };
    const { client, subscriber } = await room(200, { filter });
    for (const [type, amount] of [
      ["order.created", 100],
      ["order.created", 99],
      ["payment.created", 500],
      ["order.paid", 101],
    ] as const) {
      await client.publish("orders", { type, key: "one", data: { amount } });
    }
    const requests = await subscriber.waitFor(2);
    expect(requests.map((request) => [offsetOf(request), request.headers["sluice-previous-offset"]])).toEqual([
      [1, "0"],
      [4, "1"],
    ]);
    await eventually(async () => expect(await client.subscription("hook")).toMatchObject({ lag: 0 }));
    expect(subscriber.received).toHaveLength(2);
  });

  it("in format raw is the data alone, signed as well (6.2)", async () => {
    const { client, subscriber, subscription } = await room(200, { format: "raw" });
    await client.publish("orders", '{"type":"order.created","data":{"a": 1.0}}');
    const [request] = await subscriber.waitFor(1);
    if (request === undefined) throw new Error("nothing arrived");
    verify(request, subscription.secret);
    expect(request.body.toString()).toBe('{"a": 1.0}');
  });
});

describe("a failing receiver", () => {
  it("is tried again through the queue, within 2 s of the due time, under the same id with a fresh signature", async () => {
    const { client, subscriber, subscription } = await room(byAttempt(503, 200), retry([1]));
    const batches = () => gateway().log.filter((line) => line.event === "retry-batch").length;
    const batchesBefore = batches();
    const event = await publish(client, 1);
    const [first, second] = await subscriber.waitFor(2);
    if (first === undefined || second === undefined) throw new Error("it was not tried twice");
    expect(second.at - first.at).toBeGreaterThanOrEqual(1000);
    expect(second.at - first.at).toBeLessThan(3000);
    await eventually(async () => expect(batches()).toBeGreaterThan(batchesBefore));
    expect(second.headers).toMatchObject({ "webhook-id": event.id, "sluice-attempt": "2", "sluice-trigger": "retry" });
    expect(second.headers["webhook-timestamp"]).not.toBe(first.headers["webhook-timestamp"]);
    expect(second.body).toEqual(first.body);
    for (const request of [first, second]) verify(request, subscription.secret);

    const delivery = await untilState(client, event.id, "delivered");
    expect(delivery.attempts).toMatchObject([
      { number: 1, trigger: "fan-out", outcome: "failure", statusCode: 503, error: { code: "status" } },
      { number: 2, trigger: "retry", outcome: "success", statusCode: 200, error: null },
    ]);
  });

  it("ends as a dead letter when the schedule is exhausted, and the next of the key goes on (6.5, 7.5)", async () => {
    const { client, subscriber, subscription } = await room(
      (request) => (offsetOf(request) === 1 ? { status: 500, body: "no, thank you" } : 200),
      retry([0.05, 0.05]),
    );
    const dead = await publish(client, 1, { key: "one" });
    const next = await publish(client, 2, { key: "one" });
    await subscriber.waitFor(4);
    expect(subscriber.received.map(offsetOf)).toEqual([1, 1, 1, 2]);
    const delivery = await untilState(client, dead.id, "dead");
    expect(delivery.attempts).toHaveLength(3);
    expect(delivery.attempts[0]?.response).toMatchObject({ body: "no, thank you", truncated: false });
    await untilState(client, next.id, "delivered");

    const { data } = await eventually(async () => {
      const letters = await client.deadLetters();
      expect(letters.data).toHaveLength(1);
      return letters;
    });
    expect(data).toMatchObject([
      {
        eventId: dead.id,
        topic: "orders",
        subscription: subscription.id,
        url: subscriber.url,
        reason: "exhausted",
        attempts: 3,
      },
    ]);
  });

  it("is waited for as long as Retry-After says, and 429 holds every other event back, too (6.3)", async () => {
    const { client, subscriber } = await room(
      (request) =>
        offsetOf(request) === 1 && request.headers["sluice-attempt"] === "1"
          ? { status: 429, headers: { "retry-after": "2" } }
          : 200,
      retry([0.1]),
    );
    await publish(client, 1);
    const [limited] = await subscriber.waitFor(1);
    // The answer's report comes a moment after the request.
    await eventually(async () => expect((await client.subscription("hook")).health.consecutiveFailures).toBe(1));
    await publish(client, 2);
    const requests = await subscriber.waitFor(3);
    for (const request of requests.slice(1)) expect(request.at - (limited?.at ?? 0)).toBeGreaterThanOrEqual(2000);
  });

  it("that does not answer in time, or is not there, has an error code that says so (7.2)", async () => {
    const silent = new Promise<number>(() => undefined);
    const { client, subscriber } = await room(() => silent, { timeoutSeconds: 1, ...retry([]) });
    const late = await publish(client, 1);
    const first = await untilState(client, late.id, "dead");
    expect(first.attempts).toMatchObject([{ outcome: "failure", statusCode: null, error: { code: "timeout" } }]);

    await subscriber.close();
    subscribers.splice(subscribers.indexOf(subscriber), 1);
    const refused = await publish(client, 2);
    const second = await untilState(client, refused.id, "dead");
    expect(second.attempts).toMatchObject([{ outcome: "failure", statusCode: null, error: { code: "connection" } }]);
  });

  it("can end an event, or itself, by a header of its answer (6.3)", async () => {
    const { client, subscriber } = await room((request) => ({
      status: 500,
      headers: { "webhook-delivery": offsetOf(request) === 1 ? "abort-message" : "disable" },
    }));
    const aborted = await publish(client, 1);
    await untilState(client, aborted.id, "dead");
    const held = await publish(client, 2);
    await untilState(client, held.id, "held");
    expect(await client.subscription("hook")).toMatchObject({ state: "disabled", disabledReason: "requested" });
    expect(subscriber.received).toHaveLength(2);
    await eventually(async () =>
      expect((await client.deadLetters()).data).toMatchObject([{ eventId: aborted.id, reason: "aborted" }]),
    );
  });

  it("that answers 410 is disabled; the event is held, and delivered when it is resumed (5.3, 6.3)", async () => {
    const { client, subscriber } = await room(410);
    const event = await publish(client, 1);
    await untilState(client, event.id, "held");
    expect(await client.subscription("hook")).toMatchObject({ state: "disabled", disabledReason: "gone" });
    subscriber.script = 200;
    await client.ok("POST", "/v1/subscriptions/hook/resume");
    await untilState(client, event.id, "delivered");
    expect(subscriber.received.map((request) => request.headers["sluice-attempt"])).toEqual(["1", "2"]);
  });
});

describe("order", () => {
  it("of a key is kept under concurrency and failures, while the keys go on side by side (6.4)", async () => {
    const underWay = new Map<string, number>();
    const settled = new Map<string, number[]>();
    let together = 0;
    let togetherOfOneKey = 0;
    const { client, subscriber } = await room(
      async (request) => {
        const key = request.headers["sluice-key"] ?? "";
        underWay.set(key, (underWay.get(key) ?? 0) + 1);
        together = Math.max(together, underWay.size);
        togetherOfOneKey = Math.max(togetherOfOneKey, underWay.get(key) ?? 0);
        await new Promise((answer) => setTimeout(answer, 10));
        underWay.delete(key);
        // Every third event fails once.
        if (offsetOf(request) % 3 === 0 && request.headers["sluice-attempt"] === "1") return 500;
        settled.set(key, [...(settled.get(key) ?? []), offsetOf(request)]);
        return 200;
      },
      retry([0.05]),
    );
    const keys = ["a", "b", "c", "d", "e"];
    const posted = await Promise.all(
      keys.map(async (key) => {
        const offsets: number[] = [];
        for (let n = 1; n <= 12; n++) offsets.push((await publish(client, n, { key })).offset);
        return [key, offsets] as const;
      }),
    );
    await subscriber.waitFor(keys.length * 12 * (4 / 3));
    await eventually(async () => expect(Object.fromEntries(settled)).toEqual(Object.fromEntries(posted)));
    expect(togetherOfOneKey).toBe(1);
    expect(together).toBeGreaterThan(1);
  });

  it("of a topic is one at a time (6.4)", async () => {
    let underWay = 0;
    let together = 0;
    const { client, subscriber } = await room(
      async (request) => {
        together = Math.max(together, ++underWay);
        await new Promise((answer) => setTimeout(answer, 5));
        underWay--;
        return offsetOf(request) === 3 && request.headers["sluice-attempt"] === "1" ? 500 : 200;
      },
      { ordering: "topic", ...retry([0.05]) },
    );
    await Promise.all(Array.from({ length: 10 }, (_, n) => publish(client, n)));
    await subscriber.waitFor(11);
    expect(subscriber.received.map(offsetOf)).toEqual([1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(together).toBe(1);
  });
});

describe("a subscription", () => {
  it("holds its place while paused, and delivers the backlog in order when resumed (5.3)", async () => {
    const { client, subscriber } = await room(200, { ordering: "topic" });
    const witness = await Subscriber.start();
    subscribers.push(witness);
    await client.subscribe({ name: "witness", topic: "orders", url: witness.url });
    await client.ok("POST", "/v1/subscriptions/hook/pause");
    const events = [];
    for (let n = 1; n <= 3; n++) events.push(await publish(client, n));
    await witness.waitFor(3);
    expect(subscriber.received).toHaveLength(0);
    expect(await client.subscription("hook")).toMatchObject({ state: "paused", lag: 3 });
    await client.ok("POST", "/v1/subscriptions/hook/resume");
    await subscriber.waitFor(3);
    expect(subscriber.received.map((request) => request.headers["webhook-id"])).toEqual(events.map(({ id }) => id));
  });

  it.each([
    ["pause", "POST", "/v1/subscriptions/hook/pause"],
    ["DELETE", "DELETE", "/v1/subscriptions/hook"],
  ])("starts no request later than 250 ms after the answer to %s (5.2)", async (_name, method, path) => {
    const { client, subscriber } = await room();
    let stoppedAt = Number.POSITIVE_INFINITY;
    const flood = async () => {
      for (let n = 0; n < 40; n++) await publish(client, n);
    };
    const producers = Array.from({ length: 4 }, flood);
    await subscriber.waitFor(10);
    await client.ok(method, path);
    stoppedAt = Date.now();
    await Promise.all(producers);
    // Time passes by posting: what is too late would arrive meanwhile.
    while (Date.now() < stoppedAt + 2 * SEND_START_MAX_MS) await publish(client, 0);
    const latest = Math.max(...subscriber.received.map((request) => request.at));
    expect(latest).toBeLessThanOrEqual(stoppedAt + SEND_START_MAX_MS);
    expect(subscriber.received.length).toBeLessThan(160);
    if (method === "DELETE") {
      for (const route of ["", "/deliveries", "/pause"]) {
        const answer = await client.request(route === "/pause" ? "POST" : "GET", `/v1/subscriptions/hook${route}`);
        expect(answer.status).toBe(404);
      }
    }
  });

  it("retries a dead letter by hand, once, under the next attempt number (7.4)", async () => {
    const { client, subscriber, subscription } = await room(500, retry([]));
    const event = await publish(client, 1);
    await untilState(client, event.id, "dead");
    subscriber.script = 200;
    const accepted = await client.request("POST", `/v1/subscriptions/hook/deliveries/${event.id}/retry`);
    expect(accepted.status).toBe(202);
    const delivery = await untilState(client, event.id, "delivered");
    expect(delivery.attempts).toMatchObject([
      { number: 1, trigger: "fan-out", outcome: "failure" },
      { number: 2, trigger: "manual", outcome: "success" },
    ]);
    for (const request of subscriber.received) verify(request, subscription.secret);
    await eventually(async () => expect((await client.deadLetters()).data).toEqual([]));
  });

  it("cancels a delivery by hand, and the next of its key goes on (7.4)", async () => {
    const { client, subscriber } = await room((request) => (offsetOf(request) === 1 ? 500 : 200), retry([3600]));
    const stuck = await publish(client, 1, { key: "one" });
    const waiting = await publish(client, 2, { key: "one" });
    const other = await publish(client, 3, { key: "two" });
    await untilState(client, stuck.id, "retrying");
    await untilState(client, other.id, "delivered");
    expect(subscriber.of(waiting.id)).toHaveLength(0);
    const cancelled = await client.ok("POST", `/v1/subscriptions/hook/deliveries/${stuck.id}/cancel`);
    expect(cancelled).toMatchObject({ state: "cancelled" });
    await untilState(client, waiting.id, "delivered");
    expect(subscriber.of(stuck.id)).toHaveLength(1);
  });

  it("shows in its delivery log, newest first, what became of each event (7.1, 4.8)", async () => {
    const { client } = await room((request) => (offsetOf(request) === 2 ? 500 : 200), retry([]));
    const events = [];
    for (let n = 1; n <= 3; n++) events.push(await publish(client, n));
    await eventually(async () => {
      const { data } = await client.deliveries("hook");
      expect(data.map(({ offset, state }) => [offset, state])).toEqual([
        [3, "delivered"],
        [2, "dead"],
        [1, "delivered"],
      ]);
    });
    expect((await client.deliveries("hook", "?state=dead")).data).toMatchObject([{ eventId: events[1]?.id }]);
    expect(await client.ok("GET", `/v1/topics/orders/events/${events[1]?.id}/deliveries`)).toMatchObject({
      data: [{ name: "hook", state: "dead", attempts: 1 }],
    });
  });
});
