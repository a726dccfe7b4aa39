import { describe, expect, it } from "vitest";
import { sendBody } from "../../src/core/body.ts";
import { problem } from "../../src/core/errors.ts";
import { parseCloudEventsJson, parsePublishJson } from "../../src/core/publish.ts";
import { redactedHeaders } from "../../src/core/request-headers.ts";
import { ok } from "../../src/core/result.ts";
import { problemAnswer } from "../../src/http/answer.ts";
import { attemptDetail, deliveryDetail, deliveryView } from "../../src/http/delivery-view.ts";
import { eventJson } from "../../src/http/event-json.ts";
import { SubscriptionDocument } from "../../src/http/subscription-schema.ts";
import { subscriptionView } from "../../src/http/subscription-view.ts";
import { validate } from "../../src/http/validate.ts";
import type { Attempt, Delivery, Send, SubscriptionConfig, SubscriptionRpc } from "../../src/subscription/rpc.ts";
import { deadLetter } from "../support/dead-letter.ts";
import { fakeGateway } from "../support/http-env.ts";
import { code, example, names, rowsOf } from "../support/protocol-doc.ts";
import { sendOf } from "../support/send.ts";
import { viewOf } from "../support/subscription-view.ts";

const SUBSCRIPTION = "sub_01m83vpnqvg022qhata2c7yva0";
const EVENT = "evt_01m83vpkqefqqxvrgp0000000000002";

/** A value with every leaf made the same: two documents of one form are equal then. Names come in order. */
function form(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(form);
  if (typeof value !== "object" || value === null) return null;
  return Object.entries(value).map(([name, part]) => [name, form(part)]);
}

const formOf = (clause: string, at = 0): unknown => form(JSON.parse(example(clause, at)));
const formSent = (value: unknown): unknown => form(JSON.parse(JSON.stringify(value)));

const headersOf = (send: Send) =>
  redactedHeaders(
    {
      ...{ send, target: { id: SUBSCRIPTION, topic: "orders" } },
      ...{ version: "0.1.0", timestampSeconds: 1, contentType: "application/json" },
    },
    ["x-team"],
    null,
  );

const attempt: Attempt = {
  ...{ id: "att_1", number: 1, trigger: "fan-out", startedAt: 0, durationMilliseconds: 17 },
  ...{ outcome: "success", statusCode: 200, error: null },
  request: { url: "https://example.com/hook", headers: headersOf(sendOf({ key: "customer-7" })), bodyBytes: 1 },
  response: { headers: { "content-length": "2" }, body: "ok", truncated: false },
};

const deliveryOf = (attempts: readonly Attempt[]): Delivery => ({
  ...{
    eventId: EVENT,
    partition: 0,
    offset: 1,
    type: "order.paid",
    key: null,
    state: "delivered",
    nextAttemptAt: null,
  },
  attempts,
});

/** Answers an action on a subscription that has no other methods. */
async function answerOf(subscription: Partial<SubscriptionRpc>, [method, action]: [string, string], json: string) {
  const entry = { id: SUBSCRIPTION, name: "billing", topic: "orders" };
  const gateway = fakeGateway({ directory: { subscription: async () => entry }, subscription });
  const answer = await gateway.send(method, `/v1/subscriptions/${SUBSCRIPTION}/${action}`, { json });
  return { status: answer.status, body: await answer.json() };
}

/** The subscription of clause 5.1 as it is kept. */
function configOf(document: string): SubscriptionConfig {
  const read = validate(SubscriptionDocument, JSON.parse(document));
  if (!read.ok) throw new Error(read.error.detail);
  const { name = "", filter: _filter, secret: _secret, ...settings } = read.value;
  return {
    ...{ ...settings, id: SUBSCRIPTION, tenant: "default", name, secrets: [], createdAt: 0, updatedAt: 0 },
    filter: { types: ["order.*"], match: { data: { amount: { $gte: 100 } } } },
  };
}

describe("an example of the protocol's document", () => {
  it("of a problem has the form of one", async () => {
    const errors = [
      { pointer: "#/0/data", detail: "is missing" },
      { pointer: "#/1/foo", detail: "is not a member of an event" },
    ];
    const answer = problemAnswer(problem("invalid", "#/0/data is missing.", { errors }), "req_1");
    expect(formOf("2.2")).toEqual(form(JSON.parse(String(answer.body))));
  });

  it("of a topic is accepted, and shown like that", async () => {
    const settings = { description: "", retentionDays: 14, retentionBytes: null };
    const { types } = JSON.parse(example("3.1"));
    const log = { ...settings, partition: 0, firstOffset: 1, nextOffset: 9, bytes: 1, createdAt: 0, subscriptions: 2 };
    const gateway = fakeGateway({
      directory: { ensureTopic: async () => ok({ created: true }) },
      topicLog: { describe: async () => ok(log), types: async () => ok({ types, warnings: {} }) },
    });
    const answer = await gateway.send("PUT", "/v1/topics/orders", { json: example("3.1") });
    expect(answer.status).toBe(201);
    expect(formOf("3.2")).toEqual(form(await answer.json()));
  });

  it("of an event to publish can be published, with every member of the table", () => {
    const members = JSON.parse(example("4.1"));
    const body = JSON.stringify({ ...members, idempotencyKey: "pay-81" });
    const published = parsePublishJson(new TextEncoder().encode(body), { hops: 0, batchAllowed: true });
    expect(published.ok).toBe(true);
    const table = names(rowsOf("member", "rule"));
    expect(table.toSorted()).toEqual([...Object.keys(members), "idempotencyKey"].toSorted());
  });

  it("of a CloudEvent can be published, and the table has the attributes there are", () => {
    const published = parseCloudEventsJson(new TextEncoder().encode(example("4.1", 1)), { hops: 0, batch: false });
    expect(published).toMatchObject({ ok: true, value: { events: [{ event: { key: "customer-7" } }] } });
    const others = ["subject", "dataschema", "correlationid", "causationid", "others"];
    const { data: _, ...attributes } = JSON.parse(example("4.1", 1));
    expect(names(rowsOf("attribute", "rule")).toSorted()).toEqual([...Object.keys(attributes), ...others].toSorted());
  });

  it("of an answer to it is how it is answered", async () => {
    const place = { id: EVENT, partition: 0, offset: 2, type: "order.paid", time: "", duplicate: false };
    const gateway = fakeGateway({
      directory: { ensureTopic: async () => ok({ created: true }) },
      topicLog: { append: async () => ok([place]) },
    });
    const answer = await gateway.send("POST", "/v1/topics/published/events", { json: example("4.1") });
    expect(answer.status).toBe(202);
    expect(formOf("4.2")).toEqual(form(await answer.json()));
  });

  it("of an event in the log is how one is shown", () => {
    const { data } = JSON.parse(example("4.7"));
    const { event } = sendOf({ data: new TextEncoder().encode(JSON.stringify(data)) });
    const shown = new TextDecoder().decode(eventJson(event, "orders"));
    expect(formOf("4.7")).toEqual(form(JSON.parse(shown)));
    // It is the event of 4.1, as it was posted.
    const [, posted = ""] = /"data": (\{.*\})/.exec(example("4.1")) ?? [];
    expect(example("4.7")).toContain(`"data": ${posted}`);
    expect(JSON.parse(example("4.7")).size).toBe(posted.length);
  });

  it("of a subscription is accepted, and shown like that with its secret", () => {
    const view = subscriptionView(viewOf(configOf(example("5.1"))));
    expect(formOf("5.1", 1)).toEqual(formSent({ ...view, headers: { "x-team": "***" }, secret: "" }));
  });

  it("of a seek is accepted, and answered like that", async () => {
    const seek = async () => ok({ from: 9, to: 2, events: 7, cancelled: 0 });
    const answer = await answerOf({ seek }, ["POST", "seek"], example("5.4"));
    expect(answer).toEqual({ status: 200, body: JSON.parse(example("5.4", 1)) });
  });

  it("of a test is how its attempt is answered", () => {
    const request = { ...attempt.request, headers: headersOf(sendOf({}, { trigger: "test" })) };
    const response = { headers: {}, body: "", truncated: false };
    expect(formOf("5.5")).toEqual(formSent(attemptDetail({ ...attempt, trigger: "test", request, response })));
    expect(JSON.parse(example("5.5"))).toMatchObject({ number: 1, trigger: "test" });
  });

  it("of a rotation is how one is answered", async () => {
    const rotateSecret = async () => ok({ previousExpiresAt: 0 });
    const answer = await answerOf({ rotateSecret }, ["POST", "rotate-secret"], '{"graceSeconds":60}');
    expect([answer.status, form(answer.body)]).toEqual([200, formOf("5.6")]);
  });

  it.each([0, 1])("of a redrive or deletion (%i) is accepted", async (at) => {
    const redrive = async () => ok({ redriven: 1 });
    const deleteDeadLetters = async () => ok({ deleted: 1 });
    const json = example("7.6", at);
    const redriven = await answerOf({ redrive }, ["POST", "dead-letters/redrive"], json);
    const deleted = await answerOf({ deleteDeadLetters }, ["DELETE", "dead-letters"], json);
    expect([redriven.status, deleted.status]).toEqual([202, 200]);
  });

  it("of a batch is how one is sent", () => {
    const { event } = sendOf({ data: new TextEncoder().encode('{"amount":1,"currency":"EUR"}') });
    const { bytes } = sendBody("standard", { event, batch: { events: [event, event] } }, "orders");
    expect(formOf("6.2", 2)).toEqual(form(JSON.parse(new TextDecoder().decode(bytes))));
  });

  it("of a structured CloudEvent is how an event of the plain form is sent", () => {
    const { event } = sendOf({
      ...{ offset: 2, key: "k", subject: "s", correlationId: "c", causationId: "d" },
      data: new TextEncoder().encode('{"amount":1,"currency":"EUR"}'),
    });
    const { bytes } = sendBody("cloudevents-structured", { event, batch: null }, "orders");
    expect(formOf("6.2", 1)).toEqual(form(JSON.parse(new TextDecoder().decode(bytes))));
  });

  it("of a standard body is how one is sent", () => {
    const { event } = sendOf({ data: new TextEncoder().encode('{"amount":1,"currency":"EUR"}') });
    const { bytes } = sendBody("standard", { event, batch: null }, "orders");
    expect(formOf("6.2")).toEqual(form(JSON.parse(new TextDecoder().decode(bytes))));
  });

  it("of a delivery is how one is shown, in a list and alone", () => {
    const failed: Attempt = { ...attempt, error: { code: "status", message: "" } };
    expect(formOf("7.1")).toEqual(formSent(deliveryView(deliveryOf([failed]), "orders")));
    expect(formOf("7.2")).toEqual(formSent(deliveryDetail(deliveryOf([attempt]), "orders")));
  });

  it("of a dead letter is how one is shown", async () => {
    const letters = [deadLetter({ subscription: SUBSCRIPTION })];
    const gateway = fakeGateway({ directory: { deadLetters: async () => ({ letters, next: null }) } });
    const answer = await gateway.send("GET", "/v1/dead-letters");
    expect(form(await answer.json())).toEqual(formSent({ data: [JSON.parse(example("7.5"))], next: null }));
  });
});

describe("what the protocol's document calls missing", () => {
  it.each(names(rowsOf("request", "clause")))("%s", async (request) => {
    const path = request
      .replace("{topic}", "orders")
      .replace("{event}", EVENT)
      .replace("{subscription}", SUBSCRIPTION)
      .replace(/\{\w+\}/, "x");
    const [method = "", target = ""] = path.split(" ");
    const { status } = await fakeGateway().send(method, target);
    expect([404, 405]).toContain(status);
  });

  it.each(rowsOf("member", "value", "clause"))("%s of a subscription: only %s", (member = "", value = "") => {
    const refused = (document: object) =>
      !validate(SubscriptionDocument, { topic: "orders", url: "https://example.com/", ...document }).ok;
    const name = code(member);
    expect(refused({ [name]: { not: "this" } })).toBe(true);
    if (value !== "") expect(refused({ [name]: JSON.parse(code(value)) })).toBe(false);
  });
});
