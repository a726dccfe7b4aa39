import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batchedBytes, batchId } from "../../src/core/batch.ts";
import { encodeEventId } from "../../src/core/ids.ts";
import { BATCH_SEND_MAX_EVENTS } from "../../src/core/limits.ts";

const TIME = 1_795_423_425_678;
const eventAt = (offset: number, time = TIME): string => encodeEventId({ time, tag: 7, partition: 0, offset });
const offsets = fc.uniqueArray(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), { minLength: 1, maxLength: 50 });

describe("batch ids (API clause 6.2)", () => {
  it("look like this for ever: they are in logs, receivers and idempotency tables", () => {
    expect(batchId([eventAt(1)])).toBe("bat_01m83s6n4edwsgxzxfe87gttww");
    expect(batchId([eventAt(1), eventAt(2), eventAt(3)])).toBe("bat_01m83s6n4eqetykezacsxgpp7q");
  });

  it("are those of other ids in form, begin with the first event's time, and hold no dot, which signing needs", () => {
    fc.assert(
      fc.property(offsets, fc.integer({ min: 0, max: 2 ** 50 - 2 }), (members, time) => {
        const ids = members.map((offset) => eventAt(offset, time));
        expect(batchId(ids)).toMatch(/^bat_[0-9a-hjkmnp-tv-z]{26}$/);
        expect(batchId(ids).slice(4, 14)).toBe(ids[0]?.slice(4, 14));
        expect(batchId([eventAt(1, time + 1)]) > batchId(ids)).toBe(true);
      }),
    );
  });

  it("are the same for the same members in the same order, and for no others", () => {
    fc.assert(
      fc.property(offsets, offsets, (a, b) => {
        const id = (members: readonly number[]) => batchId(members.map((offset) => eventAt(offset)));
        expect(id([...a])).toBe(id(a));
        expect(id(a) === id(b)).toBe(a.join() === b.join());
        expect(id([...a].reverse()) === id(a)).toBe(a.length === 1);
        expect(id(a.slice(0, -1).concat(0))).not.toBe(id(a));
      }),
    );
  });

  it("differ between all runs of events that begin in one millisecond, in either half of the digest", () => {
    const ids = Array.from({ length: 200 }, (_, index) => eventAt(index + 1));
    const seen = { whole: new Set<string>(), first: new Set<string>(), second: new Set<string>() };
    for (let from = 0; from < ids.length; from++) {
      for (let to = from + 1; to <= ids.length; to++) {
        const digest = batchId(ids.slice(from, to)).slice(14);
        seen.whole.add(digest);
        seen.first.add(digest.slice(0, 8));
        seen.second.add(digest.slice(8));
      }
    }
    expect(seen.whole.size).toBe(20_100);
    expect(seen.first.size).toBe(20_100);
    expect(seen.second.size).toBe(20_100);
  });

  it("tell a large batch's first members apart as well as its last", () => {
    const ids = Array.from({ length: BATCH_SEND_MAX_EVENTS }, (_, index) => eventAt(index + 1));
    const digests = new Set(ids.map((_, index) => batchId(ids.with(index, eventAt(5000)))));
    expect(digests.size).toBe(BATCH_SEND_MAX_EVENTS);
  });

  it("are not made of nothing, nor of what is no event", () => {
    expect(() => batchId([])).toThrow(RangeError);
    expect(() => batchId(["att_01hzy7k8m90000000000000000"])).toThrow(RangeError);
  });
});

describe("the bytes of a batch", () => {
  it("are those of data, and of what a CloudEvent brings along", () => {
    const data = new Uint8Array(10);
    expect(batchedBytes({ cloudEvent: null, data })).toBe(10);
    const extensions = { team: "abc", n: -12, flag: true };
    const cloudEvent = { id: "id", dataSchema: null, time: null, extensions };
    expect(batchedBytes({ cloudEvent, data })).toBe(
      10 + "id".length + "teamabc".length + "n-12".length + "flagtrue".length,
    );
  });
});
