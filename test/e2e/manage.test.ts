import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import type { AttemptAnswer, Client, DeadLetterAnswer } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { withSharedGateway } from "../support/gateway.ts";
import { attemptOf, offsetOf, type Room, retry, withRooms } from "../support/rooms.ts";
import { type Received, verify } from "../support/subscriber.ts";

const room = withRooms(withSharedGateway());

const HOOK = "/v1/subscriptions/hook";
const rotate = (client: Client, graceSeconds: number) =>
  client.ok<{ secret: string; previousExpiresAt: string }>("POST", `${HOOK}/rotate-secret`, { graceSeconds });
const triggers = (requests: readonly Received[]) => requests.map(({ headers }) => headers["sluice-trigger"]);

/** Publishes so many events, one after the other. */
async function publishing({ publish }: Room, count: number) {
  const events = [];
  for (let n = 1; n <= count; n++) events.push(await publish(n));
  return events;
}

function verifies({ body, headers }: Received, secret: string): boolean {
  try {
    new Webhook(secret).verify(body, { ...headers });
    return true;
  } catch {
    return false;
  }
}

describe("rotate-secret (5.6)", () => {
  it("has both secrets sign until the old one's end, which is a day ahead", async () => {
    const { client, subscriber, secret, publish } = await room();
    const before = Date.now();
    const rotated = await client.ok<{ secret: string; previousExpiresAt: string }>("POST", `${HOOK}/rotate-secret`);
    expect(rotated.secret).not.toBe(secret);
    expect(Math.abs(Date.parse(rotated.previousExpiresAt) - before - 86_400_000)).toBeLessThan(60_000);
    await publish(1);
    const [request] = await subscriber.waitFor(1);
    if (request === undefined) throw new Error("nothing arrived");
    verify(request, secret);
    verify(request, rotated.secret);
    expect(request.headers["webhook-signature"]?.split(" ")).toHaveLength(2);
    expect(JSON.stringify(await client.subscription("hook"))).not.toContain(rotated.secret);
  });

  it("without grace ends every older secret with the answer, for retries too", async () => {
    const { client, subscriber, secret, publish } = await room(500, retry([1, 0.05]));
    const middle = await rotate(client, 3600);
    const event = await publish(1);
    await subscriber.waitFor(1);
    const newest = await rotate(client, 0);
    const answeredAt = Date.now();
    subscriber.script = 200;
    await publish(2);
    await subscriber.waitFor(2, ({ at }) => at >= answeredAt);
    expect(subscriber.of(event.id).length).toBeGreaterThan(1);
    for (const request of subscriber.received.filter(({ at }) => at >= answeredAt)) {
      verify(request, newest.secret);
      expect([verifies(request, secret), verifies(request, middle.secret)]).toEqual([false, false]);
    }
  });

  it("with a grace of two seconds has the old one sign as long, and no retry after it", async () => {
    const { client, subscriber, secret, publish } = await room(500, retry(Array(30).fill(0.3)));
    const rotated = await rotate(client, 2);
    const endsAt = Date.parse(rotated.previousExpiresAt);
    // What begins before the end may arrive after it.
    const surelyAfter = endsAt + 1000;
    subscriber.script = ({ at }) => (at >= surelyAfter ? 200 : 500);
    await publish(1);
    await subscriber.waitFor(1, ({ at }) => at >= surelyAfter);
    const before = subscriber.received.filter(({ at }) => at < endsAt);
    const after = subscriber.received.filter(({ at }) => at >= surelyAfter);
    expect(before.length).toBeGreaterThan(0);
    for (const request of before) {
      verify(request, secret);
      verify(request, rotated.secret);
    }
    for (const request of after) {
      verify(request, rotated.secret);
      expect(verifies(request, secret)).toBe(false);
    }
  });
});

describe("a test (5.5)", () => {
  const send = (client: Client) => client.request<AttemptAnswer>("POST", `${HOOK}/test`);

  it("is one signed request, and leaves log, deliveries and health alone", async () => {
    const { client, subscriber, secret } = await room({ status: 410, body: "go away" });
    const before = await client.subscription("hook");
    const { status, body } = await send(client);
    expect([status, body.outcome, body.statusCode, body.trigger]).toEqual([200, "failure", 410, "test"]);
    expect([body.error?.code, body.response?.body]).toEqual(["status", "go away"]);
    const [request] = subscriber.received;
    if (request === undefined) throw new Error("nothing arrived");
    verify(request, secret);
    expect(JSON.parse(request.body.toString())).toMatchObject({ type: "sluice.test" });
    expect(Object.keys(request.headers).filter((name) => name.endsWith("offset"))).toEqual([]);
    expect(body.request).toMatchObject({ url: subscriber.url, bodyBytes: request.body.length });
    expect(await client.subscription("hook")).toEqual(before);
    expect((await client.deliveries("hook")).data).toEqual([]);
    expect(await client.ok("GET", "/v1/topics/orders")).toMatchObject({ log: [{ nextOffset: 1 }] });
  });

  it("says when nobody answers", async () => {
    const { client, subscriber } = await room();
    await subscriber.close();
    expect((await send(client)).body).toMatchObject({ outcome: "failure", statusCode: null, response: null });
  });

  it.each([
    [{ format: "raw" }, { message: expect.any(String) }, /^evt_/],
    [{ batch: {} }, [expect.objectContaining({ type: "sluice.test" })], /^bat_/],
  ])("is formed as deliveries are: %j", async (document, body, id) => {
    const { client, subscriber, secret } = await room(200, document);
    expect((await send(client)).body).toMatchObject({ outcome: "success", number: 1 });
    const [request] = subscriber.received;
    if (request === undefined) throw new Error("nothing arrived");
    verify(request, secret);
    expect(JSON.parse(request.body.toString())).toEqual(body);
    expect(request.headers["webhook-id"]).toMatch(id);
  });

  it("is made of an active or failing subscription, refused of a paused or disabled one, and 404 of a deleted one", async () => {
    const hold = { retry: { scheduleSeconds: [60], holdAfterFailures: 1 } };
    const { client, subscriber, publish } = await room(
      ({ headers }) => (headers["sluice-trigger"] === "test" ? 200 : 500),
      hold,
    );
    await publish(1);
    await eventually(async () => expect((await client.subscription("hook")).health.state).toBe("failing"));
    expect((await send(client)).body.outcome).toBe("success");
    expect((await client.subscription("hook")).health.state).toBe("failing");
    await client.ok("POST", `${HOOK}/pause`);
    expect((await send(client)).status).toBe(409);
    // The probe that follows the resume disables it.
    subscriber.script = 410;
    await client.ok("POST", `${HOOK}/resume`);
    await eventually(async () => expect((await client.subscription("hook")).state).toBe("disabled"));
    expect((await send(client)).status).toBe(409);
    await client.ok("DELETE", HOOK);
    expect((await send(client)).status).toBe(404);
    expect(triggers(subscriber.received).filter((trigger) => trigger === "test")).toHaveLength(1);
  });
});

describe("seek (5.4)", () => {
  const seek = (client: Client, document: unknown) => client.request("POST", `${HOOK}/seek`, document);
  const from = (from: number, to: number, events: number, cancelled: number) => ({
    status: 200,
    body: { from: [{ partition: 0, offset: from }], to: [{ partition: 0, offset: to }], events, cancelled },
  });

  it("backward delivers history again in order, then what is new; a dry run only counts", async () => {
    const here = await room(200, { ordering: "topic" });
    const { client, subscriber } = here;
    await publishing(here, 5);
    await subscriber.waitFor(5);
    await eventually(async () => expect((await client.subscription("hook")).lag).toBe(0));
    const to = { offset: 3 };
    expect(await seek(client, { to, dryRun: true })).toMatchObject(from(6, 3, 3, 0));
    expect((await client.subscription("hook")).lag).toBe(0);
    expect(await seek(client, { to: { offsets: { "0": 3 } } })).toMatchObject(from(6, 3, 3, 0));
    await here.publish(6);
    await subscriber.waitFor(9);
    const again = subscriber.received.slice(5);
    expect(again.map(offsetOf)).toEqual([3, 4, 5, 6]);
    expect(triggers(again)).toEqual(["seek", "seek", "seek", "fan-out"]);
    expect(again.map(attemptOf)).toEqual([2, 2, 2, 1]);
    expect(again.map(({ headers }) => headers["sluice-previous-offset"])).toEqual(["0", "3", "4", "5"]);
  });

  it("forward cancels what it skips, with a row only for what was tried", async () => {
    const here = await room(500, retry([60]));
    const { client, subscriber, untilState } = here;
    const [tried] = await publishing(here, 1);
    await untilState(tried?.id ?? "", "retrying");
    await client.ok("POST", `${HOOK}/pause`);
    await publishing(here, 3);
    expect(await seek(client, { to: "latest", dryRun: true })).toMatchObject(from(2, 5, 0, 4));
    expect(await seek(client, { to: "latest" })).toMatchObject(from(2, 5, 0, 4));
    const { data } = await client.deliveries("hook");
    expect(data.map(({ offset, state }) => [offset, state])).toEqual([[1, "cancelled"]]);
    subscriber.script = 200;
    await client.ok("POST", `${HOOK}/resume`);
    await here.publish(5);
    await subscriber.waitFor(2);
    expect(subscriber.received.map(offsetOf)).toEqual([1, 5]);
    await eventually(async () => expect((await client.subscription("hook")).lag).toBe(0));
  });

  it("is taken by a paused subscription, and waits", async () => {
    const here = await room(200, { filter: { types: ["order.created"] } });
    const { client, subscriber } = here;
    await publishing(here, 2);
    await here.publish(3, { type: "order.other" });
    await subscriber.waitFor(2);
    await client.ok("POST", `${HOOK}/pause`);
    expect(await seek(client, { to: "earliest" })).toMatchObject({ status: 200, body: { events: 2, cancelled: 0 } });
    expect(await client.subscription("hook")).toMatchObject({ state: "paused", lag: 2 });
    expect(subscriber.received).toHaveLength(2);
    await client.ok("POST", `${HOOK}/resume`);
    await subscriber.waitFor(4);
    expect(subscriber.received.map(offsetOf).slice(2).toSorted()).toEqual([1, 2]);
  });

  it("takes a time: one to come is the end, one before the log its beginning", async () => {
    const here = await room();
    await publishing(here, 2);
    await here.subscriber.waitFor(2);
    await eventually(async () => expect((await here.client.subscription("hook")).lag).toBe(0));
    const to = (time: string) => seek(here.client, { to: { time }, dryRun: true });
    expect(await to("2999-01-01T00:00:00Z")).toMatchObject(from(3, 3, 0, 0));
    expect(await to("1999-01-01T00:00:00Z")).toMatchObject(from(3, 1, 2, 0));
  });

  it("P06 is refused beyond the head, below the first offset, and where nothing is", async () => {
    const here = await room();
    await publishing(here, 2);
    const beyond = await seek(here.client, { to: { offset: 99 } });
    expect(beyond).toMatchObject({ status: 422, body: { code: "invalid", errors: [{ pointer: "#/to" }] } });
    expect((await seek(here.client, { to: { offset: 0 } })).status).toBe(422);
    expect((await here.client.request("POST", "/v1/subscriptions/nobody/seek", { to: "latest" })).status).toBe(404);
  });
});

describe("dead letters by the many (7.6)", () => {
  type Redriven = { readonly redriven: number };
  const redrive = (client: Client, document?: unknown) =>
    client.request<Redriven>("POST", `${HOOK}/dead-letters/redrive`, document);
  const lettersOf = async (client: Client) =>
    (await client.deadLetters("?limit=200")).data as readonly (DeadLetterAnswer & { readonly deadAt: string })[];

  /** A room with so many dead letters, in the list of the tenant; the subscriber takes everything from now on. */
  async function withLetters(count: number) {
    const here = await room(500, { ordering: "topic", ...retry([]) });
    const events = await publishing(here, count);
    await eventually(async () => expect(await lettersOf(here.client)).toHaveLength(count));
    here.subscriber.script = 200;
    return { ...here, ids: events.map(({ id }) => id) };
  }

  it("P06 are redriven one, some, and since a time; they leave the list with the answer", async () => {
    const { client, subscriber, ids, untilState } = await withLetters(5);
    const [one = "", two = "", three = "", four = "", five = ""] = ids;
    expect(await redrive(client, { eventIds: [one] })).toMatchObject({ status: 202, body: { redriven: 1 } });
    expect((await lettersOf(client)).map(({ eventId }) => eventId)).toEqual([five, four, three, two]);
    const { attempts } = await untilState(one, "delivered");
    expect(attempts.map(({ number, trigger }) => [number, trigger])).toEqual([
      [1, "fan-out"],
      [2, "redrive"],
    ]);
    expect((await redrive(client, { eventIds: [two, three, two, one] })).body.redriven).toBe(2);
    const since = (await lettersOf(client)).find(({ eventId }) => eventId === five)?.deadAt;
    expect((await redrive(client, { since })).body.redriven).toBe(1);
    expect((await redrive(client, { since: "2999-01-01T00:00:00Z" })).body.redriven).toBe(0);
    expect((await redrive(client, { since, until: "1999-01-01T00:00:00Z" })).body.redriven).toBe(0);
    await untilState(five, "delivered");
    expect((await lettersOf(client)).map(({ eventId }) => eventId)).toEqual([four]);
    expect(subscriber.received.slice(5).map(offsetOf)).toEqual([1, 2, 3, 5]);
  });

  it("are redriven all while paused, wait, go in log order, and are counted", async () => {
    const { client, subscriber, ids } = await withLetters(6);
    await client.ok("POST", `${HOOK}/pause`);
    expect((await redrive(client)).body.redriven).toBe(6);
    expect(await lettersOf(client)).toEqual([]);
    expect(await client.subscription("hook")).toMatchObject({ redrive: { total: 6, done: 0, failed: 0 } });
    expect(subscriber.received).toHaveLength(6);
    // The third dies again.
    subscriber.script = (request) => (offsetOf(request) === 3 ? 500 : 200);
    await client.ok("POST", `${HOOK}/resume`);
    await eventually(async () =>
      expect(await client.subscription("hook")).toMatchObject({ redrive: { total: 6, done: 5, failed: 1 } }),
    );
    expect(subscriber.received.slice(6).map(offsetOf)).toEqual([1, 2, 3, 4, 5, 6]);
    await eventually(async () =>
      expect((await lettersOf(client)).map(({ eventId, attempts }) => [eventId, attempts])).toEqual([[ids[2], 2]]),
    );
  });

  it("are deleted one and all; their deliveries still say that they died", async () => {
    const { client, subscriber, ids } = await withLetters(3);
    const remove = (document?: unknown) => client.request("DELETE", `${HOOK}/dead-letters`, document);
    expect(await remove({ eventIds: [ids[1]] })).toMatchObject({ status: 200, body: { deleted: 1 } });
    expect(await lettersOf(client)).toHaveLength(2);
    expect(await remove({ eventIds: [ids[1]] })).toMatchObject({ status: 200, body: { deleted: 0 } });
    expect(await remove()).toMatchObject({ status: 200, body: { deleted: 2 } });
    expect(await lettersOf(client)).toEqual([]);
    expect((await redrive(client)).body.redriven).toBe(0);
    expect((await client.delivery("hook", ids[0] ?? "")).state).toBe("dead");
    expect(subscriber.received).toHaveLength(3);
  });
});

describe("batches and rate limit (5.1, 6.2)", () => {
  const publishedAtOnce = ({ client }: Room, count: number) => {
    const events = Array.from({ length: count }, (_, n) => ({ type: "order.created", data: n + 1, key: `k${n % 2}` }));
    return client.ok<{ events: readonly { id: string }[] }>("POST", "/v1/topics/orders/events", events);
  };
  const dataOf = ({ body }: Received) => JSON.parse(body.toString()).map(({ data }: { data: number }) => data);

  it("a batch goes when it is full, and its retry carries the same events under the same id", async () => {
    const here = await room((request) => (attemptOf(request) === 1 ? 500 : 200), {
      ...{ batch: { maxEvents: 3, maxWaitMilliseconds: 60_000 }, ...retry([0.05]) },
    });
    const { events } = await publishedAtOnce(here, 3);
    const [first, second] = await here.subscriber.waitFor(2);
    if (first === undefined || second === undefined) throw new Error("nothing arrived");
    verify(second, here.secret);
    expect([dataOf(first), dataOf(second)]).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
    expect(second.body.equals(first.body)).toBe(true);
    expect(first.headers["webhook-id"]).toMatch(/^bat_/);
    expect(second.headers).toMatchObject({
      ...{ "webhook-id": first.headers["webhook-id"], "sluice-batch-size": "3", "sluice-offset": "1" },
      ...{ "sluice-attempt": "2", "sluice-trigger": "retry" },
    });
    for (const { id } of events) {
      const { attempts } = await here.untilState(id, "delivered");
      expect(attempts.map(({ request }) => request.headers["webhook-id"])).toEqual(
        Array(2).fill(first.headers["webhook-id"]),
      );
    }
  });

  it("a batch that is not full goes when its first event has waited long enough", async () => {
    const here = await room(200, { batch: { maxEvents: 100, maxWaitMilliseconds: 300 } });
    await publishedAtOnce(here, 2);
    const [request] = await here.subscriber.waitFor(1);
    expect(request && dataOf(request)).toEqual([1, 2]);
  });

  it("a rate limit spaces requests, and a change of it holds for the next ones", async () => {
    const here = await room(200, { ordering: "none", rateLimit: { perSecond: 10 } });
    await publishedAtOnce(here, 8);
    const requests = await here.subscriber.waitFor(8);
    const times = requests.map(({ at }) => at);
    // Seven gaps of 100 ms; the first may have taken its time on the way.
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(500);
    await here.client.ok("PATCH", HOOK, { rateLimit: null });
    expect(await here.client.subscription("hook")).toMatchObject({ rateLimit: null });
    await publishedAtOnce(here, 8);
    await here.subscriber.waitFor(16);
  });
});

describe("the topic of operational events (7.7)", () => {
  it("can be read before its first event, and not be published to", async () => {
    const { client } = await room();
    expect(await client.ok("GET", "/v1/topics/sluice.events/events")).toMatchObject({ data: [], nextOffset: 1 });
    const posted = await client.request("POST", "/v1/topics/sluice.events/events", { type: "x", data: 1 });
    expect(posted.status).toBe(422);
  });
});
