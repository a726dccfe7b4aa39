import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileTypePatterns, isTypePattern } from "../../src/core/type-pattern.ts";

describe("isTypePattern", () => {
  it.each(["*", "order.paid", "order.*", "a.b.*", "com.example/things:v1", "a", "..*", `${"a".repeat(254)}.*`])(
    "%s is a pattern",
    (pattern) => {
      expect(isTypePattern(pattern)).toBe(true);
    },
  );
  it.each(["", "**", "*.*", "order*", "*.paid", "or*er", ".*", "a\nb", "a\u0000", "\ud800", "a".repeat(257)])(
    "%j is none",
    (pattern) => {
      expect(isTypePattern(pattern)).toBe(false);
    },
  );
});

describe("compileTypePatterns", () => {
  it.each([
    ["orders.*", "orders", false],
    ["orders.*", "orders.", true],
    ["orders.*", "orders.a", true],
    ["orders.*", "orders.a.b", true],
    ["orders.*", "ordersx", false],
    ["orders.*", "ordersx.a", false],
    ["orders.*", "Orders.a", false],
    ["orders.a", "orders.a", true],
    ["orders.a", "orders.a.b", false],
    ["orders.a", "orders_a", false],
    ["*", "anything", true],
  ])("%s on %s: %s", (pattern, type, expected) => {
    expect(compileTypePatterns([pattern])(type)).toBe(expected);
  });

  it("no pattern matches every type, several match what any of them does", () => {
    const type = fc
      .array(fc.constantFrom("a", "b", "ab"), { minLength: 1, maxLength: 3 })
      .map((parts) => parts.join("."));
    const pattern = fc.oneof(
      type,
      type.map((beginning) => `${beginning}.*`),
    );
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 4 }), type, (patterns, text) => {
        const expected =
          patterns.length === 0 ||
          patterns.some((p) => (p.endsWith(".*") ? text.indexOf(p.slice(0, -1)) === 0 : p === text));
        expect(compileTypePatterns(patterns)(text)).toBe(expected);
        expect(compileTypePatterns([...patterns, "*"])(text)).toBe(true);
      }),
    );
  });
});
