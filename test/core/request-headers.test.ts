import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type RequestHeadersInput,
  redactedHeaders,
  requestHeaders,
  webhookId,
} from "../../src/core/request-headers.ts";
import { sendOf } from "../support/send.ts";

const inputOf = (send: RequestHeadersInput["send"]) => ({
  send,
  target: { id: "sub_1", topic: "orders" },
  version: "1.2.3",
  timestampSeconds: 1_700_000_000,
  contentType: "application/json",
});

describe("request headers (API clause 6.1)", () => {
  it("are all the gateway sets but the signature", () => {
    const send = sendOf(
      { partition: 3, offset: 42, hops: 4, key: "käse/42" },
      { previous: 40, attempt: 7, trigger: "retry" },
    );
    expect(requestHeaders(inputOf(send))).toEqual({
      "content-type": "application/json",
      "user-agent": "Sluice/1.2.3",
      "accept-encoding": "identity",
      "webhook-id": send.event.id,
      "webhook-timestamp": "1700000000",
      "sluice-topic": "orders",
      "sluice-subscription": "sub_1",
      "sluice-partition": "3",
      "sluice-offset": "42",
      "sluice-previous-offset": "40",
      "sluice-attempt": "7",
      "sluice-trigger": "retry",
      "sluice-key": "k%C3%A4se%2F42",
      "sluice-hops": "5",
      traceparent: expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/),
    });
  });

  it("have no key header where there is no key, and a distinct one for every key", () => {
    expect(requestHeaders(inputOf(sendOf({ key: null })))).not.toHaveProperty("sluice-key");
    const key = fc.string({ unit: "binary", minLength: 1, maxLength: 80 }).filter((text) => text.isWellFormed());
    fc.assert(
      fc.property(key, (text) => {
        const header = requestHeaders(inputOf(sendOf({ key: text })))["sluice-key"] ?? "";
        expect(header).toMatch(/^[\x21-\x7e]+$/);
        expect(decodeURIComponent(header)).toBe(text);
      }),
    );
  });

  it("keep the trace over the attempts of an event, each a span of its own", () => {
    const parent = (attemptId: string) => requestHeaders(inputOf(sendOf({}, { attemptId }))).traceparent?.split("-");
    const [, trace, span] = parent("att_1") ?? [];
    const [, sameTrace, otherSpan] = parent("att_2") ?? [];
    expect(trace).toBe(sameTrace);
    expect(span).not.toBe(otherSpan);
    expect(parent("att_1")?.[2]).toBe(span);
  });

  it("say of a batch what its events have in common, and where its first stands", () => {
    const send = sendOf(
      { partition: 3, offset: 42, hops: 1, key: "k" },
      { previous: 40, attempt: 2, trigger: "retry" },
    );
    const events = [send.event, sendOf({ hops: 7, key: "l" }).event, sendOf({ hops: 0 }).event];
    const { "sluice-key": _, ...ofTheFirst } = requestHeaders(inputOf(send));
    const headers = requestHeaders(inputOf({ ...send, batch: { id: "bat_1", events } }));
    expect(headers).toEqual({
      ...ofTheFirst,
      "webhook-id": "bat_1",
      "sluice-batch-size": "3",
      "sluice-hops": "8",
      traceparent: headers.traceparent,
    });
    expect(headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(headers.traceparent).not.toBe(ofTheFirst.traceparent);
    expect(webhookId({ ...send, batch: { id: "bat_1", events } })).toBe("bat_1");
  });

  it("say of a batch the same in the delivery log, which keeps no payloads", () => {
    const send = sendOf({ hops: 3 });
    const sent = { ...send, batch: { id: "bat_1", events: [send.event, sendOf({ offset: 2, hops: 5 }).event] } };
    const kept = { ...send, batch: { id: "bat_1", events: [{ hops: 3 }, { hops: 5 }] } };
    expect(redactedHeaders(inputOf(kept), [], null)).toEqual({
      ...requestHeaders(inputOf(sent)),
      "webhook-signature": "***",
    });
  });

  it("of a test name no place in a log (API clause 5.5)", () => {
    const headers = requestHeaders(inputOf(sendOf({}, { trigger: "test" })));
    const usual = Object.keys(requestHeaders(inputOf(sendOf())));
    const place = ["sluice-partition", "sluice-offset", "sluice-previous-offset"];
    expect(Object.keys(headers)).toEqual(usual.filter((name) => !place.includes(name)));
    expect(headers["sluice-trigger"]).toBe("test");
  });

  it("show neither signature nor custom values in the delivery log, and everything else", () => {
    const input = inputOf(sendOf({ key: "k" }));
    expect(
      redactedHeaders(input, ["x-team", "authorization"], { "x-team": "of the event", "ce-id": "1", traceparent: "t" }),
    ).toEqual({
      ...requestHeaders(input),
      "webhook-signature": "***",
      "x-team": "***",
      authorization: "***",
      "ce-id": "1",
    });
  });
});
