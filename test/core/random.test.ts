import { expect, it } from "vitest";
import { randomBytes } from "../../src/random.ts";

it("random bytes are as many as were asked for, and never given twice", () => {
  const given = Array.from({ length: 1000 }, () => randomBytes(10));
  expect(new Set(given.map((bytes) => bytes.length))).toEqual(new Set([10]));
  expect(new Set(given.map(String)).size).toBe(1000);
  expect(randomBytes(5000)).toHaveLength(5000);
});
