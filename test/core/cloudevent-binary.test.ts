import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseBinaryCloudEvent } from "../../src/core/cloudevent-binary.ts";
import { decodeAttribute, encodeAttribute } from "../../src/core/cloudevent-header.ts";
import { EVENT_DATA_MAX_BYTES } from "../../src/core/limits.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const REQUIRED = { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t" };

const parse = (headers: Readonly<Record<string, string>>, body = "", contentType: string | null = null) =>
  parseBinaryCloudEvent(Object.entries({ ...REQUIRED, ...headers }), encode(body), { contentType, hops: 2 });

function refusal(headers: Readonly<Record<string, string>>, body = "", contentType: string | null = null) {
  const parsed = parse(headers, body, contentType);
  return parsed.ok ? "accepted" : [parsed.error.code, ...(parsed.error.errors ?? []).map(({ pointer }) => pointer)];
}

describe("a header's value (HTTP binding 1.0.2, section 3.1.3.2)", () => {
  it.each([
    ["Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro \u20ac \u{1f600}"],
    ["%e2%82%ac", "\u20ac"],
    ["%61bc", "abc"],
    ["a b", "a b"],
    ['"a b"', "a b"],
    ['"a \\"b\\" \\\\ %20"', 'a "b" \\  '],
    ['a"b', 'a"b'],
    ["100%", "100%"],
    ["%zz%4", "%zz%4"],
    ["%2541", "%41"],
    ["", ""],
  ])("%s means %j", (value, text) => {
    expect(decodeAttribute(value)).toEqual({ ok: true, value: text });
  });

  it.each(["%C0%A0", "%ff", "%E2%82", "%ED%A0%80", "\u00e4", "a\u0000"])("%s is refused", (value) => {
    expect(decodeAttribute(value).ok).toBe(false);
    expect(refusal({ "ce-subject": value })).toEqual(["invalid", "#/subject"]);
  });

  it("is printable ASCII for any text, and reads back as it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        fc.pre(text.isWellFormed());
        const value = encodeAttribute(text);
        expect(value).toMatch(/^[\x21\x23-\x7e]*$/);
        expect(decodeAttribute(value)).toEqual({ ok: true, value: text });
      }),
    );
    expect(encodeAttribute('Euro \u20ac \u{1f600}"%\n')).toBe("Euro%20%E2%82%AC%20%F0%9F%98%80%22%25%0A");
  });
});

describe("binary mode", () => {
  it("takes attributes from the headers and the body as it is", () => {
    const headers = {
      ...{
        "ce-time": "2018-04-05T03:56:24Z",
        "ce-subject": "a%20b",
        "ce-dataschema": "urn:s",
        "ce-partitionkey": "k%0A",
      },
      ...{ "ce-correlationid": "c", "ce-causationid": "d", "ce-flag": "true", "content-type": "x", "x-other": "y" },
    };
    expect(parse(headers, ' {"a": 1.0} ', "application/json; charset=utf-8")).toEqual({
      ok: true,
      value: {
        ...{ type: "t", key: "k\n", source: "/s", subject: "a b", correlationId: "c", causationId: "d" },
        ...{ time: "2018-04-05T03:56:24.000Z", headers: null, contentType: "application/json; charset=utf-8", hops: 2 },
        cloudEvent: {
          ...{ id: "1", dataSchema: "urn:s", time: "2018-04-05T03:56:24Z" },
          extensions: { partitionkey: "k\n", correlationid: "c", causationid: "d", flag: "true" },
        },
        data: encode(' {"a": 1.0} '),
      },
    });
  });

  it.each<[string, string, string | null, string]>([
    ["without a body has no data", "", null, "application/json"],
    ["keeps the type of no data", "", "text/csv", "text/csv"],
    ["of no type may be anything", "%", null, "application/octet-stream"],
    ["of another type is not looked at", "{", "text/plain", "text/plain"],
  ])("%s", (_, body, type, contentType) => {
    expect(parse({}, body, type)).toMatchObject({ ok: true, value: { contentType, data: encode(body) } });
  });

  it.each<[string, Readonly<Record<string, string>>, string]>([
    ["an empty id", { "ce-id": "" }, "id"],
    ["another version", { "ce-specversion": "0.3" }, "specversion"],
    ["an encoded line end in the type", { "ce-type": "a%0D%0Ab" }, "type"],
    ["an empty subject", { "ce-subject": '""' }, "subject"],
    ["a name with a dash", { "ce-my-team": "a" }, "my-team"],
    ["the type of its data", { "ce-datacontenttype": "a/b" }, "datacontenttype"],
    ["its data", { "ce-data": "a" }, "data"],
    ["its data in base64", { "ce-data_base64": "AA==" }, "data_base64"],
  ])("%s: 422 naming the header", (_, headers, name) => {
    expect(refusal(headers)).toEqual(["invalid", `#/${name}`]);
    const parsed = parse(headers);
    expect(!parsed.ok && parsed.error.detail).toContain(`ce-${name}`);
  });

  it("without a required header: 422", () => {
    for (const name of Object.keys(REQUIRED)) {
      const headers = Object.entries(REQUIRED).filter(([one]) => one !== name);
      const parsed = parseBinaryCloudEvent(headers, encode(""), { contentType: null, hops: 0 });
      expect(parsed).toMatchObject({ ok: false, error: { code: "invalid", detail: `The header ${name} is missing.` } });
    }
  });

  it("with a body that is not the JSON it says: 400, and too large before that", () => {
    for (const type of ["application/json", "application/vnd.x+json; v=1", "text/json"]) {
      expect(refusal({}, "{", type)).toEqual(["malformed-json"]);
      expect(refusal({}, "\ufeff1", type)).toEqual(["malformed-json"]);
    }
    const bytes = new Uint8Array([0x22, 0xff, 0x22]);
    const parsed = parseBinaryCloudEvent(Object.entries(REQUIRED), bytes, { contentType: "application/json", hops: 0 });
    expect(parsed).toMatchObject({ ok: false, error: { code: "malformed-utf8" } });
    expect(refusal({ "ce-id": "" }, "{".repeat(EVENT_DATA_MAX_BYTES + 1), "application/json")).toEqual(["too-large"]);
    expect(refusal({}, "x".repeat(EVENT_DATA_MAX_BYTES), "text/plain")).toBe("accepted");
  });
});
