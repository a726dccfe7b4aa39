import fc from "fast-check";
import { expect, it } from "vitest";
import { constantTimeEqual } from "../../src/core/constant-time.ts";

it("says whether two texts or byte strings are equal", () => {
  const value = fc.string({ unit: "grapheme", maxLength: 40 });
  fc.assert(
    fc.property(value, value, (a, b) => {
      const bytes = new TextEncoder().encode(b);
      expect(constantTimeEqual(a, b)).toBe(a === b);
      expect(constantTimeEqual(a, a)).toBe(true);
      expect(constantTimeEqual(b, bytes)).toBe(true);
      expect(constantTimeEqual(a, bytes)).toBe(a === b);
    }),
  );
});

it("tells a prefix, a suffix and the empty text apart", () => {
  for (const [a, b] of [
    ["", "a"],
    ["key", "keys"],
    ["key", "Key"],
    ["key", "key\0"],
  ] as const) {
    expect(constantTimeEqual(a, b)).toBe(false);
  }
});
