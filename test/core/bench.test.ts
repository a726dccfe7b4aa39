import { describe, expect, it } from "vitest";
import { dollarsPerMillionEvents, perEvent } from "../../bench/cost/bill.ts";
import { difference, NOTHING } from "../../bench/cost/counts.ts";
import { parseArguments } from "../../bench/lib/arguments.ts";
import { rowOf, type Sample, skipped } from "../../bench/lib/result.ts";
import { paired, rounds } from "../../bench/lib/rounds.ts";
import { median, percentile, rounded, spread } from "../../bench/lib/statistics.ts";
import { printed } from "../../bench/lib/table.ts";

/* The arithmetic of the bench. What it measures is not tested: times are not the same twice. */

describe("statistics", () => {
  it("median, percentile and spread", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
    expect(percentile([5, 1, 4, 2, 3], 0.5)).toBe(3);
    expect(percentile([1, 2, 3, 4], 0.99)).toBe(4);
    expect(percentile([7], 0)).toBe(7);
    expect(spread([2])).toBe(0);
    expect(spread([8, 10, 12])).toBe(0.4);
  });

  it("three digits of a measurement, all of a count", () => {
    expect([rounded(1234.56), rounded(12.3456), rounded(0.012345), rounded(65_536)]).toEqual([
      1235, 12.3, 0.0123, 65_536,
    ]);
  });
});

describe("arguments", () => {
  const groups = ["ingest", "drain"];

  it("are off unless given", () => {
    expect(parseArguments([], groups)).toEqual({ quick: false, json: false, cost: false, only: null });
    const all = parseArguments(["--json", "--quick", "--cost", "--only", "drain,ingest"], groups);
    expect(all).toEqual({ quick: true, json: true, cost: true, only: ["drain", "ingest"] });
  });

  it("that are not known are refused, and the known ones told", () => {
    expect(parseArguments(["--fast"], groups)).toEqual({ refused: expect.stringContaining("--quick") });
    expect(parseArguments(["--only", "drains"], groups)).toEqual({ refused: expect.stringContaining("ingest, drain") });
    expect(parseArguments(["--only"], groups)).toHaveProperty("refused");
  });
});

const sample = (value: number, cpuMicroseconds: number | null = null): Sample => ({ value, cpuMicroseconds });
const OF = {
  name: "appends",
  unit: "events/s",
  goal: { direction: "at-least", target: 3, stretch: 4 },
} as const;

describe("a row", () => {
  const all = [
    { value: sample(300, 10), floor: sample(100, 40) },
    { value: sample(600, 20), floor: sample(150, 60) },
    { value: sample(500, 30), floor: sample(100, 50) },
  ];

  it("is the medians, and the median of the rounds' own ratios", () => {
    const row = rowOf({ ...OF, note: "so" }, all);
    expect(row).toMatchObject({ name: "appends", unit: "events/s", value: 500, floor: 100, ratio: 4, spread: 0.5 });
    expect(row).toMatchObject({ target: 3, stretch: 4, met: true, stretchMet: true, rounds: 3, note: "so" });
    expect(row.cpuMicroseconds).toEqual({ value: 20, floor: 50 });
  });

  it("is met at the target, in its direction", () => {
    const ratioOf = (value: number, goal: Parameters<typeof rowOf>[0]["goal"]) =>
      rowOf({ ...OF, goal }, [{ value: sample(value), floor: sample(1) }]);
    expect(ratioOf(3, OF.goal)).toMatchObject({ met: true, stretchMet: false });
    // Rounded it would be 3.
    expect(ratioOf(2.999, OF.goal)).toMatchObject({ ratio: 3, met: false });
    const atMost = { direction: "at-most", target: 5, stretch: 3 } as const;
    expect(ratioOf(5, atMost)).toMatchObject({ met: true, stretchMet: false });
    expect(ratioOf(5.1, atMost)).toMatchObject({ met: false });
    expect(ratioOf(2, atMost)).toMatchObject({ met: true, stretchMet: true });
  });

  it("knows no CPU where none was measured, and says why nothing was", () => {
    expect(rowOf(OF, [{ value: sample(1), floor: sample(1) }]).cpuMicroseconds).toBeNull();
    const row = skipped(OF, "no redis-server is installed here");
    expect(row).toMatchObject({
      value: null,
      ratio: null,
      met: null,
      target: 3,
      note: expect.stringContaining("redis"),
    });
  });

  it("has the members that readers of --json count on", () => {
    const names = ["name", "value", "unit", "floor", "ratio", "spread", "target", "stretch", "met"];
    for (const row of [rowOf(OF, all), skipped(OF, "why")])
      expect(Object.keys(row)).toEqual(expect.arrayContaining(names));
  });

  it("is a line of the table, its note below", () => {
    const text = printed([rowOf({ ...OF, note: "a note" }, all), skipped(OF, "why")]);
    expect(text).toContain("| appends [1] | 500 events/s | 100 | 4 × | 50 % | ≥ 3 × | 4 × | stretch | 20, 50 |");
    expect(text).toContain("| appends [2] | – events/s | – |");
    expect(text).toContain("[2] skipped: why");
  });
});

describe("rounds", () => {
  const told: string[] = [];
  const variant = (name: string) => ({
    name,
    measure: async () => {
      told.push(name);
      return sample(told.length);
    },
  });

  it("let the variants take turns, each first in its turn", async () => {
    told.length = 0;
    const all = await rounds([variant("a"), variant("b")], { rounds: 3, milliseconds: 60_000 });
    expect(told).toEqual(["a", "b", "b", "a", "a", "b"]);
    expect(paired(all, "a", "b").map(({ value, floor }) => [value.value, floor.value])).toEqual([
      [1, 2],
      [4, 3],
      [5, 6],
    ]);
  });

  it("are at least one, however little time there is", async () => {
    expect(await rounds([variant("a")], { rounds: 3, milliseconds: -1 })).toHaveLength(1);
  });
});

describe("the bill", () => {
  const counts = { ...NOTHING, workerRequests: 1000, objectCalls: 1200, rowsWritten: 100, rowsRead: 500 };

  it("is each meter's count times its price", () => {
    const each = perEvent({ ...counts, queueOperations: 30, objectSeconds: 2 }, 1000);
    expect(each).toMatchObject({ workerRequests: 1, objectCalls: 1.2, rowsWritten: 0.1, queueOperations: 0.03 });
    // 0.30 + 1.2 x 0.15 + 0.1 x 1 + 0.5 x 0.001 + 0.03 x 0.40 + 0.002 x 1.60
    expect(dollarsPerMillionEvents(each)).toBeCloseTo(0.5957, 10);
  });

  it("is of what was counted between two looks", () => {
    const before = { ...NOTHING, rowsWritten: 3, rowsWrittenBy: { TopicLog: 3 } };
    const after = { ...counts, rowsWrittenBy: { TopicLog: 40, Subscription: 60 } };
    expect(difference(after, before)).toMatchObject({
      rowsWritten: 97,
      workerRequests: 1000,
      rowsWrittenBy: { TopicLog: 37, Subscription: 60 },
    });
  });
});
