import { describe, expect, it } from "vitest";
import { compileEventTypes, parseEventTypes } from "../../src/core/event-types.ts";
import { SCHEMA_PATTERNS_MAX, SCHEMAS_MAX_BYTES, SCHEMAS_PER_TOPIC_MAX } from "../../src/core/limits.ts";

const one = (more: object = {}) => ({ schema: { type: "object" }, mode: "enforce", ...more });
const many = (count: number, schema: unknown = true) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`t${index}`, { schema, mode: "warn" }]));

describe("types of a topic", () => {
  it.each<[value: unknown]>([[undefined], [null], [{}]])("may be none: %j", (value) => {
    expect(parseEventTypes(value, "#/types")).toEqual({ ok: true, value: {} });
  });

  it("are kept as they were given", () => {
    const types = {
      "order.paid": one({ schema: { title: "Paid", $comment: "kept", "x-y": 1.5 } }),
      a: one({ mode: "warn" }),
    };
    expect(parseEventTypes(types, "#/types")).toEqual({ ok: true, value: types });
    expect(parseEventTypes(many(SCHEMAS_PER_TOPIC_MAX), "#/types").ok).toBe(true);
  });

  it.each<[value: unknown, pointer: string]>([
    [[], "#/types"],
    ["x", "#/types"],
    [{ "bad type": one() }, "#/types/bad%20type"],
    [{ "order.*": one() }, "#/types/order.*"],
    [{ "": one() }, "#/types/"],
    [JSON.parse('{"__proto__":{"schema":true,"mode":"warn"}}'), "#/types/__proto__"],
    [{ a: true }, "#/types/a"],
    [{ a: { schema: true } }, "#/types/a/mode"],
    [{ a: one({ mode: "off" }) }, "#/types/a/mode"],
    [{ a: { mode: "warn" } }, "#/types/a/schema"],
    [{ a: one({ strict: true }) }, "#/types/a/strict"],
    [{ a: one({ schema: { type: "x" } }) }, "#/types/a/schema/type"],
    [{ a: one(), b: one({ schema: 5 }) }, "#/types/b/schema"],
    [many(SCHEMAS_PER_TOPIC_MAX + 1), "#/types"],
    [many(9, { title: "x".repeat(SCHEMAS_MAX_BYTES / 9) }), "#/types"],
    [many(100, { pattern: "a", not: { pattern: "b" } }), "#/types"],
  ])("are refused: %#", (value, pointer) => {
    const parsed = parseEventTypes(value, "#/types");
    expect(parsed.ok ? [] : parsed.error.map((fault) => fault.pointer)).toEqual([pointer]);
  });

  it("count their regular expressions together", () => {
    expect(parseEventTypes(many(SCHEMA_PATTERNS_MAX, { pattern: "a" }), "#/types").ok).toBe(true);
  });
});

it("what cannot be a stored schema is not passed over", async () => {
  await expect(compileEventTypes({ a: { schema: { type: "x" }, mode: "warn" } })).rejects.toThrow();
});
