import { describe, expect, test } from "vitest";
import type { AppendRequest } from "../../src/core/event.ts";
import { readPublishHeaders } from "../../src/http/publish.ts";
import type { SendInit } from "../support/http-env.ts";
import { openLog } from "../support/open-log.ts";

const EVENT = { type: "order.paid", data: { total: 1 } };

const fingerprintOf = (request: AppendRequest | undefined) =>
  request?.idempotency?.fingerprint ?? request?.events[0]?.idempotency?.fingerprint;

describe("an accepted publish", () => {
  test("of one event answers with it", async () => {
    const { publish, requests } = openLog();
    const answer = await publish({ json: EVENT });
    expect([answer.status, await answer.json()]).toEqual([
      202,
      { id: "evt_0", topic: "orders", partition: 0, offset: 1, type: "order.paid", time: "t", duplicate: false },
    ]);
    expect(requests[0]).toMatchObject({
      idempotency: null,
      expectedOffset: null,
      events: [{ hops: 0, idempotency: null }],
    });
  });

  test("of an array answers with a list, also when it is of one", async () => {
    const { publish } = openLog();
    const answer = await publish({ json: [EVENT] });
    expect(await answer.json()).toMatchObject({ events: [{ id: "evt_0" }] });
  });

  test("hands the very bytes of data to the log", async () => {
    const { publish, requests } = openLog();
    const data = '{ "b":1.0, "a":[9007199254740993, "\\ud800", -0 ] }';
    await publish({ json: `{"type":"x", "data":  ${data}\n}` });
    expect(new TextDecoder().decode(requests[0]?.events[0]?.data)).toBe(data);
  });

  test("passes on its hops and its expected offset", async () => {
    const { publish, requests } = openLog();
    await publish({ json: EVENT });
    await publish({ json: EVENT, headers: { "sluice-hops": "15", "sluice-expected-offset": "42" } });
    expect(requests[1]).toMatchObject({ expectedOffset: 42, events: [{ hops: 15 }] });
  });
});

describe("the fingerprint of an idempotency key", () => {
  test("is of content type and bytes, whether the key is quoted or the type has a charset", async () => {
    const { publish, requests } = openLog();
    await publish({ json: EVENT, headers: { "idempotency-key": "k" } });
    await publish({
      json: EVENT,
      headers: { "idempotency-key": '"k"', "content-type": "application/json; charset=utf-8" },
    });
    await publish({ json: `${JSON.stringify(EVENT)} `, headers: { "idempotency-key": "k" } });
    expect(requests.map((request) => request.idempotency?.key)).toEqual(["k", "k", "k"]);
    const [first, second, third] = requests.map(fingerprintOf);
    expect(first).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect([second === first, third === first]).toEqual([true, false]);
  });

  test("in the event is of that event's text alone", async () => {
    const { publish, requests } = openLog();
    const keyed = JSON.stringify({ ...EVENT, idempotencyKey: "k" });
    await publish({ json: keyed });
    await publish({ json: `[ ${keyed} , ${JSON.stringify(EVENT)}]` });
    await publish({ json: keyed.replace('"total":1', '"total": 1') });
    const [first, second, third] = requests.map(fingerprintOf);
    expect([second === first, third === first]).toEqual([true, false]);
    expect(requests[1]).toMatchObject({
      idempotency: null,
      events: [{ idempotency: { key: "k" } }, { idempotency: null }],
    });
  });
});

describe("a refused publish creates nothing", () => {
  test.each<[string, number, SendInit, string?]>([
    ["no content type", 415, { body: new Uint8Array([1]) }],
    ["no body", 400, {}],
    ["an empty body", 400, { json: "" }],
    ["half a document", 400, { json: '{"type":' }],
    [
      "bytes that are no UTF-8",
      400,
      { headers: { "content-type": "application/json" }, body: new Uint8Array([0x22, 0xff, 0x22]) },
    ],
    ["a scalar", 422, { json: "5" }],
    ["an empty batch", 422, { json: "[]" }],
    ["an unknown member", 422, { json: { ...EVENT, metadata: {} } }],
    ["one bad event of three", 422, { json: [EVENT, { type: "x" }, EVENT] }],
    ["a gzipped body", 415, { json: EVENT, headers: { "content-encoding": "gzip" } }],
    ["a topic of the gateway", 422, { json: EVENT }, "sluice.events"],
    ["a bad topic", 422, { json: EVENT }, "Orders"],
    [
      "a key in header and event",
      422,
      { json: { ...EVENT, idempotencyKey: "a" }, headers: { "idempotency-key": "b" } },
    ],
    ["an empty key", 422, { json: EVENT, headers: { "idempotency-key": "" } }],
    ["a quoted nothing as key", 422, { json: EVENT, headers: { "idempotency-key": '""' } }],
    ["a long key", 422, { json: EVENT, headers: { "idempotency-key": "k".repeat(256) } }],
    ["a key beyond ASCII", 422, { json: EVENT, headers: { "idempotency-key": "schlüssel" } }],
    ["an expected offset of 0", 422, { json: EVENT, headers: { "sluice-expected-offset": "0" } }],
    ["an expected offset that is none", 422, { json: EVENT, headers: { "sluice-expected-offset": "1, 2" } }],
    ["an expected offset of a batch", 422, { json: [EVENT], headers: { "sluice-expected-offset": "1" } }],
    ["malformed hops", 422, { json: EVENT, headers: { "sluice-hops": "-1" } }],
    ["16 hops", 508, { json: EVENT, headers: { "sluice-hops": "16" } }],
    ["more hops than a number holds", 422, { json: EVENT, headers: { "sluice-hops": "9".repeat(400) } }],
  ])("%s: %i", async (_name, status, init, topic) => {
    const { publish, gateway, requests } = openLog();
    const answer = await publish(init, topic);
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(requests).toEqual([]);
    expect(gateway.calls.filter((call) => !call.endsWith("checkEncryptionKey"))).toEqual([]);
  });

  test("an expected offset beyond a topic that is not there: 412", async () => {
    const { publish, gateway } = openLog();
    const answer = await publish({ json: EVENT, headers: { "sluice-expected-offset": "2" } }, "not-there");
    expect([answer.status, (await answer.json()) as object]).toMatchObject([412, { nextOffset: 1 }]);
    expect(gateway.calls.filter((call) => call.endsWith("ensureTopic"))).toEqual([]);
    const first = await publish({ json: EVENT, headers: { "sluice-expected-offset": "1" } }, "not-there");
    expect(first.status).toBe(202);
  });

  test("an expected offset on a topic that was deleted: where it goes on", async () => {
    const { publish, gateway } = openLog({}, 5);
    const refused = await publish({ json: EVENT, headers: { "sluice-expected-offset": "1" } }, "deleted");
    expect([refused.status, (await refused.json()) as object]).toMatchObject([412, { nextOffset: 5 }]);
    expect(gateway.calls.filter((call) => call.endsWith("ensureTopic"))).toEqual([]);
    const taken = await publish({ json: EVENT, headers: { "sluice-expected-offset": "5" } }, "deleted");
    expect(taken.status).toBe(202);
  });

  test("a topic that is not there, where none is created: 404", async () => {
    const { publish, gateway } = openLog({ TOPICS_AUTO_CREATE: "false" });
    expect((await publish({ json: EVENT }, "never-there")).status).toBe(404);
    expect(gateway.calls.filter((call) => call.endsWith("ensureTopic"))).toEqual([]);
  });
});

test("the header's key has 1 to 255 characters, its quotes not counted", () => {
  const keyOf = (value: string) => {
    const headers = readPublishHeaders(new Headers({ "idempotency-key": value }));
    return headers.ok ? headers.value.idempotencyKey : headers.error.code;
  };
  expect(keyOf("k")).toBe("k");
  expect(keyOf(`"${"k".repeat(255)}"`)).toHaveLength(255);
  expect(keyOf("k".repeat(255))).toHaveLength(255);
  expect(keyOf("k".repeat(256))).toBe("invalid");
  expect(keyOf('"half')).toBe('"half');
});

test("X-HTTP-Method-Override is ignored", async () => {
  const { publish, requests } = openLog();
  expect((await publish({ json: EVENT, headers: { "x-http-method-override": "DELETE" } })).status).toBe(202);
  expect(requests).toHaveLength(1);
});
