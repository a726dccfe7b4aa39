import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { redactedHeaders, requestHeaders } from "../../src/core/request-headers.ts";
import type { Send } from "../../src/subscription/rpc.ts";
import { sendOf } from "../support/send.ts";

const inputOf = (send: Send) => ({
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

  it("show neither signature nor custom values in the delivery log, and everything else", () => {
    const input = inputOf(sendOf({ key: "k" }));
    expect(redactedHeaders(input, ["x-team", "authorization"])).toEqual({
      ...requestHeaders(input),
      "webhook-signature": "***",
      "x-team": "***",
      authorization: "***",
    });
  });
});
