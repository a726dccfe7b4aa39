import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseHttpDate } from "../../src/core/http-date.ts";
import { RETRY_DEFAULT_SCHEDULE_SECONDS, RETRY_MAX_SECONDS } from "../../src/core/limits.ts";
import { parseRetryAfter, retryDelayMs } from "../../src/core/retry-schedule.ts";

const DAY_MS = 86_400_000;

describe("retryDelayMs", () => {
  it("follows the schedule and ends with it", () => {
    const delays = [1, 2, 3, 4].map((failures) =>
      retryDelayMs({ failures, scheduleSeconds: [1, 0.25, 0], jitter: 0, chance: 0.7 }),
    );
    expect(delays).toEqual([1000, 250, 0, null]);
  });

  it("an empty schedule is exhausted by the first failure", () => {
    expect(retryDelayMs({ failures: 1, scheduleSeconds: [], jitter: 0.2, chance: 0 })).toBeNull();
  });

  it.each([
    [0, 4000],
    [0.5, 5000],
    [1, 6000],
  ])("chance %d spreads 5 s by a fifth to %d ms", (chance, expected) => {
    expect(retryDelayMs({ failures: 1, scheduleSeconds: [5], jitter: 0.2, chance })).toBe(expected);
  });

  it("never spreads beyond a day, nor into the past", () => {
    expect(retryDelayMs({ failures: 1, scheduleSeconds: [86_400], jitter: 0.2, chance: 1 })).toBe(DAY_MS);
    expect(retryDelayMs({ failures: 1, scheduleSeconds: [5], jitter: 1, chance: 0 })).toBe(0);
  });

  it("is a whole number of milliseconds within the jitter, never beyond a day, for any schedule", () => {
    const input = fc.record({
      scheduleSeconds: fc.array(fc.double({ min: 0, max: RETRY_MAX_SECONDS, noNaN: true }), {
        minLength: 1,
        maxLength: 30,
      }),
      jitter: fc.double({ min: 0, max: 1, noNaN: true }),
      chance: fc.double({ min: 0, max: 1, noNaN: true }),
      failures: fc.integer({ min: 1, max: 40 }),
    });
    fc.assert(
      fc.property(input, (given) => {
        const delay = retryDelayMs(given);
        const seconds = given.scheduleSeconds[given.failures - 1];
        if (seconds === undefined) {
          expect(delay).toBeNull();
          return;
        }
        expect(delay).toSatisfy(Number.isInteger);
        expect(delay).toBeGreaterThanOrEqual(Math.floor(seconds * (1 - given.jitter) * 1000));
        expect(delay).toBeLessThanOrEqual(Math.min(Math.ceil(seconds * (1 + given.jitter) * 1000), DAY_MS));
      }),
    );
  });

  it("the default schedule takes about three days", () => {
    const total = RETRY_DEFAULT_SCHEDULE_SECONDS.reduce((sum, _, index) => {
      const delay = retryDelayMs({
        failures: index + 1,
        scheduleSeconds: RETRY_DEFAULT_SCHEDULE_SECONDS,
        jitter: 0,
        chance: 0,
      });
      return sum + (delay ?? 0);
    }, 0);
    expect(total / DAY_MS).toBeCloseTo(3.1, 1);
  });
});

describe("parseRetryAfter", () => {
  const now = Date.parse("2026-11-23T10:00:00.250Z");

  it.each([
    ["0", 0],
    ["120", 120_000],
    [" 120 ", 120_000],
    ["86400", DAY_MS],
    ["86401", DAY_MS],
    ["99999999999999999999999999", DAY_MS],
    ["Mon, 23 Nov 2026 10:01:00 GMT", 59_750],
    ["Monday, 23-Nov-26 10:01:00 GMT", 59_750],
    ["Mon Nov 23 10:01:00 2026", 59_750],
    ["Sun, 06 Nov 1994 08:49:37 GMT", 0],
    ["Mon, 23 Nov 2036 10:00:00 GMT", DAY_MS],
  ])("%s is %d ms from now", (value, expected) => {
    expect(parseRetryAfter(value, now)).toBe(expected);
  });

  it.each([
    null,
    "",
    "120.6",
    "-1",
    "+1",
    "abc",
    "1e9",
    "120, 60",
    "120 60",
    "0x10",
    "Infinity",
    "NaN",
    "tomorrow",
    "١٢٠",
    "Mon, 23 Nov 2026 10:01:00 CET",
    "Mon, 31 Nov 2026 10:01:00 GMT",
    "Mon, 23 Nov 2026 25:01:00 GMT",
    "Mon, 23 Xxx 2026 10:01:00 GMT",
    "2026-11-23T10:01:00Z",
    "Mon, 23 Nov 2026 10:01:00 GMT, Mon, 23 Nov 2026 10:02:00 GMT",
  ])("%j is ignored", (value) => {
    expect(parseRetryAfter(value, now)).toBeNull();
  });

  it("is null or 0..24 h for any header at any time", () => {
    const value = fc.oneof(
      fc.string(),
      fc.double().map(String),
      fc.bigInt().map(String),
      fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
    );
    fc.assert(
      fc.property(value, fc.integer({ min: 0, max: 4_102_444_800_000 }), (header, at) => {
        const delay = parseRetryAfter(header, at);
        if (delay === null) return;
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(DAY_MS);
      }),
    );
  });
});

describe("parseHttpDate", () => {
  it("reads every date that toUTCString writes", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 253_402_300_799 }), (seconds) => {
        expect(parseHttpDate(new Date(seconds * 1000).toUTCString(), 0)).toBe(seconds * 1000);
      }),
    );
  });

  it("a two-digit year lies at most 50 years ahead", () => {
    const now = Date.parse("2026-11-23T00:00:00Z");
    const yearOf = (text: string): number => new Date(parseHttpDate(text, now) ?? Number.NaN).getUTCFullYear();
    expect(yearOf("Monday, 23-Nov-76 10:01:00 GMT")).toBe(2076);
    expect(yearOf("Monday, 23-Nov-77 10:01:00 GMT")).toBe(1977);
  });

  it("a day of one digit is padded with a space in the oldest form", () => {
    expect(parseHttpDate("Sun Nov  6 08:49:37 1994", 0)).toBe(Date.parse("1994-11-06T08:49:37Z"));
  });
});
