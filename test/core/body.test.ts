import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isJsonContentType, requestBody, requestContentType } from "../../src/core/body.ts";
import { sendOf } from "../support/send.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
const eventOf = (contentType: string, data: Uint8Array) => sendOf({ contentType, data, type: 'a"b' }).event;

describe("request body (API clause 6.2)", () => {
  it.each([
    '{"b":1,"a":2}',
    "9007199254740993",
    "1e400",
    "-0",
    "1.0",
    "1E6",
    '"\\ud800"',
    " [ 1 ,2 ] ",
    '{"a":1,"a":2}',
    "null",
  ])("standard: %s stands in it as it was posted", (data) => {
    const { bytes, contentType } = requestBody("standard", eventOf("application/json", encode(data)));
    expect(decode(bytes)).toBe(`{"type":"a\\"b","timestamp":"2026-11-23T10:00:00.000Z","data":${data}}`);
    expect(contentType).toBe("application/json");
  });

  it("standard: is JSON for every JSON event", () => {
    fc.assert(
      fc.property(fc.json(), fc.string(), (data, type) => {
        const { bytes } = requestBody("standard", sendOf({ data: encode(data), type }).event);
        expect(JSON.parse(decode(bytes))).toEqual({
          type,
          timestamp: "2026-11-23T10:00:00.000Z",
          data: JSON.parse(data),
        });
      }),
    );
  });

  it("standard: carries any other content as base64 with its type", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
        const { bytes, contentType } = requestBody("standard", eventOf('text/plain; x="y"', data));
        expect(JSON.parse(decode(bytes))).toEqual({
          type: 'a"b',
          timestamp: "2026-11-23T10:00:00.000Z",
          contentType: 'text/plain; x="y"',
          dataBase64: Buffer.from(data).toString("base64"),
        });
        expect(contentType).toBe("application/json");
      }),
    );
  });

  it("raw: is the posted bytes under their own content type", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom("application/json", "image/png"),
        (data, contentType) => {
          expect(requestBody("raw", eventOf(contentType, data))).toEqual({ bytes: data, contentType });
        },
      ),
    );
  });

  it.each(["standard", "raw"] as const)("%s: its content type can be told without making it", (format) => {
    const event = eventOf("text/csv", encode("a,b"));
    expect(requestContentType(format, event)).toBe(requestBody(format, event).contentType);
  });

  it.each([
    ["application/json", true],
    ["Application/JSON; charset=utf-8", true],
    ["application/cloudevents+json", true],
    ["application/vnd.x+JSON ;v=1", true],
    ["application/json-seq", false],
    ["application/jsonx", false],
    ["text/json", false],
    ["text/plain; x=application/json", false],
    ["text/plain; x=/+json", false],
    ["", false],
  ])("content type %j is JSON: %s", (contentType, expected) => {
    expect(isJsonContentType(contentType)).toBe(expected);
  });
});
