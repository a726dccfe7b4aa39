import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatRfc3339, parseRfc3339 } from "../../src/core/time.ts";

const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");
const FIRST_MS = Date.parse("0000-01-01T00:00:00.000Z");

describe("parseRfc3339", () => {
  it.each([
    ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z"],
    ["2026-01-31t12:00:00z", "2026-01-31T12:00:00.000Z"],
    ["2026-01-31T12:00:00.5Z", "2026-01-31T12:00:00.500Z"],
    ["2026-01-31T12:00:00.123999999Z", "2026-01-31T12:00:00.123Z"],
    ["2026-01-31T23:30:00-01:00", "2026-02-01T00:30:00.000Z"],
    ["2026-01-01T00:30:00+05:45", "2025-12-31T18:45:00.000Z"],
    ["2026-01-31T12:00:00-00:00", "2026-01-31T12:00:00.000Z"],
    ["2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"],
    ["2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000Z"],
    ["0099-06-01T00:00:00Z", "0099-06-01T00:00:00.000Z"],
    ["1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"],
    ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"],
    ["0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"],
  ])("%s is %s", (text, normalised) => {
    const ms = parseRfc3339(text);
    expect(ms === null ? null : formatRfc3339(ms)).toBe(normalised);
  });

  it.each([
    "",
    "now",
    "2026",
    "2026-01-31",
    "2026-01-31T12:00Z",
    "2026-01-31T12:00:00",
    "2026-01-31 12:00:00Z",
    "2026-1-31T12:00:00Z",
    "2026-01-31T12:00:00.Z",
    "2026-01-31T12:00:00,5Z",
    "2026-02-29T00:00:00Z",
    "2100-02-29T00:00:00Z",
    "2026-04-31T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-00T00:00:00Z",
    "2026-01-32T00:00:00Z",
    "2026-01-31T24:00:00Z",
    "2026-01-31T12:60:00Z",
    "2026-06-30T23:59:60Z",
    "2026-01-31T12:00:00+24:00",
    "2026-01-31T12:00:00+01:60",
    "2026-01-31T12:00:00+0100",
    "2026-01-31T12:00:00+01",
    "+002026-01-31T12:00:00Z",
    "-000001-01-01T00:00:00Z",
    "2026-01-31T12:00:00Z\n",
    " 2026-01-31T12:00:00Z",
    "２０２６-01-31T12:00:00Z",
    "9999-12-31T23:59:59-00:01",
    "0000-01-01T00:00:00+00:01",
    "1769860800",
    "2026-W05-6T12:00:00Z",
  ])("%j is no time", (text) => {
    expect(parseRfc3339(text)).toBeNull();
  });

  it("reads back every time that formatRfc3339 writes, in any offset", () => {
    const offset = fc.integer({ min: -(23 * 60 + 59), max: 23 * 60 + 59 });
    fc.assert(
      fc.property(fc.integer({ min: FIRST_MS, max: LAST_MS }), offset, (ms, minutes) => {
        expect(formatRfc3339(ms)).toMatch(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/);
        expect(parseRfc3339(formatRfc3339(ms))).toBe(ms);
        const local = ms + minutes * 60_000;
        fc.pre(local >= FIRST_MS && local <= LAST_MS);
        const two = (n: number): string => String(n).padStart(2, "0");
        const size = Math.abs(minutes);
        const zone = `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
        expect(parseRfc3339(formatRfc3339(local).replace("Z", zone))).toBe(ms);
      }),
    );
  });
});
