import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBlock, encodeBlock, eventSizeBytes } from "../../src/core/block.ts";
import type { LogEvent } from "../../src/core/event.ts";
import { decodeEventId, encodeEventId } from "../../src/core/ids.ts";
import { formatRfc3339 } from "../../src/core/time.ts";

/** An event but for its place in the log. */
type Context = Omit<LogEvent, "id" | "partition" | "offset" | "receivedAt">;

const RECEIVED_AT = 1_795_423_425_678;
const WHERE = { tag: 0xabcdef, partition: 3 };

const text = fc.string({ unit: "binary", minLength: 1, maxLength: 20 });
const textOrNull = fc.option(text);
const anEvent = fc.record({
  type: text,
  key: textOrNull,
  time: fc.constantFrom(formatRfc3339(RECEIVED_AT), "2020-02-29T00:00:00.000Z"),
  source: textOrNull,
  subject: textOrNull,
  correlationId: textOrNull,
  causationId: textOrNull,
  cloudEvent: fc.option(
    fc.record({
      id: text,
      dataSchema: textOrNull,
      time: textOrNull,
      extensions: fc.dictionary(fc.stringMatching(/^[a-z0-9]{1,20}$/), fc.oneof(text, fc.boolean(), fc.integer())),
    }),
  ),
  headers: fc.option(fc.dictionary(fc.stringMatching(/^[a-z0-9-]{1,20}$/), text, { minKeys: 1 })),
  contentType: fc.constantFrom("application/json", "text/plain; charset=utf-8", "application/octet-stream"),
  hops: fc.integer({ min: 0, max: 16 }),
  data: fc.uint8Array({ maxLength: 200 }),
});

const SAMPLE: Context = {
  type: "order.paid",
  key: "customer-1",
  time: formatRfc3339(RECEIVED_AT),
  source: null,
  subject: null,
  correlationId: null,
  causationId: null,
  cloudEvent: null,
  headers: null,
  contentType: "application/json",
  hops: 0,
  data: new TextEncoder().encode('{ "amount": 9007199254740993 }'),
};

const inLog = (events: readonly Context[], firstOffset = 1): LogEvent[] =>
  events.map((event, index) => ({
    ...event,
    id: encodeEventId({ time: RECEIVED_AT, ...WHERE, offset: firstOffset + index }),
    partition: WHERE.partition,
    offset: firstOffset + index,
    receivedAt: RECEIVED_AT,
  }));

describe("a block", () => {
  it("gives back the very events that were put in", () => {
    const events = fc.array(anEvent, { minLength: 1, maxLength: 20 });
    const firstOffset = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER - 20 });
    fc.assert(
      fc.property(events, firstOffset, (contexts, first) => {
        const stored = inLog(contexts, first);
        const read = decodeBlock(encodeBlock(stored), WHERE);
        expect(read).toEqual(stored);
        for (const event of read)
          expect(decodeEventId(event.id)).toEqual({ time: RECEIVED_AT, ...WHERE, offset: event.offset });
      }),
    );
  });

  it("gives each event data of its own, whatever buffer the block lies in", () => {
    const block = encodeBlock(inLog([SAMPLE, SAMPLE]));
    const page = new Uint8Array(block.length + 100);
    page.set(block, 50);
    const events = decodeBlock(page.subarray(50, 50 + block.length), WHERE);
    expect(events).toEqual(inLog([SAMPLE, SAMPLE]));
    for (const event of events) expect(event.data.buffer.byteLength).toBe(SAMPLE.data.length);
    page.fill(0);
    expect(events[1]?.data).toEqual(SAMPLE.data);
  });

  it("is never larger than the sum of its events' estimates", () => {
    const nasty = fc.string({
      unit: fc.constantFrom("\u0000", "\u0007", "€", "\ud800"),
      minLength: 200,
      maxLength: 256,
    });
    fc.assert(
      fc.property(fc.array(anEvent, { minLength: 1, maxLength: 10 }), nasty, (contexts, type) => {
        const stored = inLog([...contexts, { ...SAMPLE, type, key: type, time: "2020-02-29T00:00:00.000Z" }]);
        const estimate = stored.reduce((sum, event) => sum + eventSizeBytes(event), 0);
        expect(encodeBlock(stored).byteLength).toBeLessThanOrEqual(estimate);
      }),
    );
  });

  it("adds little to the data of a plain event", () => {
    expect(encodeBlock(inLog([SAMPLE])).byteLength - SAMPLE.data.byteLength).toBeLessThan(100);
  });

  it("keeps the stored form: blocks written by every release are read by this one", () => {
    const head =
      '{"r":1795423425678,"o":7,"e":[{"n":1,"type":"a"},{"n":2,"type":"b","key":"k","time":"2020-02-29T00:00:00.000Z","src":"s","sub":"u","cor":"c","cau":"d","ct":"text/plain","hops":2}]}';
    const stored = Uint8Array.from([1, 0, 0, 0, head.length, ...new TextEncoder().encode(`${head}1hi`)]);
    const data = (content: string) => new TextEncoder().encode(content);
    const nothing = { key: null, source: null, subject: null, correlationId: null, causationId: null };
    const events = inLog(
      [
        { ...SAMPLE, ...nothing, type: "a", data: data("1") },
        {
          type: "b",
          key: "k",
          time: "2020-02-29T00:00:00.000Z",
          source: "s",
          subject: "u",
          correlationId: "c",
          causationId: "d",
          cloudEvent: null,
          headers: null,
          contentType: "text/plain",
          hops: 2,
          data: data("hi"),
        },
      ],
      7,
    );
    expect(decodeBlock(stored, WHERE)).toEqual(events);
    expect(encodeBlock(events)).toEqual(stored);
  });

  it("keeps the stored form of a CloudEvent and of kept headers", () => {
    const head =
      '{"r":1795423425678,"o":1,"e":[{"n":0,"type":"a","ce":{"id":"1"}},{"n":0,"type":"a","ce":{"id":"2","ds":"urn:s","t":"2018-04-05T17:31:00Z","x":{"n":1,"b":true,"s":"t"}},"h":{"x-a":"b"}}]}';
    const stored = Uint8Array.from([1, 0, 0, 0, head.length, ...new TextEncoder().encode(head)]);
    const bare = { ...SAMPLE, type: "a", key: null, data: new Uint8Array() };
    const events = inLog([
      { ...bare, cloudEvent: { id: "1", dataSchema: null, time: null, extensions: {} } },
      {
        ...bare,
        cloudEvent: {
          id: "2",
          dataSchema: "urn:s",
          time: "2018-04-05T17:31:00Z",
          extensions: { n: 1, b: true, s: "t" },
        },
        headers: { "x-a": "b" },
      },
    ]);
    expect(decodeBlock(stored, WHERE)).toEqual(events);
    expect(encodeBlock(events)).toEqual(stored);
  });

  it("is read past members of a later release", () => {
    const head = '{"r":1795423425678,"o":7,"later":[1],"e":[{"n":1,"type":"a","extensions":{"a":"b"}}]}';
    const stored = Uint8Array.from([1, 0, 0, 0, head.length, ...new TextEncoder().encode(`${head}1`)]);
    expect(decodeBlock(stored, WHERE)).toMatchObject([{ type: "a", offset: 7, contentType: "application/json" }]);
  });

  it.each([
    ["another version", (block: Uint8Array) => block.with(0, 2), /version 2 .* reads version 1/],
    ["nothing", () => new Uint8Array(), /version/],
    ["a block cut short", (block: Uint8Array) => block.slice(0, -1), /bytes/],
    ["a block with something behind it", (block: Uint8Array) => Uint8Array.from([...block, 0]), /bytes/],
  ])("does not read %s", (_, change, message) => {
    expect(() => decodeBlock(change(encodeBlock(inLog([SAMPLE]))), WHERE)).toThrow(message);
  });

  it.each([
    ["no events", () => []],
    ["offsets with a gap", () => [...inLog([SAMPLE], 1), ...inLog([SAMPLE], 3)]],
    [
      "two commits",
      () => inLog([SAMPLE, SAMPLE]).map((event, index) => ({ ...event, receivedAt: RECEIVED_AT + index })),
    ],
  ])("is not made of %s", (_, events) => {
    expect(() => encodeBlock(events())).toThrow();
  });
});
