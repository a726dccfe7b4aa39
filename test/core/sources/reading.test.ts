import { describe, expect, it } from "vitest";
import { KEPT_HEADER_VALUE_MAX_CHARACTERS, KEPT_HEADERS_MAX } from "../../../src/core/limits.ts";
import type { SourceOptions } from "../../../src/core/source-options.ts";
import { eventType, readWebhook } from "../../../src/sources/receive.ts";
import { isProviderName, type ProviderName } from "../../../src/sources/registry.ts";
import { TABLES } from "../../support/sources/all.ts";
import { incomingOf } from "../../support/sources/incoming.ts";

const NOTHING: SourceOptions = { typeFrom: null, keyFrom: null, idempotencyFrom: null, hmac: null };
const JSON_TYPE = "application/json";
const FORM = "application/x-www-form-urlencoded";

type Request = Parameters<typeof incomingOf>[0];

const read = (provider: ProviderName, request: Request, options: Partial<SourceOptions> = {}) =>
  readWebhook(
    incomingOf(request),
    request.contentType ?? "application/octet-stream",
    { id: "src_1", provider, options: { ...NOTHING, hmac: TABLES[provider].hmac ?? null, ...options } },
    3,
  );

const cases = Object.entries(TABLES).flatMap(([provider, { readings }]) =>
  isProviderName(provider) ? readings.map((reading) => ({ provider, ...reading })) : [],
);

describe("what an event is called, and what makes a repeat of it", () => {
  it.each(cases)("$provider: $title", async ({ provider, type, id, kept, ...request }) => {
    const event = await read(provider, request);
    expect(event.type).toBe(type);
    expect(event.idempotency).toEqual(id === null ? null : { key: `src_1\n${id}`, fingerprint: null });
    if (kept !== undefined) expect(Object.keys(event.headers ?? {})).toEqual(kept);
    expect(event).toMatchObject({ key: null, hops: 3, time: null, cloudEvent: null });
    expect(new TextDecoder().decode(event.data)).toBe(request.body ?? "");
  });

  it.each([
    ["Merge Request Hook", "p.merge.request.hook"],
    ["orders/create", "p.orders.create"],
    ["A_b-C.9", "p.a_b-c.9"],
    ["é😀\n\ud800", "p....."],
    ["...", "p...."],
    [" ", "p.."],
    ["", "p.received"],
    [null, "p.received"],
    ["x".repeat(1000), `p.${"x".repeat(254)}`],
  ])("%j is %s", (name, type) => {
    expect(eventType("p", name)).toBe(type);
  });
});

describe("a value that options name", () => {
  const body = '{"a":{"b/~":["x",9007199254740993,1.0,true,null,"\\ud800"]},"a":{"b/~":[{"":"last"},"y"]},"n":-1e3}';
  const big = '{"n":[9007199254740993,1.0,-0,"é",true,null,{},[]],"":{"0":"zero"}}';
  const request = { body: big, contentType: JSON_TYPE, headers: { "x-kind": "Kind One", "x-id": "7" } };

  it.each<[string, Request, string, string | null]>([
    ["a header", request, "header:X-Kind", "Kind One"],
    ["a header that is not there", request, "header:x-other", null],
    ["a number, digit by digit", request, "/n/0", "9007199254740993"],
    ["a number as it is written", request, "/n/1", "1.0"],
    ["a string", request, "/n/3", "é"],
    ["true", request, "/n/4", null],
    ["null", request, "/n/5", null],
    ["an object", request, "/n/6", null],
    ["an array", request, "/n", null],
    ["no element", request, "/n/8", null],
    ["the element after the last", request, "/n/-", null],
    ["an index with a zero before it", request, "/n/00", null],
    ["a member without a name", request, "//0", "zero"],
    ["a member of a string", request, "/n/3/length", null],
    ["a member nobody wrote", request, "/constructor", null],
    ["escapes, and the last of two members", { body, contentType: JSON_TYPE }, "/a/b~1~0/1", "y"],
    ["the whole body", { body: '"whole"', contentType: JSON_TYPE }, "", "whole"],
    ["JSON of another type", { body: big, contentType: "text/plain" }, "/n/3", "é"],
    ["what is no JSON", { body: "{", contentType: JSON_TYPE }, "/n", null],
    ["a field of a form", { body: "a=1&b=x+%C3%A9&b=2", contentType: FORM }, "/b", "x é"],
    [
      "JSON in a field of a form",
      { body: `payload=${encodeURIComponent(big)}`, contentType: FORM },
      "/payload/n/3",
      "é",
    ],
    ["a form as a whole", { body: "a=1", contentType: FORM }, "", null],
  ])("is %s", async (_title, from, place, value) => {
    const event = await read("none", from, { keyFrom: place, idempotencyFrom: place });
    expect(event.key).toBe(value);
    expect(event.idempotency?.key ?? null).toBe(value === null ? null : `src_1\n${value}`);
  });

  it("takes the place of what the provider says, also when there is none", async () => {
    const headers = { "x-github-event": "push", "x-github-delivery": "d" };
    const named = await read("github", { ...request, headers }, { typeFrom: "/n/3", idempotencyFrom: "/n/0" });
    expect(named).toMatchObject({ type: "github..", idempotency: { key: "src_1\n9007199254740993" } });
    const absent = await read("github", { ...request, headers }, { typeFrom: "/none", idempotencyFrom: "/none" });
    expect(absent).toMatchObject({ type: "github.received", idempotency: null });
  });

  it.each([
    ["of 256 bytes is a key", "é".repeat(128), true],
    ["of 257 bytes is none", `${"é".repeat(128)}x`, false],
    ["that is empty is none", "", false],
    ["with half a surrogate pair is none", "\ud800", false],
    ["of control characters is a key", "\u0000\n", true],
  ])("%s", async (_title, value, isKey) => {
    const event = await read("none", { body: JSON.stringify([value]), contentType: JSON_TYPE }, { keyFrom: "/0" });
    expect(event.key).toBe(isKey ? value : null);
  });

  it("that is too long to be an id, or no text, is remembered by its digest", async () => {
    const keyOf = async (id: string) => {
      const event = await read(
        "none",
        { body: JSON.stringify([id]), contentType: JSON_TYPE },
        { idempotencyFrom: "/0" },
      );
      return event.idempotency?.key;
    };
    const keys = await Promise.all(["x".repeat(255), "x".repeat(256), "x".repeat(257), "\ud800", "\ud801"].map(keyOf));
    expect(keys[0]).toBe(`src_1\n${"x".repeat(255)}`);
    for (const key of keys.slice(1)) expect(key).toMatch(/^src_1\nsha256:[0-9a-f]{64}$/);
    expect(new Set(keys).size).toBe(5);
    expect(await keyOf("")).toBeUndefined();
  });
});

describe("bytes and their type", () => {
  it.each([
    ["JSON", JSON_TYPE, '{"a":1.0,"b":"\\ud800"}\n'],
    ["JSON of a +json type with a charset", "application/vnd.x+json; charset=utf-8", "[]"],
    ["a form", FORM, "a=1"],
    ["nothing", "text/plain", ""],
  ])("stay as they are: %s", async (_title, contentType, body) => {
    expect(await read("none", { body, contentType })).toMatchObject({ contentType, headers: null });
  });

  it.each([
    ["broken JSON", "{"],
    ["nothing", ""],
    ["a byte order mark", "\ufeff{}"],
    ["JSON nested too deep for readers", `${"[".repeat(600)}${"]".repeat(600)}`],
    ["bytes that are not UTF-8", new Uint8Array([0x22, 0xff, 0x22])],
  ])("called JSON are kept as bytes when they are %s", async (_title, body) => {
    const event = await read("none", { body, contentType: "application/json; charset=utf-8" });
    expect(event.contentType).toBe("application/octet-stream");
    expect(event.headers).toEqual({ "content-type": "application/json; charset=utf-8" });
    expect(event.data).toEqual(typeof body === "string" ? new TextEncoder().encode(body) : body);
  });
});

describe("headers", () => {
  it("are kept as far as they can be sent on", async () => {
    const many = Object.fromEntries(Array.from({ length: KEPT_HEADERS_MAX + 5 }, (_, n) => [`x-many-${n}`, "1"]));
    const headers = {
      ...many,
      "x-a-long": "x".repeat(KEPT_HEADER_VALUE_MAX_CHARACTERS + 1),
      "x-a-latin": "é",
      "x-a-right": "x".repeat(KEPT_HEADER_VALUE_MAX_CHARACTERS),
    };
    const event = await read("none", { headers });
    const names = Object.keys(event.headers ?? {});
    expect(names).toHaveLength(KEPT_HEADERS_MAX);
    expect(names).toContain("x-a-right");
    expect(names).not.toContain("x-a-long");
    expect(names).not.toContain("x-a-latin");
  });

  it("that options name are kept, those that hold secrets never", async () => {
    const headers = { signature: "s", kind: "k", authorization: "a", cookie: "c", "x-gitlab-token": "t" };
    const hmac = { header: "signature", algorithm: "sha256", encoding: "hex", prefix: "" } as const;
    const kept = async (options: Partial<SourceOptions>) => (await read("hmac", { headers }, options)).headers;
    expect(await kept({ hmac, typeFrom: "header:kind" })).toEqual({ kind: "k", signature: "s" });
    expect(await kept({ hmac: { ...hmac, header: "authorization" }, keyFrom: "header:cookie" })).toBeNull();
    expect((await read("gitlab", { headers })).headers).toBeNull();
  });
});
