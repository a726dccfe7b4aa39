import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NewEvent } from "../../src/core/event.ts";
import {
  BATCH_MAX_EVENTS,
  CLOUDEVENT_ATTRIBUTES_MAX_BYTES,
  CONTEXT_MAX_BYTES,
  CORRELATION_MAX_BYTES,
  EVENT_DATA_MAX_BYTES,
  KEY_MAX_BYTES,
  TYPE_MAX_CHARACTERS,
} from "../../src/core/limits.ts";
import { parseCloudEventsJson } from "../../src/core/publish.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
const parse = (text: string, batch = false) => parseCloudEventsJson(encode(text), { hops: 3, batch });

/** A CloudEvent that is valid as it is; members are added as they are, also twice. */
const eventText = (...members: readonly string[]) =>
  `{${['"specversion":"1.0"', '"id":"1"', '"source":"/s"', '"type":"t"', ...members].join(",")}}`;
const event = (more: Readonly<Record<string, unknown>> = {}) =>
  JSON.stringify({ specversion: "1.0", id: "1", source: "/s", type: "t", ...more });

function read(text: string): NewEvent {
  const parsed = parse(text);
  const first = parsed.ok ? parsed.value.events[0] : undefined;
  if (first === undefined) throw new Error(JSON.stringify(parsed));
  return first.event;
}

/** Code and pointers of a refusal. */
function refusal(text: string, batch = false) {
  const parsed = parse(text, batch);
  return parsed.ok ? "accepted" : [parsed.error.code, ...(parsed.error.errors ?? []).map(({ pointer }) => pointer)];
}

/** The examples of the JSON format's specification (1.0.2, sections 3.2 and 4.2), as facts: what each says. */
const COMMON = {
  specversion: "1.0",
  source: "/mycontext",
  time: "2018-04-05T17:31:00Z",
  comexampleextension1: "value",
  comexampleothervalue: 5,
};
const EXAMPLES: readonly [string, Readonly<Record<string, unknown>>, contentType: string, data: string][] = [
  [
    "bytes of a type that is not JSON",
    { id: "A234-1234-1234", datacontenttype: "application/vnd.apache.thrift.binary", data_base64: "AAECAwQ=" },
    "application/vnd.apache.thrift.binary",
    "\u0000\u0001\u0002\u0003\u0004",
  ],
  [
    "an XML document as a string, and an extension that is null",
    { id: "B234-1234-1234", unsetextension: null, datacontenttype: "application/xml", data: '<much wow="xml"/>' },
    "application/xml",
    '<much wow="xml"/>',
  ],
  [
    "a JSON object, and a subject that is null",
    {
      id: "C234-1234-1234",
      subject: null,
      datacontenttype: "application/json",
      data: { appinfoA: "abc", appinfoB: 1 },
    },
    "application/json",
    '{"appinfoA":"abc","appinfoB":1}',
  ],
  ["a JSON number", { id: "D1", datacontenttype: "application/json", data: 1.5 }, "application/json", "1.5"],
  [
    "a string that is JSON, and stays a string",
    { id: "D2", datacontenttype: "application/json", data: "I'm just a string" },
    "application/json",
    '"I\'m just a string"',
  ],
  ["base64 of no type", { id: "D3", data_base64: "AAEC" }, "application/octet-stream", "\u0000\u0001\u0002"],
  ["data of no type: JSON", { id: "D4", data: [null] }, "application/json", "[null]"],
  ["no data", { id: "D5" }, "application/json", ""],
];

describe("the specification's examples", () => {
  it.each(EXAMPLES)("%s", (_, members, contentType, data) => {
    const parsed = read(JSON.stringify({ type: "com.example.someevent", ...COMMON, ...members }));
    expect(parsed).toEqual({
      ...{ type: "com.example.someevent", key: null, source: "/mycontext", subject: null },
      ...{ correlationId: null, causationId: null, headers: null, hops: 3 },
      time: "2018-04-05T17:31:00.000Z",
      cloudEvent: {
        ...{ id: members.id, dataSchema: null, time: "2018-04-05T17:31:00Z" },
        extensions: { comexampleextension1: "value", comexampleothervalue: 5 },
      },
      contentType,
      data: encode(data),
    });
  });

  it("a batch of them, in order", () => {
    const batch = EXAMPLES.map(([, members]) => JSON.stringify({ type: "t", ...COMMON, ...members }));
    const parsed = parse(`[${batch.join(",")}]`, true);
    expect(parsed.ok && parsed.value.batch).toBe(true);
    expect(parsed.ok && parsed.value.events.map(({ event: one }) => one.cloudEvent?.id)).toEqual(
      EXAMPLES.map(([, { id }]) => id),
    );
  });
});

describe("data", () => {
  it.each(["9007199254740993", "1e400", "-0", "1.0", '"\\ud800"', '{ "b":1, "a" : 2, "a":3 }', "null", "[ ]"])(
    "%s is kept as the text it is",
    (text) => {
      for (const type of [[], ['"datacontenttype":"application/vnd.x+json; v=1"'], ['"datacontenttype":"text/json"']]) {
        expect(decode(read(eventText(...type, `"data" :\n ${text} `)).data)).toBe(text);
      }
    },
  );

  it("of another type is the bytes of the string, whatever is in it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (data) => {
        const parsed = read(event({ datacontenttype: "text/plain; charset=utf-8", data }));
        expect([decode(parsed.data), parsed.contentType]).toEqual([data, "text/plain; charset=utf-8"]);
      }),
    );
  });

  it("of any bytes comes as base64", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const base64 = Buffer.from(bytes).toString("base64");
        expect(Buffer.from(read(event({ datacontenttype: "image/png", data_base64: base64 })).data)).toEqual(
          Buffer.from(bytes),
        );
      }),
    );
  });

  it.each<[string, Readonly<Record<string, unknown>>, string]>([
    ["in both members", { data: 1, data_base64: "AAEC" }, "data_base64"],
    ["null beside base64", { data: null, data_base64: "AAEC" }, "data_base64"],
    ["base64 that is a number", { data_base64: 1 }, "data_base64"],
    ["base64 with white space", { data_base64: "AA EC" }, "data_base64"],
    ["base64 without its padding", { data_base64: "AAE" }, "data_base64"],
    ["base64 for URLs", { data_base64: "-_-_" }, "data_base64"],
    ["base64 of JSON that is none", { datacontenttype: "application/json", data_base64: "AAEC" }, "data_base64"],
    ["a type that is none", { datacontenttype: "json", data: 1 }, "datacontenttype"],
    ["a type with a line end", { datacontenttype: "text/plain\r\nx-a: b", data: "a" }, "datacontenttype"],
    ["a type that is a number", { datacontenttype: 1, data: 1 }, "datacontenttype"],
    ["text in another charset", { datacontenttype: "text/plain; charset=latin1", data: "ä" }, "datacontenttype"],
    ["JSON in another charset", { datacontenttype: "application/json; charset=utf-16", data: 1 }, "datacontenttype"],
    ["an object that should be text", { datacontenttype: "text/plain", data: {} }, "data"],
    ["text with half a character", { datacontenttype: "text/plain", data: "\ud800" }, "data"],
  ])("%s: 422", (_, members, name) => {
    expect(refusal(event(members))).toEqual(["invalid", `#/${name}`]);
  });

  it("of the largest size is taken, of a byte more it is too large, whatever else is wrong", () => {
    const text = "x".repeat(EVENT_DATA_MAX_BYTES);
    const base64 = Buffer.alloc(EVENT_DATA_MAX_BYTES, 1).toString("base64");
    const more = Buffer.alloc(EVENT_DATA_MAX_BYTES + 1, 1).toString("base64");
    expect(read(event({ datacontenttype: "text/plain", data: text })).data.byteLength).toBe(EVENT_DATA_MAX_BYTES);
    expect(read(event({ data: text.slice(2) })).data.byteLength).toBe(EVENT_DATA_MAX_BYTES);
    expect(read(event({ data_base64: base64 })).data.byteLength).toBe(EVENT_DATA_MAX_BYTES);
    expect(refusal(event({ datacontenttype: "text/plain", data: `${text}x`, id: 5 }))).toEqual(["too-large", "#/data"]);
    expect(refusal(event({ data: text.slice(1), id: 5 }))).toEqual(["too-large", "#/data"]);
    expect(refusal(event({ data_base64: more, id: 5 }))).toEqual(["too-large", "#/data_base64"]);
    expect(refusal(event({ data_base64: `${"A".repeat(EVENT_DATA_MAX_BYTES * 2)}!` }))).toEqual([
      "too-large",
      "#/data_base64",
    ]);
    const wide = "ä".repeat(EVENT_DATA_MAX_BYTES / 2);
    expect(read(event({ datacontenttype: "text/plain", data: wide })).data.byteLength).toBe(EVENT_DATA_MAX_BYTES);
    expect(refusal(event({ datacontenttype: "text/plain", data: `${wide}a` }))).toEqual(["too-large", "#/data"]);
  });
});

describe("attributes", () => {
  it("are read, and all extensions kept", () => {
    const extensions = {
      ...{ partitionkey: "customer\n7", correlationid: "checkout-81", causationid: "cart-17" },
      ...{ sequence: "9", flag: false, number: -2147483648, empty: "", constructor: "c", 0: "digits" },
    };
    const parsed = read(
      event({ ...extensions, subject: "A 1", dataschema: "urn:schema", time: "2020-02-29T23:59:59.123456789+01:00" }),
    );
    expect(parsed).toMatchObject({
      ...{ key: "customer\n7", correlationId: "checkout-81", causationId: "cart-17", subject: "A 1" },
      time: "2020-02-29T22:59:59.123Z",
      cloudEvent: { id: "1", dataSchema: "urn:schema", time: "2020-02-29T23:59:59.123456789+01:00" },
    });
    expect(parsed.cloudEvent?.extensions).toEqual(extensions);
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ["no id", { id: undefined }],
    ["an empty id", { id: "" }],
    ["an id that is null", { id: null }],
    ["an id that is a number", { id: 1 }],
    ["an id with a control character", { id: "a\u0085" }],
    ["an id of half a character", { id: "a\udc00" }],
    ["a long id", { id: "i".repeat(CONTEXT_MAX_BYTES + 1) }],
    ["an id that is long in bytes", { id: "ä".repeat(CONTEXT_MAX_BYTES / 2 + 1) }],
    ["no source", { source: undefined }],
    ["an empty source", { source: "" }],
    ["a source with a line end", { source: "/a\r\nx: y" }],
    ["no type", { type: undefined }],
    ["an empty type", { type: "" }],
    ["a type with a tab", { type: "a\tb" }],
    ["a long type", { type: "t".repeat(TYPE_MAX_CHARACTERS + 1) }],
    ["a type of half a character", { type: "\ud83d" }],
    ["no version", { specversion: undefined }],
    ["the version before", { specversion: "0.3" }],
    ["the version as a number", { specversion: 1 }],
    ["an empty subject", { subject: "" }],
    ["an empty schema", { dataschema: "" }],
    ["a time that is none", { time: "yesterday" }],
    ["a time without an offset", { time: "2018-04-05T17:31:00" }],
    ["a key that is a number", { partitionkey: 7 }],
    ["an empty key", { partitionkey: "" }],
    ["a long key", { partitionkey: "k".repeat(KEY_MAX_BYTES + 1) }],
    ["a key of half a character", { partitionkey: "\ud800" }],
    ["a correlation that is a boolean", { correlationid: true }],
    ["a long correlation", { correlationid: "c".repeat(CORRELATION_MAX_BYTES + 1) }],
    ["an empty causation", { causationid: "" }],
    ["an extension in capitals", { Team: "a" }],
    ["an extension with a dash", { "my-team": "a" }],
    ["an extension without a name", { "": "a" }],
    ["an extension that is an object", { team: {} }],
    ["an extension that is a list", { team: ["a"] }],
    ["an extension that is a fraction", { team: 1.5 }],
    ["an extension beyond 32 bits", { team: 2147483648 }],
    ["an extension with a control character", { team: "a\u0000" }],
    ["an extension of half a character", { team: "\ud800" }],
  ])("%s: 422 with a pointer", (_, members) => {
    expect(refusal(event(members))).toEqual(["invalid", `#/${Object.keys(members)[0]}`]);
  });

  it("twice: 422, extensions and data too", () => {
    for (const member of [
      '"id":"1"',
      '"type":"t"',
      '"team":"a"',
      '"data":1',
      '"data_base64":"AAEC"',
      '"__proto__":1',
    ]) {
      const name = member.split('"')[1] ?? "";
      expect(refusal(eventText(member, member)).includes(`#/${name}`)).toBe(true);
    }
    expect(refusal(eventText('"\\u0069d":"1"'))).toEqual(["invalid", "#/id"]);
    expect(refusal(eventText('"__proto__":{"polluted":true}'))).toEqual(["invalid", "#/__proto__"]);
  });

  it("a type has any characters but controls, counted as characters", () => {
    for (const type of [
      "com.example/a b",
      "Überweisung!",
      "<script>",
      "😀".repeat(TYPE_MAX_CHARACTERS),
      "*",
      "\ufffe",
    ]) {
      expect(read(event({ type })).type).toBe(type);
    }
    expect(refusal(event({ type: `${"😀".repeat(TYPE_MAX_CHARACTERS)}a` }))).toEqual(["invalid", "#/type"]);
  });

  it("together are bounded as the headers they may become", () => {
    const base = ["specversion", "id", "source", "type"].map((name) => `ce-${name}: \r\n`).join("").length + 7;
    const room = CLOUDEVENT_ATTRIBUTES_MAX_BYTES - base - "ce-a: \r\n".length;
    expect(refusal(event({ a: "x".repeat(room) }))).toBe("accepted");
    expect(refusal(event({ a: "x".repeat(room + 1) }))).toEqual(["invalid", "#"]);
    expect(refusal(event({ a: "ä".repeat(room / 6) }))).toBe("accepted");
    expect(refusal(event({ a: "ä".repeat(room / 6 + 1) }))).toEqual(["invalid", "#"]);
  });
});

describe("a body", () => {
  it.each(["5", "null", '"text"', "[]", `[${event()}]`])("%s is no CloudEvent: 422", (body) => {
    expect(refusal(body)).toEqual(["invalid", "#"]);
  });

  it.each(["", " ", "{", `${event()}${event()}`, "\ufeff{}"])("%j is not JSON: 400", (body) => {
    expect(refusal(body)).toEqual(["malformed-json"]);
    expect(refusal(body, true)).toEqual(["malformed-json"]);
  });

  it("of a batch is a list of 1 to 1000, refused whole with what is wrong", () => {
    expect(refusal(event(), true)).toEqual(["invalid", "#"]);
    expect(refusal("[]", true)).toEqual(["invalid"]);
    const many = (count: number) => `[${Array.from({ length: count }, () => event()).join(",")}]`;
    expect(refusal(many(BATCH_MAX_EVENTS), true)).toBe("accepted");
    expect(refusal(many(BATCH_MAX_EVENTS + 1), true)).toEqual(["invalid"]);
    const batch = `[${event()},${event({ id: "" })},5,${event({ data: 1, data_base64: "" })}]`;
    expect(refusal(batch, true)).toEqual(["invalid", "#/1/id", "#/2", "#/3/data_base64"]);
  });

  it("of any kind is answered with a result", () => {
    const member = fc.oneof(
      fc.constantFrom("id", "source", "type", "data", "data_base64", "datacontenttype"),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.dictionary(member, fc.jsonValue()), fc.boolean(), (members, batch) => {
        parse(event(members), batch);
        parse(`[${event(members)}]`, batch);
      }),
    );
  });
});
