import { describe, expect, it } from "vitest";
import { compileFilter, type FilterInput, parseFilter } from "../../src/core/filter.ts";
import { FILTER_MAX_BYTES, FILTER_MAX_DEPTH, FILTER_PATTERNS_MAX, FILTER_TYPES_MAX } from "../../src/core/limits.ts";

const event = (data: unknown, more: Partial<FilterInput> = {}): FilterInput => ({
  type: "order.paid",
  key: "customer-1",
  source: null,
  subject: null,
  data: () => data,
  ...more,
});

/** Whether a filter that must be accepted matches. */
function matches(filter: unknown, input: FilterInput): boolean {
  const parsed = parseFilter(filter);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return compileFilter(parsed.value)(input);
}

function errorsOf(filter: unknown): string[] {
  const parsed = parseFilter(filter);
  return parsed.ok ? [] : parsed.error.map(({ pointer }) => pointer);
}

describe("an event", () => {
  it.each<[filter: unknown, expected: boolean]>([
    [undefined, true],
    [null, true],
    [{}, true],
    [{ types: [], match: {} }, true],
    [{ types: ["order.*"] }, true],
    [{ types: ["order.paid"] }, true],
    [{ types: ["*"] }, true],
    [{ types: ["order", "invoice.*"] }, false],
    [{ types: ["order.*"], match: { key: "customer-1" } }, true],
    [{ types: ["order.*"], match: { key: "customer-2" } }, false],
    [{ types: ["invoice.*"], match: { key: "customer-1" } }, false],
    [{ match: { type: { $endsWith: ".paid" } } }, true],
    [{ match: { source: null } }, false],
    [{ match: { source: { $exist: false }, subject: { $exist: false } } }, true],
    [{ match: { key: { $exist: true }, data: { amount: { $gte: 100 } } } }, true],
    [{ match: { data: { amount: { $gte: 101 } } } }, false],
    [{ match: { $or: [{ key: "x" }, { data: { amount: 100 } }] } }, true],
    [{ match: { $not: { type: "order.paid" } } }, false],
    [{ match: { $and: [{ type: "order.paid" }, { $not: { key: "x" } }] } }, true],
  ])("is looked at whole: %j: %j", (filter, expected) => {
    expect(matches(filter, event({ amount: 100 }))).toBe(expected);
  });

  it.each(["key", "source", "subject"])("without a %s has no such member", (member) => {
    const without = event(1, { key: null });
    expect(matches({ match: { [member]: { $exist: false } } }, without)).toBe(true);
    expect(matches({ match: { [member]: null } }, without)).toBe(false);
  });

  it("without JSON has no data", () => {
    expect(matches({ match: { data: { $exist: false } } }, event(undefined))).toBe(true);
    expect(matches({ match: { data: { $exist: true } } }, event(null))).toBe(true);
    expect(matches({ match: { data: null } }, event(undefined))).toBe(false);
  });

  it("has its data parsed once at most, and not for a type nobody wants", () => {
    let parses = 0;
    const counted = (): FilterInput => event(undefined, { data: () => parses++ });
    const filter = { types: ["order.*"], match: { $or: [{ data: -1 }, { data: -2 }], data: { $exist: true } } };
    matches(filter, counted());
    expect(parses).toBe(1);
    matches(filter, { ...counted(), type: "invoice" });
    matches({ match: { key: "k" } }, counted());
    expect(parses).toBe(1);
  });
});

describe("a filter is refused", () => {
  const nested = (depth: number): unknown => {
    let pattern: unknown = 1;
    for (let i = 0; i < depth - 1; i++) pattern = { a: pattern };
    return { data: pattern };
  };

  it.each<[why: string, filter: unknown, pointers: string[]]>([
    ["a string", "order.*", ["#"]],
    ["an array", [], ["#"]],
    ["unknown members", { type: [], "a/b": 1 }, ["#/type", "#/a~1b"]],
    ["types that are no array", { types: "order.*" }, ["#/types"]],
    ["a pattern that is none", { types: ["a", "b*", 1, ""] }, ["#/types/1", "#/types/2", "#/types/3"]],
    ["too many types", { types: Array(FILTER_TYPES_MAX + 1).fill("a") }, ["#/types"]],
    ["match that is a scalar", { match: 1 }, ["#/match"]],
    ["match that is an array", { match: [] }, ["#/match"]],
    ["a member no event has", { match: { amount: 1, $or: [{ id: 1 }] } }, ["#/match/amount", "#/match/$or/0/id"]],
    ["a scalar for an event", { match: { $not: 1, $or: [1, []] } }, ["#/match/$not", "#/match/$or/0", "#/match/$or/1"]],
    ["an unknown operator", { match: { data: { a: { $regex: "x" } } } }, ["#/match/data/a/$regex"]],
    ["an operator in other case", { match: { data: { $GT: 1 } } }, ["#/match/data/$GT"]],
    ["an unknown operator at the top", { match: { $where: "1" } }, ["#/match/$where"]],
    ["an unknown operator deep in", { match: { $or: [{ data: [{ $x: 1 }] }] } }, ["#/match/$or/0/data/0/$x"]],
    ["an operator that objects inherit", { match: { data: { $constructor: 1 } } }, ["#/match/data/$constructor"]],
    ["$gt of an array", { match: { data: { $gt: [1] } } }, ["#/match/data/$gt"]],
    ["$lte of null", { match: { data: { $lte: null } } }, ["#/match/data/$lte"]],
    ["$in of an object", { match: { data: { $in: {} } } }, ["#/match/data/$in"]],
    ["$nin of a list with objects", { match: { data: { $nin: [1, {}] } } }, ["#/match/data/$nin"]],
    ["$exist of a string", { match: { data: { $exist: "true" } } }, ["#/match/data/$exist"]],
    ["$startsWith of a number", { match: { data: { $startsWith: 1 } } }, ["#/match/data/$startsWith"]],
    ["$endsWith of a mixed list", { match: { data: { $endsWith: ["a", 1] } } }, ["#/match/data/$endsWith"]],
    ["$or of an object", { match: { data: { $or: {} } } }, ["#/match/data/$or"]],
    ["$and of nothing", { match: { data: { $and: [] } } }, ["#/match/data/$and"]],
    ["too many patterns", { match: { $or: Array(FILTER_PATTERNS_MAX / 2).fill({ key: "a" }) } }, ["#/match"]],
    ["too many beginnings", { match: { key: { $startsWith: Array(FILTER_PATTERNS_MAX).fill("a") } } }, ["#/match"]],
    ["too deep a match", { match: nested(FILTER_MAX_DEPTH + 1) }, ["#/match"]],
    ["too large a match", { match: { data: "x".repeat(FILTER_MAX_BYTES) } }, ["#"]],
  ])("for %s", (_, filter, pointers) => {
    expect(errorsOf(filter)).toEqual(pointers);
  });

  it("with pointers that begin where the filter stands", () => {
    expect(parseFilter({ match: { $x: 1 } }, "#/filter")).toMatchObject({
      error: [{ pointer: "#/filter/match/$x", detail: expect.stringContaining("$startsWith") }],
    });
  });

  it("but not at its limits", () => {
    expect(errorsOf({ match: nested(FILTER_MAX_DEPTH) })).toEqual([]);
    expect(errorsOf({ types: Array(FILTER_TYPES_MAX).fill("a") })).toEqual([]);
    // An object, a list, and two for each of its entries.
    expect(errorsOf({ match: { $or: Array((FILTER_PATTERNS_MAX - 2) / 2).fill({ key: "a" }) } })).toEqual([]);
    // Values that are looked up at once count as one.
    expect(errorsOf({ match: { key: { $in: Array(1000).fill("a") }, data: Array(1000).fill(1) } })).toEqual([]);
    const around = JSON.stringify({ match: { data: "" } }).length;
    expect(errorsOf({ match: { data: "x".repeat(FILTER_MAX_BYTES - around) } })).toEqual([]);
    expect(errorsOf({ match: { data: "x".repeat(FILTER_MAX_BYTES - around + 1) } })).toEqual(["#"]);
  });
});
