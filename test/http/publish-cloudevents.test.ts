import { describe, expect, test } from "vitest";
import type { AppendRequest } from "../../src/core/event.ts";
import { EVENT_DATA_MAX_BYTES, REQUEST_BODY_MAX_BYTES } from "../../src/core/limits.ts";
import type { SendInit } from "../support/http-env.ts";
import { openLog } from "../support/open-log.ts";

const STRUCTURED = "application/cloudevents+json";
const BATCH = "application/cloudevents-batch+json";
const BINARY = { "ce-specversion": "1.0", "ce-id": "b", "ce-source": "/binary", "ce-type": "binary!" };

const event = (id = "s") => ({ specversion: "1.0", id, source: "/structured", type: "structured!" });
const as = (type: string, json: unknown, headers: Readonly<Record<string, string>> = {}): SendInit => ({
  ...{ json, headers: { "content-type": type, ...headers } },
});
const plain = { type: "plain", data: 1 };

const appended = (request: AppendRequest | undefined) =>
  request?.events.map(({ type, source, cloudEvent }) => [type, source, cloudEvent?.id ?? null]);
const claimsOf = (request: AppendRequest | undefined) => request?.events.map(({ idempotency }) => idempotency);

describe("the form of a publish (API clause 4.1)", () => {
  test.each<[string, SendInit, (string | null)[]]>([
    ["a structured type", as(STRUCTURED, event()), ["structured!", "/structured", "s"]],
    [
      "its charset, in any case",
      as("Application/CloudEvents+JSON; Charset=UTF-8", event()),
      ["structured!", "/structured", "s"],
    ],
    ["a structured type wins over headers", as(STRUCTURED, event(), BINARY), ["structured!", "/structured", "s"]],
    ["the batch type wins over headers", as(BATCH, [event()], BINARY), ["structured!", "/structured", "s"]],
    ["headers win over JSON", as("application/json", plain, BINARY), ["binary!", "/binary", "b"]],
    ["headers go with any type", as('text/plain; charset="latin1"; x=y', "x", BINARY), ["binary!", "/binary", "b"]],
    ["headers go without a type", { body: new Uint8Array([0]), headers: BINARY }, ["binary!", "/binary", "b"]],
    ["headers go without a body", { headers: BINARY }, ["binary!", "/binary", "b"]],
    ["JSON without headers", as("application/json", plain, { "ce-team": "a" }), ["plain", null, null]],
  ])("%s", async (_, init, expected) => {
    const { publish, requests } = openLog();
    const answer = await publish(init);
    expect([answer.status, appended(requests[0])]).toEqual([202, [expected]]);
  });

  test("a batch is answered as one, also of one event; the others as an event", async () => {
    const { publish } = openLog();
    expect(await (await publish(as(BATCH, [event()]))).json()).toMatchObject({ events: [{ type: "structured!" }] });
    expect(await (await publish(as(STRUCTURED, event()))).json()).toMatchObject({ type: "structured!", offset: 1 });
    expect(await (await publish({ headers: BINARY })).json()).toMatchObject({ type: "binary!", offset: 1 });
  });

  test("hops and the expected offset count in each", async () => {
    const { publish, requests } = openLog();
    const headers = { "sluice-hops": "3", "sluice-expected-offset": "9" };
    await publish(as(STRUCTURED, event(), headers));
    await publish({ headers: { ...BINARY, ...headers } });
    for (const request of requests) expect(request).toMatchObject({ expectedOffset: 9, events: [{ hops: 3 }] });
  });
});

describe("refused, and nothing created", () => {
  const gzip = { "content-encoding": "gzip" };
  test.each<[string, number, SendInit]>([
    ["text without headers", 415, as("text/plain", "x")],
    ["CloudEvents as XML, also with headers", 415, as("application/cloudevents+xml", "<x/>", BINARY)],
    ["CloudEvents of no format", 415, as("application/cloudevents", event(), BINARY)],
    ["a structured event in another charset", 415, as(`${STRUCTURED}; charset=utf-16`, event())],
    ["a batch in another charset", 415, as(`${BATCH}; charset=latin1`, [event()])],
    ["binary JSON in another charset", 415, as("application/json; charset=utf-16", plain, BINARY)],
    ["binary of a type that is none", 415, as("nonsense", "x", BINARY)],
    ["a gzipped structured event", 415, as(STRUCTURED, event(), gzip)],
    ["a gzipped batch", 415, as(BATCH, [event()], gzip)],
    ["a gzipped binary event", 415, as("text/plain", "x", { ...BINARY, ...gzip })],
    ["a structured event without a body", 400, as(STRUCTURED, "")],
    ["a batch where an event is needed", 422, as(STRUCTURED, [event()])],
    ["an event where a batch is needed", 422, as(BATCH, event())],
    ["an empty batch", 422, as(BATCH, [])],
    ["a batch with one bad event", 422, as(BATCH, [event(), {}, event()])],
    ["an expected offset of a batch", 422, as(BATCH, [event()], { "sluice-expected-offset": "1" })],
    ["binary without a version", 422, { headers: { "ce-id": "a", "ce-source": "/s", "ce-type": "t" } }],
    ["JSON with a stray id, which makes it binary", 422, as("application/json", plain, { "ce-id": "a" })],
    ["16 hops", 508, { headers: { ...BINARY, "sluice-hops": "16" } }],
    ["a body that is too large, before its syntax", 413, as(STRUCTURED, "{".repeat(REQUEST_BODY_MAX_BYTES + 1))],
    ["a batch that is too large, before its syntax", 413, as(BATCH, "{".repeat(REQUEST_BODY_MAX_BYTES + 1))],
    ["a binary body that is too large", 413, as("application/json", "{".repeat(EVENT_DATA_MAX_BYTES + 1), BINARY)],
  ])("%s: %i", async (_, status, init) => {
    const { publish, gateway, requests } = openLog();
    const answer = await publish(init);
    const { code, detail } = (await answer.json()) as { code: string; detail: string };
    expect([answer.status, code === "internal"]).toEqual([status, false]);
    if (status === 415 && init.headers?.["content-encoding"] === undefined) expect(detail).toMatch(/UTF-8|json/);
    expect(requests).toEqual([]);
    expect(gateway.calls.filter((call) => !call.endsWith("checkEncryptionKey"))).toEqual([]);
  });
});

describe("what a CloudEvent is known by (API clause 4.3)", () => {
  test("is source and id, whatever the form and the bytes, and no key of a user's is like it", async () => {
    const { publish, requests } = openLog();
    const one = { ...event("1"), source: "/s" };
    await publish(as(STRUCTURED, { ...one, data: 1 }));
    await publish(
      as(BATCH, [
        { ...one, data: 2 },
        { ...one, id: "2" },
      ]),
    );
    await publish({ headers: { ...BINARY, "ce-id": "1", "ce-source": "/s" } });
    const [first] = claimsOf(requests[0]) ?? [];
    expect(first).toEqual({ key: expect.stringMatching(/[^\x20-\x7e]/), fingerprint: null });
    expect(claimsOf(requests[1])?.[0]).toEqual(first);
    expect(claimsOf(requests[1])?.[1]?.key).not.toBe(first?.key);
    expect(claimsOf(requests[2])).toEqual([first]);
  });

  test("is not mixed up where source and id together read the same", async () => {
    const { publish, requests } = openLog();
    await publish(
      as(BATCH, [
        { ...event("b c"), source: "a" },
        { ...event("c"), source: "a b" },
      ]),
    );
    const [one, other] = claimsOf(requests[0]) ?? [];
    expect(one?.key).not.toBe(other?.key);
  });

  test("goes beside the header's key, which stands for type, attributes and body", async () => {
    const { publish, requests } = openLog();
    const key = { "idempotency-key": "k" };
    await publish(as(STRUCTURED, event(), key));
    await publish(as(`${STRUCTURED}; charset=utf-8`, event(), key));
    await publish(as("text/plain", "x", { ...BINARY, ...key }));
    await publish(as("text/plain", "x", { ...BINARY, ...key, accept: "a/b" }));
    await publish(as("text/html", "x", { ...BINARY, ...key }));
    await publish(as("text/plain", "x", { ...BINARY, ...key, "ce-subject": "other" }));
    const prints = requests.map((request) => request.idempotency?.fingerprint);
    expect(prints[1]).toBe(prints[0]);
    expect(prints[3]).toBe(prints[2]);
    expect(new Set(prints).size).toBe(4);
    for (const request of requests) expect(claimsOf(request)).toMatchObject([{ fingerprint: null }]);
  });
});
