import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeEventId, encodeEventId, newId, spanId, traceId } from "../../src/core/ids.ts";

const position = fc.record({
  time: fc.integer({ min: 0, max: 2 ** 50 - 1 }),
  tag: fc.integer({ min: 0, max: 2 ** 40 - 1 }),
  partition: fc.integer({ min: 0, max: 1023 }),
  offset: fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
});

describe("event ids", () => {
  it("say where the event is", () => {
    fc.assert(
      fc.property(position, (where) => {
        const id = encodeEventId(where);
        expect(id).toMatch(/^evt_[0-9a-hjkmnp-tv-z]{31}$/);
        expect(decodeEventId(id)).toEqual(where);
      }),
    );
  });

  it("look like this for ever: they are in logs, receivers and idempotency tables", () => {
    const where = { time: 1_795_423_425_678, tag: 0x12_3456_789a, partition: 3, offset: 42 };
    expect(encodeEventId(where)).toBe("evt_01m83s6n4e28t5cy4t030000000001a");
  });

  it("sort by time, then within a log by partition and offset", () => {
    fc.assert(
      fc.property(position, position, (a, b) => {
        const order = (x: typeof a, y: typeof a) =>
          x.time - y.time || x.tag - y.tag || x.partition - y.partition || x.offset - y.offset;
        const [idA, idB] = [encodeEventId(a), encodeEventId(b)];
        expect(idA < idB ? -1 : idA > idB ? 1 : 0).toBe(Math.sign(order(a, b)));
      }),
    );
  });

  it("have one spelling only", () => {
    const id = encodeEventId({ time: 1_795_423_425_678, tag: 1, partition: 0, offset: 1 });
    const others = [
      id.toUpperCase(),
      id.replace("evt_", "EVT_"),
      id.replace("0", "o"),
      id.replace("1", "l"),
      id.replace("1", "i"),
      `${id}0`,
      id.slice(0, -1),
      ` ${id.slice(1)}`,
      `${id.slice(0, -1)}u`,
      `${id.slice(0, -1)}\u0131`,
      id.replace("evt_", "sub_"),
      "",
    ];
    for (const other of others) expect(decodeEventId(other), other).toBeNull();
  });

  it("whatever is decoded is encoded to the same text", () => {
    const digits = fc.string({
      unit: fc.constantFrom(..."0123456789abcdefghjkmnpqrstvwxyz"),
      minLength: 31,
      maxLength: 31,
    });
    fc.assert(
      fc.property(digits, (text) => {
        const where = decodeEventId(`evt_${text}`);
        if (where === null) expect(text.charAt(20)).toMatch(/[89a-z]/);
        else expect(encodeEventId(where)).toBe(`evt_${text}`);
      }),
    );
  });

  it.each([
    { time: -1, tag: 0, partition: 0, offset: 1 },
    { time: 2 ** 50, tag: 0, partition: 0, offset: 1 },
    { time: 0, tag: 2 ** 40, partition: 0, offset: 1 },
    { time: 0, tag: 0, partition: 1024, offset: 1 },
    { time: 0, tag: 0, partition: 0, offset: 2 ** 53 },
    { time: 0.5, tag: 0, partition: 0, offset: 1 },
    { time: Number.NaN, tag: 0, partition: 0, offset: 1 },
  ])("are not made of %j", (where) => {
    expect(() => encodeEventId(where)).toThrow(RangeError);
  });
});

describe("other ids", () => {
  const randomness = fc.uint8Array({ minLength: 10, maxLength: 10 });

  it("are a prefix, ten digits of time and sixteen of randomness", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 50 - 2 }), randomness, randomness, (time, a, b) => {
        const id = newId("sub", time, a);
        expect(id).toMatch(/^sub_[0-9a-hjkmnp-tv-z]{26}$/);
        expect(newId("sub", time, b) === id).toBe(Buffer.from(a).equals(Buffer.from(b)));
        expect(newId("sub", time + 1, b) > id).toBe(true);
      }),
    );
  });

  it("need all of their randomness", () => {
    expect(() => newId("att", 0, new Uint8Array(9))).toThrow(RangeError);
  });
});

describe("trace ids", () => {
  it("are 32 hexadecimal digits, the same every time, never all zero", () => {
    fc.assert(
      fc.property(fc.oneof(position.map(encodeEventId), fc.string()), (id) => {
        expect(traceId(id)).toMatch(/^[89a-f][0-9a-f]{31}$/);
        expect(traceId(id)).toBe(traceId(id));
        expect(spanId(id)).toBe(traceId(id).slice(0, 16));
      }),
    );
  });

  it("differ for events that differ by one offset or one millisecond, in both halves", () => {
    const traces = new Set<string>();
    const halves = new Set<string>();
    for (let i = 0; i < 20_000; i++) {
      for (const id of [
        encodeEventId({ time: 1_795_423_425_678, tag: 7, partition: 0, offset: i + 1 }),
        encodeEventId({ time: 1_795_423_425_679 + i, tag: 7, partition: 0, offset: 1 }),
      ]) {
        traces.add(traceId(id));
        halves.add(traceId(id).slice(0, 16)).add(traceId(id).slice(16));
      }
    }
    expect(traces.size).toBe(40_000);
    expect(halves.size).toBe(80_000);
  });
});
