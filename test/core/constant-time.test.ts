import fc from "fast-check";
import { expect, it } from "vitest";
import { constantTimeEqual } from "../../src/core/constant-time.ts";

it("says whether two texts or byte strings are equal", async () => {
  const value = fc.string({ unit: "grapheme", maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(value, value, async (a, b) => {
      const bytes = new TextEncoder().encode(b);
      expect(await constantTimeEqual(a, b)).toBe(a === b);
      expect(await constantTimeEqual(a, a)).toBe(true);
      expect(await constantTimeEqual(b, bytes)).toBe(true);
      expect(await constantTimeEqual(a, bytes)).toBe(a === b);
    }),
  );
});

it("tells a prefix, a suffix and the empty text apart", async () => {
  for (const [a, b] of [
    ["", "a"],
    ["key", "keys"],
    ["key", "Key"],
    ["key", "key\0"],
  ] as const) {
    expect(await constantTimeEqual(a, b)).toBe(false);
  }
});
