import { CloudEvent, HTTP } from "cloudevents";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sendBody } from "../../src/core/body.ts";
import { parseBinaryCloudEvent } from "../../src/core/cloudevent-binary.ts";
import type { CloudEventContext, LogEvent } from "../../src/core/event.ts";
import { eventHeaders, shownEventHeaders } from "../../src/core/event-headers.ts";
import { parseCloudEventsJson } from "../../src/core/publish.ts";
import { sendOf } from "../support/send.ts";

const TOPIC = "orders";
const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

const structured = (event: LogEvent) => decode(sendBody("cloudevents-structured", { event, batch: null }, TOPIC).bytes);
const binary = (event: LogEvent) => eventHeaders("cloudevents-binary", event, TOPIC);
const context = (more: Partial<CloudEventContext> = {}): CloudEventContext => ({
  ...{ id: "own", dataSchema: null, time: null, extensions: {} },
  ...more,
});
/** In the log, with the place that leaves with it. */
const eventOf = (event: Partial<LogEvent> = {}) => sendOf({ offset: 42, partition: 0, ...event }).event;
const PLACE = { sequence: "00000000000000000042", sluiceoffset: "42", sluicepartition: "0" };
const PLACE_HEADERS = {
  ...{ "ce-sequence": "00000000000000000042", "ce-sluiceoffset": "42", "ce-sluicepartition": "0" },
};

describe("an event that was no CloudEvent", () => {
  const event = eventOf({
    ...{ type: "order.paid", key: "k ä\n", source: "/own", subject: "s", correlationId: "c", causationId: "d" },
    data: encode('{"amount": 1.0}'),
  });

  it("leaves under its own id and its topic, with all that is known of it", () => {
    expect(structured(event)).toBe(
      JSON.stringify({
        ...{ specversion: "1.0", id: event.id, source: "/topics/orders", type: "order.paid", subject: "s" },
        ...{ time: event.time, partitionkey: "k ä\n", correlationid: "c", causationid: "d", ...PLACE },
        datacontenttype: "application/json",
        data: 0,
      }).replace('"data":0', '"data":{"amount": 1.0}'),
    );
  });

  it("has the same attributes as headers, percent-encoded", () => {
    expect(binary(event)).toEqual({
      ...{ "ce-specversion": "1.0", "ce-id": event.id, "ce-source": "/topics/orders", "ce-type": "order.paid" },
      ...{ "ce-subject": "s", "ce-time": event.time, "ce-partitionkey": "k%20%C3%A4%0A" },
      ...{ "ce-correlationid": "c", "ce-causationid": "d", ...PLACE_HEADERS },
    });
    expect(sendBody("cloudevents-binary", { event, batch: null }, TOPIC)).toEqual({
      bytes: event.data,
      contentType: "application/json",
    });
  });

  it("leaves without what it does not have; a test also without a place in the log", () => {
    const bare = eventOf({ offset: 0 });
    expect(Object.keys(JSON.parse(structured(bare)))).toEqual([
      ...["specversion", "id", "source", "type", "time", "datacontenttype", "data"],
    ]);
  });
});

describe("an event that was a CloudEvent", () => {
  const extensions = { partitionkey: "k", correlationid: "c", team: "a", count: 5, flag: false, empty: "" };
  const event = eventOf({
    ...{ type: "t!", source: "/s", key: "k", correlationId: "c", time: "2018-04-05T17:31:00.000Z" },
    cloudEvent: context({ dataSchema: "urn:s", time: "2018-04-05T17:31:00Z", extensions }),
  });
  const own = {
    ...{ specversion: "1.0", id: "own", source: "/s", type: "t!", dataschema: "urn:s", time: "2018-04-05T17:31:00Z" },
    ...extensions,
  };

  it("keeps id, source, time as it was written, schema and extensions with their types", () => {
    const json = { ...own, ...PLACE, datacontenttype: "application/json", data: { amount: 1 } };
    expect(JSON.parse(structured(event))).toEqual(json);
    expect(binary(event)).toMatchObject({ "ce-count": "5", "ce-flag": "false", "ce-empty": "", "ce-id": "own" });
  });

  it("keeps its sequence, and gets the place it has here", () => {
    const relayed = { sequence: "7", sluiceoffset: "1", sluicepartition: "9" };
    expect(JSON.parse(structured({ ...event, cloudEvent: context({ extensions: relayed }) }))).toMatchObject({
      ...PLACE,
      sequence: "7",
    });
  });

  it("has no time or data where it had none", () => {
    const bare = { ...event, cloudEvent: context(), data: new Uint8Array() };
    expect(Object.keys(JSON.parse(structured(bare)))).toEqual([
      ...["specversion", "id", "source", "type", "sequence", "sluiceoffset", "sluicepartition"],
    ]);
    expect(binary(bare)).not.toHaveProperty("ce-time");
    expect(JSON.parse(structured({ ...bare, contentType: "text/csv" }))).toMatchObject({ datacontenttype: "text/csv" });
  });

  it.each(["9007199254740993", "1e400", '"\\ud800"', '{ "b":1, "a" : 1.0 }'])("has %s as it was sent", (data) => {
    expect(structured({ ...event, data: encode(data) })).toMatch(new RegExp(`"data":${escaped(data)}}$`));
  });

  it("has other data as base64", () => {
    const body = JSON.parse(structured({ ...event, contentType: "text/plain", data: encode("hé") }));
    expect(body).toMatchObject({ datacontenttype: "text/plain", data_base64: Buffer.from("hé").toString("base64") });
    expect(body).not.toHaveProperty("data");
  });

  it("goes in a batch like alone", () => {
    const events = [event, eventOf({ contentType: "text/csv", data: encode("a,b") })];
    const { bytes, contentType } = sendBody("cloudevents-structured", { event, batch: { events } }, TOPIC);
    expect([decode(bytes), contentType]).toEqual([
      `[${events.map(structured).join(",")}]`,
      "application/cloudevents-batch+json",
    ]);
  });
});

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

describe("what left comes back as it was", () => {
  const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((text) => !/\p{Cc}/u.test(text));
  const events = fc.record({
    ...{ type: word, source: word, subject: fc.option(word), contentType: fc.constantFrom("application/json", "a/b") },
    id: word,
    extensions: fc.dictionary(
      fc.stringMatching(/^x[a-z0-9]{1,8}$/),
      fc.oneof(word, fc.boolean(), fc.integer({ min: -9, max: 9 })),
    ),
    json: fc.json(),
  });
  const made = ({ id, extensions, json, ...more }: Parameters<Parameters<typeof events.map>[0]>[0]) =>
    eventOf({ ...more, cloudEvent: context({ id, extensions }), data: encode(json) });

  it("in structured mode", () => {
    fc.assert(
      fc.property(events, (facts) => {
        const event = made(facts);
        const parsed = parseCloudEventsJson(encode(structured(event)), { hops: 0, batch: false });
        const back = parsed.ok ? parsed.value.events[0]?.event : undefined;
        const { sequence, sluiceoffset, sluicepartition, ...extensions } = back?.cloudEvent?.extensions ?? {};
        expect([back?.cloudEvent?.id, extensions, back?.type, back?.source, back?.subject]).toEqual([
          ...[facts.id, facts.extensions, facts.type, facts.source, facts.subject],
        ]);
        expect([back?.contentType, decode(back?.data ?? new Uint8Array())]).toEqual([
          facts.contentType,
          facts.json.trim(),
        ]);
      }),
    );
  });

  it("in binary mode, extensions as strings", () => {
    fc.assert(
      fc.property(events, (facts) => {
        const event = made(facts);
        const headers = Object.entries(binary(event));
        for (const [name, value] of headers) expect(`${name}: ${value}`).toMatch(/^ce-[a-z0-9]+: [\x21-\x7e]*$/);
        const parsed = parseBinaryCloudEvent(headers, event.data, { contentType: event.contentType, hops: 0 });
        const strings = Object.entries(facts.extensions).map(([name, value]) => [name, String(value)]);
        expect(parsed).toMatchObject({
          ok: true,
          value: {
            ...{ type: facts.type, source: facts.source, subject: facts.subject, data: event.data },
            cloudEvent: { id: facts.id, extensions: Object.fromEntries(strings) },
          },
        });
      }),
    );
  });
});

describe("the official library", () => {
  const event = eventOf({
    ...{ source: "/s", subject: "sub" },
    cloudEvent: context({ time: "2018-04-05T17:31:00.000Z", extensions: { team: "a" } }),
  });
  const expected = { id: "own", source: "/s", type: "order.paid", subject: "sub", team: "a", ...PLACE };

  it.each([
    ["structured", { "content-type": "application/cloudevents+json" }, structured(event)],
    ["binary", { "content-type": "application/json", ...binary(event) }, decode(event.data)],
  ])("reads the %s form", (_, headers, body) => {
    const read = HTTP.toEvent({ headers, body });
    expect(read).toBeInstanceOf(CloudEvent);
    expect(read).toMatchObject({ ...expected, data: { amount: 1 } });
  });
});

describe("headers of an event", () => {
  const headers = {
    ...{ "x-github-event": "push", "x-hub-signature-256": "sha256=ab", "x-gitlab-token": "t", "user-agent": "GitHub" },
    ...{ host: "h", connection: "close", "content-length": "5", "webhook-id": "w", "sluice-key": "k", "x-bad": "ä" },
  };
  const event = eventOf({ headers });
  const kept = { "x-github-event": "push", "x-hub-signature-256": "sha256=ab", "x-gitlab-token": "t" };

  it("kept from a source go along with raw, but none that the gateway or the connection sets", () => {
    expect(eventHeaders("raw", event, TOPIC)).toEqual(kept);
    for (const format of ["standard", "cloudevents-structured"] as const) {
      expect(eventHeaders(format, event, TOPIC)).toEqual({});
    }
    expect(binary(event)).not.toHaveProperty("x-github-event");
  });

  it("are shown in the delivery log, credentials hidden", () => {
    expect(shownEventHeaders("raw", event, TOPIC)).toEqual({
      ...kept,
      "x-hub-signature-256": "***",
      "x-gitlab-token": "***",
    });
    const signed = eventOf({ source: "/s", cloudEvent: context({ extensions: { signature: "s" } }) });
    expect(shownEventHeaders("cloudevents-binary", signed, TOPIC)).toEqual(binary(signed));
    expect(shownEventHeaders("standard", event, TOPIC)).toBe(null);
  });
});
