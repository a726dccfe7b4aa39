import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, describe, expect, it, vi } from "vitest";
import { RESPONSE_BODY_MAX_BYTES } from "../../src/core/limits.ts";
import { eventually } from "../support/eventually.ts";
import { withGateway } from "../support/gateway.ts";
import { type Latency, measure } from "../support/load.ts";
import { residentBytes } from "../support/memory.ts";
import { answering, dripping, flooding, gzipBomb, http, letters } from "../support/raw-answer.ts";
import { type RawBehaviour, type RawServer, rawServer } from "../support/raw-server.ts";
import { retry } from "../support/rooms.ts";
import { Subscriber } from "../support/subscriber.ts";

const gateway = withGateway();
const closing: { close(): Promise<void> }[] = [];
afterAll(async () => {
  await Promise.all(closing.map((server) => server.close()));
});

async function subscriberOf(topic: string, document: Readonly<Record<string, unknown>> = {}): Promise<Subscriber> {
  const subscriber = await Subscriber.start();
  closing.push(subscriber);
  await gateway()
    .client()
    .subscribe({ name: `${topic}-healthy`, topic, url: subscriber.url, ...document });
  return subscriber;
}

async function misbehaving(
  name: string,
  topic: string,
  behaviour: RawBehaviour,
  document: Readonly<Record<string, unknown>> = {},
): Promise<RawServer> {
  const server = await rawServer(behaviour);
  closing.push(server);
  await gateway()
    .client()
    .subscribe({ name, topic, url: `http://127.0.0.1:${server.port}/`, ...document });
  return server;
}

const arrivalAt = (subscriber: Subscriber) => async (eventId: string) =>
  (await subscriber.waitFor(1, (request) => request.headers["webhook-id"] === eventId))[0];

/** Invariant 12. The floor keeps a busy machine from deciding. */
const FLOOR_MS = 2000;
const bound = (quiet: number): number => Math.max(2 * quiet, FLOOR_MS);
/** Other work on the machine slows down one measurement; a gateway that does not isolate, all of them. */
const ROUNDS_MAX = 4;

/** Measures until acks and deliveries are as fast as they should be; how many rounds of the load that took. */
async function untilIsolated(quiet: Latency, round: () => Promise<Latency>): Promise<number> {
  for (let rounds = 1; ; rounds++) {
    const { acknowledged, received } = await round();
    if (acknowledged <= bound(quiet.acknowledged) && received <= bound(quiet.received)) return rounds;
    if (rounds < ROUNDS_MAX) continue;
    expect(acknowledged).toBeLessThanOrEqual(bound(quiet.acknowledged));
    expect(received).toBeLessThanOrEqual(bound(quiet.received));
  }
}

const nine = Array.from({ length: 9 }, (_, at) => at);
const LOAD = { events: 75, perSecond: 30 };
const FLOOD_LOAD = { events: 20, perSecond: 10 };
/** A list of these does not fit the buffers between gateway and reader. */
const LARGE_EVENTS = Array.from({ length: 40 }, () => ({ type: "large.event", data: "x".repeat(50_000) }));

const ONE_AT_A_TIME = { concurrency: 1, timeoutSeconds: 2, ...retry([]) };
const HANG_UP_MS = 10_000;
/** A gigabyte kept even once is far more, what collectors leave lying around far less. */
const MEMORY_GROWTH_MAX_BYTES = 300 * 2 ** 20;
/** Of one flood, what fills the buffers of both ends before the gateway hangs up. */
const POURED_MAX_BYTES = 64 * 2 ** 20;
const SAMPLE_MS = 250;
const GIGABYTE = 2 ** 30;

const FLOODS = [
  {
    name: "gigabyte",
    statusCode: 200,
    head: http("200 OK", [`Content-Length: ${GIGABYTE}`]),
    pieces: () => letters(GIGABYTE),
  },
  { name: "endless", statusCode: 200, head: http("200 OK", []), pieces: () => letters() },
  {
    name: "bomb",
    statusCode: 200,
    head: http("200 OK", ["Content-Encoding: gzip"]),
    pieces: () => gzipBomb(10 * GIGABYTE),
  },
  {
    name: "bomb-500",
    statusCode: 500,
    head: http("500 No", ["Content-Encoding: gzip"]),
    pieces: () => gzipBomb(10 * GIGABYTE),
  },
  { name: "endless-head", statusCode: null, head: "HTTP/1.1 200 OK\r\nX: ", pieces: () => letters() },
] as const;
const DRIPS: readonly RawBehaviour[] = [
  dripping("HTTP/1.1 200 OK\r\nX: ", "x", 50),
  dripping(http("200 OK", ["Content-Length: 9999"]), "x", 50),
  dripping(http("500 No", ["Transfer-Encoding: chunked"]), "1\r\nx\r\n", 50),
  dripping("", http("102 Processing", []), 50),
];

describe("acks and a healthy subscriber are no slower (invariant 12)", () => {
  let quiet: Latency;

  it("when nobody misbehaves, to compare with", async () => {
    const healthy = await subscriberOf("quiet");
    for (const at of nine) await misbehaving(`quiet-${at}`, "quiet", answering(http("200 OK")));
    quiet = await measure(gateway().client(), { topic: "quiet", ...LOAD }, arrivalAt(healthy));
  });

  it("W01 W09 W10 with 9 of 10 subscribers hanging, and lists read all the time, some of them by readers that stop", async () => {
    const client = gateway().client();
    await client.ok("POST", "/v1/topics/hanging/events", JSON.stringify(LARGE_EVENTS));
    const healthy = await subscriberOf("hanging");
    // Most hang for as long as they may, the others time out again and again.
    for (const at of nine) {
      const more = at < 6 ? { timeoutSeconds: 25 } : { timeoutSeconds: 1, ...retry([0.1, 0.1, 0.1]) };
      await misbehaving(`hanging-${at}`, "hanging", {}, more);
    }
    const lists = ["topics/hanging/events", "subscriptions/hanging-0/deliveries", "dead-letters"].map(
      (list) => `/v1/${list}?limit=200`,
    );
    for (const path of lists) closing.push(await stalledReader(path));
    let measured = false;
    const reading = (async () => {
      while (!measured) for (const path of lists) await client.ok("GET", path);
    })();
    const load = () => measure(client, { topic: "hanging", ...LOAD }, arrivalAt(healthy));
    const rounds = await untilIsolated(quiet, load).finally(() => {
      measured = true;
    });
    await reading;
    expect(await client.subscription("hanging-0")).toMatchObject({ lag: rounds * LOAD.events });
    await eventually(async () => expect(await client.subscription("hanging-healthy")).toMatchObject({ lag: 0 }));
    expect(healthy.received).toHaveLength(rounds * LOAD.events);
  });

  it("B13 with 9 of 10 that flood it or drip, whose bodies are not kept in memory", async () => {
    const client = gateway().client();
    const healthy = await subscriberOf("flooding");
    const floods = FLOODS.map((flood) => ({ ...flood, poured: 0 }));
    const servers: RawServer[] = [];
    for (const flood of floods) {
      const behaviour = flooding(flood.head, flood.pieces, (bytes) => {
        flood.poured += bytes;
      });
      servers.push(await misbehaving(flood.name, "flooding", behaviour, ONE_AT_A_TIME));
    }
    for (const [at, behaviour] of DRIPS.entries()) {
      await misbehaving(`dripping-${at}`, "flooding", behaviour, ONE_AT_A_TIME);
    }
    const before = residentBytes(gateway());
    let most = before;
    const sampling = setInterval(() => {
      most = Math.max(most, residentBytes(gateway()));
    }, SAMPLE_MS);
    const load = () => measure(client, { topic: "flooding", ...FLOOD_LOAD }, arrivalAt(healthy));
    const rounds = await untilIsolated(quiet, load).finally(() => clearInterval(sampling));
    for (const { name } of floods) {
      await eventually(async () => expect(await client.subscription(name)).toMatchObject({ lag: 0 }), 60_000);
    }
    expect(most - before).toBeLessThan(MEMORY_GROWTH_MAX_BYTES);
    for (const [at, { name, statusCode, poured }] of floods.entries()) {
      const { data } = await client.deliveries(name, "?limit=1");
      const { attempts } = await client.delivery(name, data[0]?.eventId ?? "");
      const [attempt] = attempts;
      expect(attempt?.statusCode).toBe(statusCode);
      expect(attempt?.response?.truncated ?? null).toBe(statusCode === null ? null : true);
      expect(attempt?.response?.body.length ?? 0).toBe(statusCode === null ? 0 : RESPONSE_BODY_MAX_BYTES);
      await vi.waitFor(() => expect(servers[at]?.open()).toBe(0), HANG_UP_MS);
      expect(poured).toBeLessThan(rounds * FLOOD_LOAD.events * POURED_MAX_BYTES);
    }
  });
});

describe("a head of line that fails for hours", () => {
  it("W06 keeps what is behind it, in order and in sight, and holds up nobody else (6.4)", async () => {
    const client = gateway().client();
    const healthy = await subscriberOf("stuck");
    const stuck = await Subscriber.start(500);
    closing.push(stuck);
    await client.subscribe({ name: "stuck", topic: "stuck", url: stuck.url, ordering: "topic", ...retry([7200]) });
    const events: string[] = [];
    for (let n = 1; n <= 20; n++) events.push((await client.publish("stuck", { type: "a.b", data: n })).id);
    await healthy.waitFor(20);
    const [head = ""] = events;
    await eventually(async () => expect((await client.delivery("stuck", head)).state).toBe("retrying"));
    const { data } = await client.deliveries("stuck");
    expect(data.map(({ eventId, state }) => [eventId, state])).toEqual(
      events.map((id) => [id, id === head ? "retrying" : "pending"]).toReversed(),
    );
    expect(await client.subscription("stuck")).toMatchObject({ lag: 20 });
    expect(stuck.received).toHaveLength(1);
    stuck.script = 200;
    await client.ok("POST", `/v1/subscriptions/stuck/deliveries/${head}/retry`);
    await stuck.waitFor(21);
    expect(stuck.received.map((request) => request.headers["webhook-id"])).toEqual([head, ...events]);
  });
});

/** Asks for a list and never reads the answer. */
async function stalledReader(path: string): Promise<{ close(): Promise<void> }> {
  const socket = connect({ port: gateway().port, host: "localhost" });
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${gateway().rootKey}\r\n\r\n`);
  return { close: async () => void socket.destroy() };
}
