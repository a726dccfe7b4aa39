import { expect, it } from "vitest";
import { jsonPointer } from "../../src/core/json-pointer.ts";

it.each([
  [[], "#"],
  [["data"], "#/data"],
  [[3, "data"], "#/3/data"],
  [["a/b", "m~n", ""], "#/a~1b/m~0n/"],
  [["c%d", "e^f", 'k"l', " ", "ü"], "#/c%25d/e%5Ef/k%22l/%20/%C3%BC"],
  [["match", "$gte"], "#/match/$gte"],
  [["\ud800"], "#/%EF%BF%BD"],
])("%j is %s", (path, pointer) => {
  expect(jsonPointer(path)).toBe(pointer);
});

it("goes on from where it is told", () => {
  expect(jsonPointer(["match"], "#/filter")).toBe("#/filter/match");
});

it("cuts off a name that is no name", () => {
  expect(jsonPointer(["x".repeat(1_000_000)]).length).toBeLessThan(100);
  // 63 characters before it put the cut through the middle of a surrogate pair.
  expect(jsonPointer([`${"x".repeat(63)}😀😀`])).toBe(`#/${"x".repeat(63)}%EF%BF%BD%E2%80%A6`);
});
