import { describe, expect, it, onTestFinished } from "vitest";
import { SEND_START_MAX_MS } from "../../src/core/limits.ts";
import { eventually } from "../support/eventually.ts";
import { withSharedGateway } from "../support/gateway.ts";
import { attemptOf, offsetOf, retry, withRooms } from "../support/rooms.ts";
import { Subscriber, verify } from "../support/subscriber.ts";

const room = withRooms(withSharedGateway());

describe("order", () => {
  it("of a key is kept under concurrency and failures, while the keys go on side by side (6.4)", async () => {
    const underWay = new Map<string, number>();
    const settled = new Map<string, number[]>();
    let together = 0;
    let togetherOfOneKey = 0;
    const { subscriber, publish } = await room(
      async (request) => {
        const key = request.headers["sluice-key"] ?? "";
        underWay.set(key, (underWay.get(key) ?? 0) + 1);
        together = Math.max(together, underWay.size);
        togetherOfOneKey = Math.max(togetherOfOneKey, underWay.get(key) ?? 0);
        await new Promise((answer) => setTimeout(answer, 10));
        underWay.delete(key);
        // Every third event fails once.
        if (offsetOf(request) % 3 === 0 && attemptOf(request) === 1) return 500;
        settled.set(key, [...(settled.get(key) ?? []), offsetOf(request)]);
        return 200;
      },
      retry([0.05]),
    );
    const keys = ["a", "b", "c", "d", "e"];
    const posted = await Promise.all(
      keys.map(async (key) => {
        const offsets: number[] = [];
        for (let n = 1; n <= 12; n++) offsets.push((await publish(n, { key })).offset);
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
    const { subscriber, publish } = await room(
      async (request) => {
        together = Math.max(together, ++underWay);
        await new Promise((answer) => setTimeout(answer, 5));
        underWay--;
        return offsetOf(request) === 3 && attemptOf(request) === 1 ? 500 : 200;
      },
      { ordering: "topic", ...retry([0.05]) },
    );
    await Promise.all(Array.from({ length: 10 }, (_, n) => publish(n)));
    await subscriber.waitFor(11);
    expect(subscriber.received.map(offsetOf)).toEqual([1, 2, 3, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(together).toBe(1);
  });
});

describe("a subscription", () => {
  it("holds its place while paused, and delivers the backlog in order when resumed (5.3)", async () => {
    const { client, subscriber, publish } = await room(200, { ordering: "topic" });
    const witness = await Subscriber.start();
    onTestFinished(() => witness.close());
    await client.subscribe({ name: "witness", topic: "orders", url: witness.url });
    await client.ok("POST", "/v1/subscriptions/hook/pause");
    const events = [];
    for (let n = 1; n <= 3; n++) events.push(await publish(n));
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
    const { client, subscriber, publish } = await room();
    let stoppedAt = Number.POSITIVE_INFINITY;
    const flood = async () => {
      for (let n = 0; n < 40; n++) await publish(n);
    };
    const producers = Array.from({ length: 4 }, flood);
    await subscriber.waitFor(10);
    await client.ok(method, path);
    stoppedAt = Date.now();
    await Promise.all(producers);
    // Time passes by posting: what is too late would arrive meanwhile.
    while (Date.now() < stoppedAt + 2 * SEND_START_MAX_MS) await publish(0);
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
    const { client, subscriber, secret, publish, untilState } = await room(500, retry([]));
    const event = await publish(1);
    await untilState(event.id, "dead");
    subscriber.script = 200;
    const accepted = await client.request("POST", `/v1/subscriptions/hook/deliveries/${event.id}/retry`);
    expect(accepted.status).toBe(202);
    const delivery = await untilState(event.id, "delivered");
    expect(delivery.attempts).toMatchObject([
      { number: 1, trigger: "fan-out", outcome: "failure" },
      { number: 2, trigger: "manual", outcome: "success" },
    ]);
    for (const request of subscriber.received) verify(request, secret);
    await eventually(async () => expect((await client.deadLetters()).data).toEqual([]));
  });

  it("cancels a delivery by hand, and the next of its key goes on (7.4)", async () => {
    const { client, subscriber, publish, untilState } = await room(
      (request) => (offsetOf(request) === 1 ? 500 : 200),
      retry([3600]),
    );
    const stuck = await publish(1, { key: "one" });
    const waiting = await publish(2, { key: "one" });
    const other = await publish(3, { key: "two" });
    await untilState(stuck.id, "retrying");
    await untilState(other.id, "delivered");
    expect(subscriber.of(waiting.id)).toHaveLength(0);
    const cancelled = await client.ok("POST", `/v1/subscriptions/hook/deliveries/${stuck.id}/cancel`);
    expect(cancelled).toMatchObject({ state: "cancelled" });
    await untilState(waiting.id, "delivered");
    expect(subscriber.of(stuck.id)).toHaveLength(1);
  });

  it("shows in its delivery log, newest first, what became of each event (7.1, 4.8)", async () => {
    const { client, publish } = await room((request) => (offsetOf(request) === 2 ? 500 : 200), retry([]));
    const events = [];
    for (let n = 1; n <= 3; n++) events.push(await publish(n));
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
