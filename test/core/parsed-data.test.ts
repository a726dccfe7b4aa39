import { expect, it } from "vitest";
import { PARSED_CACHE_MAX_BYTES, PARSED_EVENT_BYTES } from "../../src/core/limits.ts";
import { parsedData, parsesSoFar } from "../../src/topic-log/parsed-data.ts";

const event = () => ({ contentType: "application/json", data: new TextEncoder().encode("1") });

it("parsed values are kept by what they take of memory, which for small data is far more than its text", () => {
  const first = event();
  const before = parsesSoFar();
  expect([parsedData(first), parsedData(first)]).toEqual([1, 1]);
  expect(parsesSoFar() - before).toBe(1);
  const fits = Math.floor(PARSED_CACHE_MAX_BYTES / (first.data.byteLength + PARSED_EVENT_BYTES));
  const others = Array.from({ length: fits }, event);
  for (const other of others) parsedData(other);
  const after = parsesSoFar();
  parsedData(others.at(-1) ?? first);
  expect(parsesSoFar() - after).toBe(0);
  parsedData(first);
  expect(parsesSoFar() - after).toBe(1);
});
