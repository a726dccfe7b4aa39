import { createHmac } from "node:crypto";
import { CloudEvent, HTTP } from "cloudevents";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FORMATS } from "../../src/core/body.ts";
import type { AttemptAnswer, Client, Published } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { withSharedGateway } from "../support/gateway.ts";
import { LogRoom } from "../support/log-room.ts";
import { type Received, Subscriber, verify } from "../support/subscriber.ts";

/** CloudEvents in and out (API clauses 4.1, 4.7, 6.2), with the official library at both ends. */

const gateway = withSharedGateway();
let room: LogRoom;
let client: Client;
let subscriber: Subscriber;
beforeAll(async () => {
  room = new LogRoom(gateway(), "cloudevents");
  client = gateway().client(room.tenant);
  subscriber = await Subscriber.start();
});
afterAll(() => subscriber.close());

/** A subscription of a topic in this format; `arrived` waits for so many requests to it. */
async function subscribe(topic: string, format: string, more: Readonly<Record<string, unknown>> = {}) {
  const name = `${topic}-${format}`;
  const url = subscriber.url.replace("/hook", `/${name}`);
  const { id, secret } = await client.subscribe({ name, topic, url, format, ...more });
  const arrived = (count: number) => subscriber.waitFor(count, ({ path }) => path === `/${name}`);
  return { id, secret, arrived };
}

/** As the official library emits it. */
async function emit(topic: string, mode: "structured" | "binary", event: CloudEvent<unknown>): Promise<Published> {
  const { headers, body } = HTTP[mode](event);
  const texts = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  const content = body instanceof Uint8Array ? new Uint8Array(body) : String(body ?? "");
  const answer = await room.post(topic, content, texts);
  expect([answer.status, answer.text]).toEqual([202, answer.text]);
  return JSON.parse(answer.text);
}

const readBack = (request: Received | undefined) =>
  HTTP.toEvent<unknown>({ headers: { ...request?.headers }, body: request?.body.toString("utf8") ?? "" });

/** The library reads bytes, and text from base64, as something else than it was given. */
const isSameInBoth = ({ datacontenttype = "application/json" }: CloudEvent<unknown>) =>
  datacontenttype === "application/json";

const EVENTS = [
  new CloudEvent({ id: "json", source: "/shop", type: "com.example.order!", data: { amount: 1, list: [null, "ä"] } }),
  new CloudEvent({
    ...{ id: "all", source: "https://example.com/a?b=c", type: "t", subject: "s", time: "2018-04-05T17:31:00.000Z" },
    ...{ dataschema: "https://example.com/schema", partitionkey: "customer-7", correlationid: "c", causationid: "d" },
    ...{ traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", sequence: "5", constructorx: "x" },
    ...{ datacontenttype: "application/json", data: ["text", 1.5] },
  }),
  new CloudEvent({ id: "text", source: "/shop", type: "t", datacontenttype: "text/plain", data: "Grüße" }),
  new CloudEvent({ id: "nothing", source: "/shop", type: "t" }),
];

describe("the official library", () => {
  test.each(["structured", "binary"] as const)("emits %s events, and reads them from either format", async (mode) => {
    const topic = `sdk-${mode}`;
    const hooks = [await subscribe(topic, "cloudevents-structured"), await subscribe(topic, "cloudevents-binary")];
    const events = mode === "binary" ? EVENTS : [...EVENTS, binaryData];
    for (const event of events) await emit(topic, mode, event);
    for (const { secret, arrived } of hooks) {
      const requests = await arrived(events.length);
      for (const [at, event] of events.entries()) {
        const request = requests.find(({ headers }) => headers["sluice-offset"] === String(at + 1));
        if (request === undefined) throw new Error(`no request for ${event.id}`);
        verifyBytes(request, secret);
        const back = readBack(request);
        const { data, data_base64: _, ...attributes } = event.toJSON();
        expect(back).toMatchObject({
          ...Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined)),
          ...{ sluiceoffset: String(at + 1), sluicepartition: "0" },
          sequence: event.sequence ?? String(at + 1).padStart(20, "0"),
        });
        if (isSameInBoth(event)) expect("data" in back ? back.data || undefined : undefined).toEqual(data);
        if (event.time === undefined) expect(request.body.toString()).not.toContain('"time"');
      }
    }
    if (mode === "binary") return;
    const [image] = (await (hooks[0]?.arrived(events.length) ?? [])).filter(({ body }) => body.includes('"id":"png"'));
    expect(JSON.parse(image?.body.toString() ?? "")).toMatchObject({ data_base64: "iVBORw0KGgoA" });
  });

  test("reads a batch, whose events keep what they are", async () => {
    const { arrived, secret } = await subscribe("sdk-batch", "cloudevents-structured", {
      batch: { maxEvents: 3, maxWaitMilliseconds: 60_000 },
    });
    const batch = EVENTS.slice(0, 3).map((event) => event.toJSON());
    const type = { "content-type": "application/cloudevents-batch+json" };
    expect((await room.post("sdk-batch", JSON.stringify(batch), type)).status).toBe(202);
    const [request] = await arrived(1);
    if (request === undefined) throw new Error("no request");
    verify(request, secret);
    expect(request.headers).toMatchObject({
      ...type,
      "sluice-batch-size": "3",
      "webhook-id": expect.stringMatching(/^bat_/),
    });
    const back = readBack(request);
    expect(back).toMatchObject(EVENTS.slice(0, 3).map(({ id, source, type: kind }) => ({ id, source, type: kind })));
  });
});

const binaryData = new CloudEvent({
  ...{ id: "png", source: "/shop", type: "t", datacontenttype: "image/png" },
  data: Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0]),
});

describe("what is sent", () => {
  const headers = {
    ...{ "content-type": "Text/Plain; charset=latin1; x=y", "ce-specversion": "1.0", "ce-id": "Euro%20%E2%82%AC" },
    ...{ "ce-source": "/s%20%22", "ce-type": "a b%25", "ce-subject": '"quo\\"ted"', "ce-partitionkey": "k%0A" },
    ...{ "ce-team": "", "ce-sluiceoffset": "77" },
  };
  const body = Uint8Array.from({ length: 256 }, (_, byte) => byte);

  test("in each format, and the delivery log shows the same headers and size", async () => {
    const hooks = await Promise.all(FORMATS.map((format) => subscribe("bytes", format, { headers: { "x-own": "o" } })));
    const published = JSON.parse((await room.post("bytes", body, headers)).text) as Published;
    const [standard, structured, binary, raw] = await Promise.all(
      hooks.map(async (hook) => {
        const [request] = await hook.arrived(1);
        if (request === undefined) throw new Error("no request");
        verifyBytes(request, hook.secret);
        const attempt = await eventually(async () => {
          const [first] = (await client.delivery(hook.id, published.id)).attempts;
          return first?.outcome === "success" ? first : expect.fail("not yet");
        });
        expectSameAsSent(attempt, request);
        return request;
      }),
    );
    const base64 = Buffer.from(body).toString("base64");
    expect(JSON.parse(standard?.body.toString() ?? "")).toEqual({
      ...{ type: "a b%", timestamp: expect.any(String), contentType: headers["content-type"], dataBase64: base64 },
    });
    expect(JSON.parse(structured?.body.toString() ?? "")).toEqual({
      ...{ specversion: "1.0", id: "Euro €", source: '/s "', type: "a b%", subject: 'quo"ted', partitionkey: "k\n" },
      ...{ team: "", sequence: "00000000000000000001", sluiceoffset: "1", sluicepartition: "0" },
      ...{ datacontenttype: headers["content-type"], data_base64: base64 },
    });
    expect(structured?.headers["content-type"]).toBe("application/cloudevents+json");
    expect(binary?.headers).toMatchObject({
      ...headers,
      ...{ "ce-type": "a%20b%25", "ce-subject": "quo%22ted", "ce-sequence": "00000000000000000001" },
      ...{ "ce-sluiceoffset": "1", "ce-sluicepartition": "0", "sluice-key": "k%0A", "x-own": "o" },
    });
    for (const request of [binary, raw]) {
      expect(request?.body.equals(body)).toBe(true);
      expect(request?.headers["content-type"]).toBe(headers["content-type"]);
    }
    expect(Object.keys(raw?.headers ?? {}).filter((name) => name.startsWith("ce-"))).toEqual([]);
  });

  test("is shown by the log with all its attributes (API clause 4.7)", async () => {
    const { text } = await room.send("GET", "/v1/topics/bytes/events?limit=1");
    expect((JSON.parse(text) as { data: unknown[] }).data[0]).toMatchObject({
      ...{ type: "a b%", key: "k\n", source: '/s "', subject: 'quo"ted', cloudEventId: "Euro €", headers: {} },
      ...{ extensions: { partitionkey: "k\n", team: "", sluiceoffset: "77" }, contentType: headers["content-type"] },
      ...{ size: 256, dataBase64: Buffer.from(body).toString("base64") },
    });
  });

  test("is found by filters: attributes, key and JSON data, whatever its parameters", async () => {
    const match = { source: "/f", subject: { $startsWith: "s" }, key: "k", data: { amount: { $gte: 100 } } };
    const { arrived } = await subscribe("filtered", "raw", { filter: { types: ["com.example.*", "*"], match } });
    const post = (amount: number, type: string) =>
      room.post("filtered", `{"amount":${amount}}`, {
        ...{ "ce-specversion": "1.0", "ce-id": `${amount} ${type}`, "ce-source": "/f", "ce-type": "com.example.x y" },
        ...{ "ce-subject": "sub", "ce-partitionkey": "k", "content-type": type },
      });
    await post(99, "application/json");
    await post(101, "text/plain");
    for (const type of ["application/json; charset=utf-8", "application/vnd.x+json", "text/json"])
      await post(100, type);
    const requests = await arrived(3);
    expect(requests.map(({ headers: { "sluice-offset": offset } }) => offset).sort()).toEqual(["3", "4", "5"]);
  });
});

describe("a test (API clause 5.5)", () => {
  test.each(FORMATS)("in the format %s is formed as an event, and shown as it was sent", async (format) => {
    const { id, arrived, secret } = await subscribe("tested", format);
    const attempt = await client.ok<AttemptAnswer>("POST", `/v1/subscriptions/${id}/test`);
    const [request] = await arrived(1);
    if (request === undefined) throw new Error("no request");
    verify(request, secret);
    expectSameAsSent(attempt, request);
    expect([request.headers, request.body.toString()].join()).not.toMatch(/offset|sequence/);
    if (format.startsWith("cloudevents")) {
      expect(readBack(request)).toMatchObject({
        type: "sluice.test",
        source: "/topics/tested",
        id: request.headers["webhook-id"],
      });
    }
  });
});

/** The libraries take a body for JSON, which not every one is. */
function verifyBytes({ headers, body }: Received, secret: string): void {
  const signed = Buffer.concat([Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.`), body]);
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  expect(headers["webhook-signature"]).toBe(`v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
}

/** The log hides values of secrets; what HTTP itself adds is no header of the gateway's. */
function expectSameAsSent({ request }: AttemptAnswer, received: Received): void {
  expect(request.bodyBytes).toBe(received.body.length);
  const ofHttp = ["host", "connection", "content-length", "transfer-encoding", "cf-worker"];
  const sent = Object.entries(received.headers).filter(([name]) => !ofHttp.includes(name));
  const hidden = ["webhook-signature", "x-own"];
  expect(request.headers).toEqual(
    Object.fromEntries(sent.map(([name, value]) => [name, hidden.includes(name) ? "***" : value])),
  );
}
