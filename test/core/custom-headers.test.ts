import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkCustomHeaders } from "../../src/core/custom-headers.ts";
import {
  CUSTOM_HEADER_NAME_MAX_CHARACTERS,
  CUSTOM_HEADER_VALUE_MAX_CHARACTERS,
  CUSTOM_HEADERS_MAX,
} from "../../src/core/limits.ts";
import { requestHeaders } from "../../src/core/request-headers.ts";
import { sendOf } from "../support/send.ts";

const accepts = (name: string, value = "x"): boolean => checkCustomHeaders({ [name]: value }).ok;

describe("custom headers", () => {
  it("lowers names and keeps values", () => {
    const headers = { "X-Team": "Billing, EU", Authorization: "Bearer a\tb", cookie: "a=b", "x-empty": "" };
    expect(checkCustomHeaders(headers)).toEqual({
      ok: true,
      value: { "x-team": "Billing, EU", authorization: "Bearer a\tb", cookie: "a=b", "x-empty": "" },
    });
  });

  it.each([
    "Host",
    "connection",
    "Keep-Alive",
    "proxy-authorization",
    "Proxy-Connection",
    "TE",
    "trailer",
    "Transfer-Encoding",
    "upgrade",
    "content-length",
    "content-type",
    "Content-Encoding",
    "accept-encoding",
    "User-Agent",
    "webhook-id",
    "webhook-anything",
    "Sluice-Topic",
    "ce-id",
    "cf-connecting-ip",
    "cdn-loop",
    "traceparent",
    "tracestate",
    "expect",
  ])("refuses %s, naming it", (name) => {
    const result = checkCustomHeaders({ "x-fine": "1", [name]: "x" });
    expect(result).toMatchObject({ ok: false, error: { code: "invalid", errors: [{ pointer: `#/headers/${name}` }] } });
    expect(JSON.stringify(result)).toContain(`\\"${name}\\"`);
  });

  it("refuses every name the gateway sets itself", () => {
    const headers = requestHeaders({
      send: sendOf({ key: "k" }),
      target: { id: "sub_1", topic: "orders" },
      version: "0.0.0",
      timestampSeconds: 0,
      contentType: "application/json",
    });
    for (const name of [...Object.keys(headers), "webhook-signature"])
      expect([name, accepts(name)]).toEqual([name, false]);
  });

  it.each([
    "",
    " ",
    "x y",
    "x:y",
    "x\r\ny",
    "x\0",
    "é",
    "x(y)",
    "a/b",
    "x".repeat(CUSTOM_HEADER_NAME_MAX_CHARACTERS + 1),
  ])("refuses the name %j", (name) => expect(accepts(name)).toBe(false));

  it.each([
    ["CR LF (R04)", "a\r\nx-injected: 1"],
    ["CR", "a\rb"],
    ["LF", "a\nb"],
    ["NUL", "a\0b"],
    ["another control character", "a\u007fb"],
    ["a space before", " a"],
    ["a tab after", "a\t"],
    ["Latin-1", "café"],
    ["beyond Latin-1", "a✓"],
    ["too many characters", "a".repeat(CUSTOM_HEADER_VALUE_MAX_CHARACTERS + 1)],
  ])("refuses a value with %s without repeating it", (_, value) => {
    const result = checkCustomHeaders({ "x-secret": value });
    expect(result).toMatchObject({ ok: false, error: { errors: [{ pointer: "#/headers/x-secret" }] } });
    expect(JSON.stringify(result)).not.toContain("injected");
  });

  it("refuses two names that differ only in case", () => {
    expect(checkCustomHeaders({ "x-a": "1", "X-A": "2" })).toMatchObject({
      ok: false,
      error: { errors: [{ pointer: "#/headers/X-A", detail: expect.stringContaining("twice") }] },
    });
  });

  it("takes as many as the limit and not one more", () => {
    const headers = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`x-${at}`, "1"]));
    expect(checkCustomHeaders(headers(CUSTOM_HEADERS_MAX)).ok).toBe(true);
    expect(checkCustomHeaders(headers(CUSTOM_HEADERS_MAX + 1)).ok).toBe(false);
  });

  it("keeps names that mean something to JavaScript as plain data", () => {
    const parsed: Record<string, string> = JSON.parse('{"__proto__":"1","constructor":"2"}');
    const result = checkCustomHeaders(parsed);
    expect(result.ok && Object.entries(result.value)).toEqual([
      ["__proto__", "1"],
      ["constructor", "2"],
    ]);
  });

  it("lets through only what an HTTP client sends as it is", () => {
    const text = fc.string({ unit: "binary-ascii", maxLength: 20 });
    fc.assert(
      fc.property(fc.dictionary(text, text, { maxKeys: 5 }), (headers) => {
        const result = checkCustomHeaders(headers);
        if (!result.ok) return;
        // As pairs: from a record, the Headers of Node lose the name `__proto__`.
        const sent = new Headers(Object.entries(result.value));
        for (const [name, value] of Object.entries(result.value)) expect(sent.get(name)).toBe(value);
      }),
      { numRuns: 1000 },
    );
  });
});
