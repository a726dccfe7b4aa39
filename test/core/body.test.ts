import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FORMATS, type Format, requestContentType, sendBody, takesBatches } from "../../src/core/body.ts";
import type { LogEvent } from "../../src/core/event.ts";
import { elementTexts, memberTexts, type TextRange } from "../../src/core/json-text.ts";
import { BATCH_SEND_MAX_BYTES, BATCH_SEND_MAX_EVENTS } from "../../src/core/limits.ts";
import { isJsonContentType } from "../../src/core/media-type.ts";
import { sendOf } from "../support/send.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array): string => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
const TOPIC = "orders";
const requestBody = (format: Format, event: LogEvent) => sendBody(format, { event, batch: null }, TOPIC);
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

  it.each(FORMATS)("%s: its content type can be told without making it", (format) => {
    const event = eventOf("text/csv", encode("a,b"));
    expect(requestContentType(format, event, false)).toBe(requestBody(format, event).contentType);
    const batch = { events: [event, event] };
    if (takesBatches(format)) {
      expect(requestContentType(format, event, true)).toBe(sendBody(format, { event, batch }, TOPIC).contentType);
    }
  });

  it("standard: has null for a JSON event without data, which only a CloudEvent can be", () => {
    const { bytes } = requestBody("standard", eventOf("application/json", new Uint8Array()));
    expect(decode(bytes)).toBe('{"type":"a\\"b","timestamp":"2026-11-23T10:00:00.000Z","data":null}');
  });

  describe("of a batch", () => {
    const textOf = (events: readonly LogEvent[]): string => {
      const { bytes, contentType } = sendBody("standard", sendOf({}, { batch: { id: "bat_1", events } }), TOPIC);
      expect(contentType).toBe("application/json");
      return decode(bytes);
    };
    const text = fc.constantFrom("9007199254740993", "1.0", "-0", "1e400", '"\\ud800"', ' { "a": [1, 1 ] } ', "null");

    it("is an array of the standard bodies in order, each data as the very text that was posted", () => {
      fc.assert(
        fc.property(fc.array(fc.oneof(text, fc.json()), { minLength: 1, maxLength: 20 }), (texts) => {
          const events = texts.map((data) => eventOf("application/json", encode(data)));
          const body = textOf(events);
          expect(body).toBe(`[${events.map((event) => decode(requestBody("standard", event).bytes)).join(",")}]`);
          const at = ({ start, end }: TextRange) => body.slice(start, end);
          const data = elementTexts(body).map(({ start }) =>
            memberTexts(body, start).find(({ name }) => name === "data"),
          );
          expect(data.map((range) => range && at(range))).toEqual(texts.map((one) => one.trim()));
          expect(JSON.parse(body)).toEqual(
            texts.map((data) => ({
              type: 'a"b',
              timestamp: "2026-11-23T10:00:00.000Z",
              data: JSON.parse(data),
            })),
          );
        }),
      );
    });

    it("is an array where it has one event only", () => {
      expect(JSON.parse(textOf([eventOf("application/json", encode("1"))]))).toHaveLength(1);
    });

    it("carries other content beside JSON", () => {
      const members = [eventOf("application/json", encode("1")), eventOf("text/csv", encode("a,b"))];
      expect(JSON.parse(textOf(members))).toMatchObject([{ data: 1 }, { contentType: "text/csv", dataBase64: "YSxi" }]);
    });

    it("is made in a moment for the most and the largest there are", () => {
      const many = Array.from({ length: BATCH_SEND_MAX_EVENTS }, () => eventOf("application/json", encode("1")));
      expect(JSON.parse(textOf(many))).toHaveLength(BATCH_SEND_MAX_EVENTS);
      const large = eventOf("application/json", encode(`"${"x".repeat(BATCH_SEND_MAX_BYTES - 2)}"`));
      expect(textOf([large])).toHaveLength(requestBody("standard", large).bytes.length + "[]".length);
    });
  });

  it.each([
    ["application/json", true],
    ["Application/JSON; charset=utf-8", true],
    ["application/cloudevents+json", true],
    ["application/vnd.x+JSON ;v=1", true],
    ["application/json-seq", false],
    ["application/jsonx", false],
    ["text/json", true],
    ["text/plain; x=application/json", false],
    ["text/plain; x=/+json", false],
    ["", false],
  ])("content type %j is JSON: %s", (contentType, expected) => {
    expect(isJsonContentType(contentType)).toBe(expected);
  });
});
