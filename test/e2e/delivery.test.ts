import { describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { withSharedGateway } from "../support/gateway.ts";
import { attemptOf, offsetOf, retry, withRooms } from "../support/rooms.ts";
import { dataText, type Script, verify } from "../support/subscriber.ts";

const gateway = withSharedGateway();
const room = withRooms(gateway);

/** The script of a subscriber that gives these answers to an event's attempts, in order, the last one for ever. */
const byAttempt =
  (...statuses: readonly number[]): Script =>
  (request) =>
    statuses[Math.min(attemptOf(request), statuses.length) - 1] ?? 200;

describe("a delivery", () => {
  it("arrives signed, with the headers of API clause 6.1 and the data as it was sent (4.4, 6.2)", async () => {
    const { client, subscriber, secret, subscriptionId, untilState } = await room(200, {
      headers: { "x-team": "billing" },
    });
    const text = '{"n": 9007199254740993, "x": 1.0, "s": "\\ud800"}';
    const event = await client.publish(
      "orders",
      `{"type":"order.created","key":"käse/1","data":${text},"time":"2026-01-02T03:04:05.678Z"}`,
    );
    const [request] = await subscriber.waitFor(1);
    if (request === undefined) throw new Error("nothing arrived");
    verify(request, secret);
    expect(() => verify({ ...request, body: Buffer.from("{}") }, secret)).toThrow();
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
        "sluice-subscription": subscriptionId,
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

    const delivery = await untilState(event.id, "delivered");
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
    const { client, subscriber, secret } = await room(200, { format: "raw" });
    await client.publish("orders", '{"type":"order.created","data":{"a": 1.0}}');
    const [request] = await subscriber.waitFor(1);
    if (request === undefined) throw new Error("nothing arrived");
    verify(request, secret);
    expect(request.body.toString()).toBe('{"a": 1.0}');
  });
});

describe("a failing receiver", () => {
  it("is tried again through the queue, within 2 s of the due time, under the same id with a fresh signature", async () => {
    const { subscriber, secret, publish, untilState } = await room(byAttempt(503, 200), retry([2]));
    const batches = () => gateway().log.filter((line) => line.event === "retry-batch").length;
    const batchesBefore = batches();
    const event = await publish(1);
    const [first, second] = await subscriber.waitFor(2);
    if (first === undefined || second === undefined) throw new Error("it was not tried twice");
    expect(second.at - first.at).toBeGreaterThanOrEqual(2000);
    expect(second.at - first.at).toBeLessThan(4000);
    await eventually(async () => expect(batches()).toBeGreaterThan(batchesBefore));
    expect(second.headers).toMatchObject({ "webhook-id": event.id, "sluice-attempt": "2", "sluice-trigger": "retry" });
    expect(second.headers["webhook-timestamp"]).not.toBe(first.headers["webhook-timestamp"]);
    expect(second.body).toEqual(first.body);
    for (const request of [first, second]) verify(request, secret);

    const delivery = await untilState(event.id, "delivered");
    expect(delivery.attempts).toMatchObject([
      { number: 1, trigger: "fan-out", outcome: "failure", statusCode: 503, error: { code: "status" } },
      { number: 2, trigger: "retry", outcome: "success", statusCode: 200, error: null },
    ]);
  });

  it("ends as a dead letter when the schedule is exhausted, and the next of the key goes on (6.5, 7.5)", async () => {
    const { client, subscriber, subscriptionId, publish, untilState } = await room(
      (request) => (offsetOf(request) === 1 ? { status: 500, body: "no, thank you" } : 200),
      retry([0.05, 0.05]),
    );
    const dead = await publish(1, { key: "one" });
    const next = await publish(2, { key: "one" });
    await subscriber.waitFor(4);
    expect(subscriber.received.map(offsetOf)).toEqual([1, 1, 1, 2]);
    const delivery = await untilState(dead.id, "dead");
    expect(delivery.attempts).toHaveLength(3);
    expect(delivery.attempts[0]?.response).toMatchObject({ body: "no, thank you", truncated: false });
    await untilState(next.id, "delivered");

    const { data } = await eventually(async () => {
      const letters = await client.deadLetters();
      expect(letters.data).toHaveLength(1);
      return letters;
    });
    expect(data).toMatchObject([
      {
        eventId: dead.id,
        topic: "orders",
        subscription: subscriptionId,
        url: subscriber.url,
        reason: "exhausted",
        attempts: 3,
      },
    ]);
  });

  it("is waited for as long as Retry-After says, and 429 holds every other event back, too (6.3)", async () => {
    const { client, subscriber, publish } = await room(
      (request) =>
        offsetOf(request) === 1 && attemptOf(request) === 1 ? { status: 429, headers: { "retry-after": "2" } } : 200,
      retry([0.1]),
    );
    await publish(1);
    const [limited] = await subscriber.waitFor(1);
    // The answer's report comes a moment after the request.
    await eventually(async () => expect((await client.subscription("hook")).health.consecutiveFailures).toBe(1));
    await publish(2);
    const requests = await subscriber.waitFor(3);
    for (const request of requests.slice(1)) expect(request.at - (limited?.at ?? 0)).toBeGreaterThanOrEqual(2000);
  });

  it("that does not answer in time, or is not there, has an error code that says so (7.2)", async () => {
    const silent = new Promise<number>(() => undefined);
    const { subscriber, publish, untilState } = await room(() => silent, { timeoutSeconds: 1, ...retry([]) });
    const late = await publish(1);
    const first = await untilState(late.id, "dead");
    expect(first.attempts).toMatchObject([{ outcome: "failure", statusCode: null, error: { code: "timeout" } }]);

    await subscriber.close();
    const refused = await publish(2);
    const second = await untilState(refused.id, "dead");
    expect(second.attempts).toMatchObject([{ outcome: "failure", statusCode: null, error: { code: "connection" } }]);
  });

  it("can end an event, or itself, by a header of its answer (6.3)", async () => {
    const { client, subscriber, publish, untilState } = await room((request) => ({
      status: 500,
      headers: { "webhook-delivery": offsetOf(request) === 1 ? "abort-message" : "disable" },
    }));
    const aborted = await publish(1);
    await untilState(aborted.id, "dead");
    const held = await publish(2);
    await untilState(held.id, "held");
    expect(await client.subscription("hook")).toMatchObject({ state: "disabled", disabledReason: "requested" });
    expect(subscriber.received).toHaveLength(2);
    await eventually(async () =>
      expect((await client.deadLetters()).data).toMatchObject([{ eventId: aborted.id, reason: "aborted" }]),
    );
  });

  it("that answers 410 is disabled; the event is held, and delivered when it is resumed (5.3, 6.3)", async () => {
    const { client, subscriber, publish, untilState } = await room(410);
    const event = await publish(1);
    await untilState(event.id, "held");
    expect(await client.subscription("hook")).toMatchObject({ state: "disabled", disabledReason: "gone" });
    subscriber.script = 200;
    await client.ok("POST", "/v1/subscriptions/hook/resume");
    await untilState(event.id, "delivered");
    expect(subscriber.received.map((request) => request.headers["sluice-attempt"])).toEqual(["1", "2"]);
  });
});
