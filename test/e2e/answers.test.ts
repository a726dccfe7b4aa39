import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ANSWER_CASES, RETRY_AFTER_CASES } from "../support/answer-cases.ts";
import type { AttemptAnswer, DeliveryAnswer } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { withSharedGateway } from "../support/gateway.ts";
import { answering, http, inTurn } from "../support/raw-answer.ts";
import { type RawBehaviour, type RawServer, rawServer } from "../support/raw-server.ts";
import { attemptOf, retry } from "../support/rooms.ts";
import { type Reply, type Script, Subscriber, verify } from "../support/subscriber.ts";

/** How late a healthy subscriber may hear of an event while all the others misbehave, on a busy machine. */
const PROMPT_MS = 10_000;
const HANG_UP_MS = 10_000;
/** From an answer to its row in the delivery log, on a busy machine; far less than the waits asked for. */
const TOLERANCE_SECONDS = 60;

const gateway = withSharedGateway();
const servers: { close(): Promise<void> }[] = [];
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
});

async function subscriberOf(script: Script = 200): Promise<Subscriber> {
  const subscriber = await Subscriber.start(script);
  servers.push(subscriber);
  return subscriber;
}

type More = Readonly<Record<string, unknown>> & { readonly url?: (port: number) => string };

/** A raw subscriber, and a subscription of topic `orders` to it. */
async function subscribed(name: string, behaviour: RawBehaviour, { url, ...document }: More = {}): Promise<RawServer> {
  const server = await rawServer(behaviour);
  servers.push(server);
  const target = url?.(server.port) ?? `http://127.0.0.1:${server.port}/`;
  await gateway()
    .client("answers")
    .subscribe({ name, topic: "orders", url: target, timeoutSeconds: 10, ...document });
  return server;
}

const untilState = (name: string, eventId: string, state: string): Promise<DeliveryAnswer<readonly AttemptAnswer[]>> =>
  eventually(async () => {
    const delivery = await gateway().client("answers").delivery(name, eventId);
    expect(delivery.state).toBe(state);
    return delivery;
  });

/** All at once: nobody waits for anybody, so it takes as long as the slowest of them. */
describe("one event for subscribers that all misbehave, each in its own way", () => {
  const answers = ANSWER_CASES.map((one, at) => ({ ...one, id: `answer-${at}` }));
  const waits = RETRY_AFTER_CASES.map((one, at) => ({ ...one, id: `wait-${at}` }));
  const served = new Map<string, RawServer>();
  let healthy: Subscriber;
  let eventId = "";
  let publishedAt = 0;

  beforeAll(async () => {
    healthy = await subscriberOf();
    await gateway().client("answers").subscribe({ name: "healthy", topic: "orders", url: healthy.url });
    await subscribed("hanging", {}, { timeoutSeconds: 25 });
    await Promise.all([
      ...answers.map(async ({ id, behaviour, url, timeoutSeconds = 10 }) =>
        served.set(id, await subscribed(id, behaviour, { ...(url && { url }), timeoutSeconds, ...retry([]) })),
      ),
      ...waits.map(({ id, status, values, scheduleSeconds }) => {
        const headers = [...values.map((value) => `Retry-After: ${value}`), "Content-Length: 0"];
        const behaviour = inTurn(answering(http(status, headers)), answering(http("200 OK")));
        return subscribed(id, behaviour, retry([scheduleSeconds]));
      }),
    ]);
    publishedAt = Date.now();
    eventId = (await gateway().client("answers").publish("orders", { type: "order.created", data: 1 })).id;
  });

  it("reaches the healthy one promptly, while one that hangs is still waited for", async () => {
    const [request] = await healthy.waitFor(1);
    expect((request?.at ?? 0) - publishedAt).toBeLessThan(PROMPT_MS);
    await untilState("healthy", eventId, "delivered");
    await untilState("hanging", eventId, "delivering");
  });

  it.each(answers)("$name", async ({ id, state, statusCode, error, response, disabledReason, deadReason }) => {
    const delivery = await untilState(id, eventId, state);
    expect(delivery.attempts).toMatchObject([
      {
        ...{ number: 1, trigger: "fan-out", statusCode, response },
        outcome: error === null ? "success" : "failure",
        error: error === null ? null : { code: error, message: expect.stringMatching(/\w/) },
      },
    ]);
    const client = gateway().client("answers");
    expect(await client.subscription(id)).toMatchObject({
      state: disabledReason === undefined ? "active" : "disabled",
      disabledReason: disabledReason ?? null,
      lag: state === "held" ? 1 : 0,
    });
    const letters = state === "dead" ? [{ eventId, reason: deadReason ?? "exhausted", attempts: 1 }] : [];
    await eventually(async () => expect((await client.deadLetters(`?subscription=${id}`)).data).toMatchObject(letters));
    const server = served.get(id);
    await vi.waitFor(() => expect(server?.open()).toBe(0), HANG_UP_MS);
    expect(server?.connections()).toBeLessThanOrEqual(1);
  });

  it.each(waits)("B09 B10 $status, Retry-After $values: waits $waits", async ({ id, waits: seconds }) => {
    const delivery = await untilState(id, eventId, seconds === null ? "delivered" : "retrying");
    const [first] = delivery.attempts;
    if (seconds === null) {
      expect(delivery.attempts).toMatchObject([{ outcome: "failure" }, { outcome: "success", trigger: "retry" }]);
      return;
    }
    expect(delivery.attempts).toHaveLength(1);
    const waited = (Date.parse(delivery.nextAttemptAt ?? "") - Date.parse(first?.startedAt ?? "")) / 1000;
    expect(waited).toBeGreaterThan(seconds - TOLERANCE_SECONDS);
    expect(waited).toBeLessThan(seconds + TOLERANCE_SECONDS);
  });
});

describe("over several attempts and events", () => {
  it.concurrent("B25 200 after the deadline is a failure: sent again under the same webhook-id", async () => {
    const late: RawBehaviour = { request: (socket) => setTimeout(() => socket.end(http("200 OK")), 1500) };
    const { requests } = await subscribed("late", inTurn(late, answering(http("200 OK"))), {
      ...{ topic: "late", timeoutSeconds: 1 },
      // A busy machine may miss the second deadline as well.
      ...retry([0.1, 0.1, 0.1]),
    });
    const event = await gateway().client("answers").publish("late", { type: "a.b", data: 1 });
    const { attempts } = await untilState("late", event.id, "delivered");
    expect(attempts[0]).toMatchObject({ outcome: "failure", statusCode: null, error: { code: "timeout" } });
    expect(attempts.at(-1)).toMatchObject({ outcome: "success", statusCode: 200 });
    expect(requests.map(({ headers }) => [headers.get("webhook-id"), headers.get("sluice-attempt")])).toEqual(
      attempts.map(({ number }) => [event.id, `${number}`]),
    );
  });

  it.concurrent("B29 nothing that an answer sets is carried to the next attempt", async () => {
    const setting = http("500 Oops", [
      ...["Set-Cookie: a=b; Path=/", "Strict-Transport-Security: max-age=99999", 'Alt-Svc: h3=":443"; ma=99999'],
      ...["Connection: close", "Content-Length: 0"],
    ]);
    const { requests } = await subscribed("setting", inTurn(answering(setting), answering(http("200 OK"))), {
      topic: "setting",
      ...retry([0.1]),
    });
    const event = await gateway().client("answers").publish("setting", { type: "a.b", data: 1 });
    await untilState("setting", event.id, "delivered");
    const [first, second] = requests.map(({ headers }) => [...headers.keys()].toSorted());
    expect(first).not.toContain("cookie");
    expect(second).toEqual(first);
  });

  it.concurrent("an answer too many is not taken for the next event's", async () => {
    const twice: RawBehaviour = { request: (socket) => socket.write(http("200 OK") + http("200 OK")) };
    const { requests } = await subscribed("twice", inTurn(twice, answering(http("500 Oops"))), {
      ...{ topic: "twice", ordering: "topic" },
      ...retry([]),
    });
    const client = gateway().client("answers");
    const first = await client.publish("twice", { type: "a.b", data: 1 });
    await untilState("twice", first.id, "delivered");
    const second = await client.publish("twice", { type: "a.b", data: 2 });
    const { attempts } = await untilState("twice", second.id, "dead");
    expect(attempts).toMatchObject([{ statusCode: 500 }]);
    expect(requests).toHaveLength(2);
  });

  it.concurrent.each(["413 No", "200 OK"])("%s to a large event whose body is never read decides", async (status) => {
    const id = `unread-${status.slice(0, 3)}`;
    const unread: RawBehaviour = {
      connected: (socket) => socket.once("data", () => socket.pause().write(http(status))),
    };
    const server = await subscribed(id, unread, { topic: id, ...retry([]) });
    const event = await gateway()
      .client("answers")
      .publish(id, { type: "a.b", data: "x".repeat(1_000_000) });
    const { attempts } = await untilState(id, event.id, status === "200 OK" ? "delivered" : "dead");
    expect(attempts).toMatchObject([{ statusCode: Number(status.slice(0, 3)) }]);
    expect(server.connections()).toBe(1);
  });

  it.concurrent("B26 a subscriber that fails every other time is neither held nor disabled", async () => {
    const subscriber = await subscriberOf((request) => (attemptOf(request) === 1 ? 500 : 200));
    const client = gateway().client("answers");
    await client.subscribe({
      ...{ name: "flapping", topic: "flapping", url: subscriber.url, ordering: "topic" },
      retry: { scheduleSeconds: [0.05], jitter: 0, onExhausted: "continue", holdAfterFailures: 2 },
    });
    const events = [];
    for (let n = 1; n <= 8; n++) events.push(await client.publish("flapping", { type: "a.b", data: n }));
    await untilState("flapping", events.at(-1)?.id ?? "", "delivered");
    expect(subscriber.received.map((request) => request.headers["sluice-trigger"])).toEqual(
      events.flatMap(() => ["fan-out", "retry"]),
    );
    expect(await client.subscription("flapping")).toMatchObject({
      ...{ state: "active", lag: 0 },
      health: { state: "healthy", consecutiveFailures: 0, failingSince: null },
    });
  });

  it.concurrent("B30 P08 two subscriptions with the same URL are two deliveries, each with its own secret", async () => {
    const subscriber = await subscriberOf();
    const client = gateway().client("answers");
    const created = await Promise.all(
      ["twin-1", "twin-2"].map((name) => client.subscribe({ name, topic: "twins", url: subscriber.url })),
    );
    const event = await client.publish("twins", { type: "a.b", data: 1 });
    const requests = await subscriber.waitFor(2);
    expect(new Set(requests.map((request) => request.headers["webhook-id"]))).toEqual(new Set([event.id]));
    for (const { id, name, secret } of created) {
      const [own, other] = requests.toSorted((a) => (a.headers["sluice-subscription"] === id ? -1 : 1));
      if (own === undefined || other === undefined) throw new Error("there are not two");
      verify(own, secret);
      expect(() => verify(other, secret)).toThrow();
      expect((await untilState(name, event.id, "delivered")).attempts).toMatchObject([{ number: 1, statusCode: 200 }]);
    }
  });

  it.concurrent.each<readonly [string, Reply]>([
    ["gone", 410],
    ["requested", { status: 500, headers: { "webhook-delivery": "disable" } }],
  ])("B07 disabled as `%s`, it hears of nothing until it is resumed, and then of everything", async (id, reply) => {
    const subscriber = await subscriberOf(reply);
    const witness = await subscriberOf();
    const client = gateway().client("answers");
    await client.subscribe({ name: id, topic: id, url: subscriber.url, ordering: "topic" });
    await client.subscribe({ name: `${id}-witness`, topic: id, url: witness.url });
    const events = [await client.publish(id, { type: "a.b", data: 1 })];
    await untilState(id, events[0]?.id ?? "", "held");
    for (const data of [2, 3]) events.push(await client.publish(id, { type: "a.b", data }));
    await witness.waitFor(3);
    expect(await client.subscription(id)).toMatchObject({ state: "disabled", disabledReason: id, lag: 3 });
    expect(subscriber.received).toHaveLength(1);
    subscriber.script = 200;
    await client.ok("POST", `/v1/subscriptions/${id}/resume`);
    await subscriber.waitFor(4);
    const ids = events.map((event) => event.id);
    expect(subscriber.received.map((request) => request.headers["webhook-id"])).toEqual([ids[0], ...ids]);
  });
});
