import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileFilter, parseFilter } from "../../src/core/filter.ts";

/** Whether `pattern` as a pattern of data matches data; undefined is the data of an event without JSON. */
function matchesData(pattern: unknown, data: unknown): boolean {
  const parsed = parseFilter({ match: { data: pattern } });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return compileFilter(parsed.value)({ type: "a", key: null, source: null, subject: null, data: () => data });
}

describe("patterns", () => {
  it.each<[pattern: unknown, data: unknown, expected: boolean]>([
    // scalars are equal by type and value
    ["a", "a", true],
    ["a", "A", false],
    [1, 1, true],
    [1, "1", false],
    ["1", 1, false],
    [0, false, false],
    [0, null, false],
    ["", null, false],
    [null, null, true],
    [null, undefined, false],
    [true, true, true],
    ["a", { a: 1 }, false],
    // or an element of an array
    ["a", ["b", "a"], true],
    ["a", ["b"], false],
    [null, [null], true],
    [null, [], false],
    ["a", [["a"]], false],
    // an array: each entry is found
    [["a", "b"], ["c", "b", "a"], true],
    [["a", "b"], ["a"], false],
    [["a"], "a", false],
    [[], ["a"], true],
    [[], "a", false],
    [[{ id: 1 }, { id: 2 }], [{ id: 2, x: 1 }, { id: 1 }], true],
    [[{ id: 1 }, { id: 2 }], [{ id: 1 }], false],
    [[{ $startsWith: "a" }, { $startsWith: "b" }], ["b1", "a1"], true],
    [[["a"]], [["b", "a"]], true],
    // an object: each member holds, others may be there
    [{ a: 1 }, { a: 1, b: 2 }, true],
    [{ a: 1, b: 2 }, { a: 1 }, false],
    [{ a: { b: 1 } }, { a: { b: 1 } }, true],
    [{ a: { b: 1 } }, { a: 1 }, false],
    [{ a: { b: 1 } }, {}, false],
    [{}, {}, true],
    [{}, "a", false],
    [{}, undefined, false],
    // an object on an array of objects: some one element
    [{ items: { id: 456 } }, { items: [{ id: 1 }, { id: 456 }] }, true],
    [
      { items: { id: 1, n: 2 } },
      {
        items: [
          { id: 1, n: 1 },
          { id: 2, n: 2 },
        ],
      },
      false,
    ],
    [{ items: { id: 1 } }, { items: [] }, false],
    [{ length: 1 }, ["a"], false],
    [{ "0": "a" }, ["a"], false],
    [{ length: 1 }, [["a"]], false],
  ])("%j on %j: %j", (pattern, data, expected) => {
    expect(matchesData(pattern, data)).toBe(expected);
  });
});

describe("operators", () => {
  it.each<[pattern: unknown, value: unknown, expected: boolean]>([
    [{ $eq: 1 }, 1, true],
    [{ $eq: 1 }, "1", false],
    [{ $eq: "a" }, ["a"], false],
    [{ $eq: ["a"] }, ["a"], true],
    [{ $eq: ["a", "b"] }, ["b", "a"], false],
    [{ $eq: { a: 1, b: [2] } }, { b: [2], a: 1 }, true],
    [{ $eq: { a: 1 } }, { a: 1, b: 2 }, false],
    [{ $eq: {} }, [], false],
    [{ $eq: null }, null, true],
    [{ $eq: null }, undefined, false],
    [{ $eq: -0 }, 0, true],
    [{ $ne: 1 }, 2, true],
    [{ $ne: 1 }, "1", true],
    [{ $ne: 1 }, 1, false],
    [{ $ne: 1 }, undefined, false],
    [{ $neq: "a" }, ["a"], true],
    [{ $neq: ["a"] }, ["a"], false],
    [{ $neq: null }, undefined, false],
    [{ $gt: 1 }, 2, true],
    [{ $gt: 1 }, 1, false],
    [{ $gt: 1 }, "2", false],
    [{ $gt: 1 }, [2], false],
    [{ $gt: 1 }, null, false],
    [{ $gt: -1 }, null, false],
    [{ $gt: 1 }, undefined, false],
    [{ $gte: 1 }, 1, true],
    [{ $lt: 1 }, 0.5, true],
    [{ $lt: 1 }, undefined, false],
    [{ $lt: 1 }, true, false],
    [{ $lte: "b" }, "a", true],
    [{ $lte: "b" }, 0, false],
    [{ $gt: "2026-01-01T00:00:00.000Z" }, "2026-01-01T00:00:00.001Z", true],
    [{ $gte: 1, $lt: 3 }, 2, true],
    [{ $gte: 1, $lt: 3 }, 3, false],
    [{ $in: [1, "a", null] }, "a", true],
    [{ $in: [1, "a", null] }, null, true],
    [{ $in: [1] }, "1", false],
    [{ $in: [1] }, undefined, false],
    [{ $in: ["a"] }, ["a"], false],
    [{ $in: [] }, 1, false],
    [{ $in: "a" }, ["b", "a"], true],
    [{ $in: "a" }, ["b"], false],
    [{ $in: 1 }, [1], true],
    [{ $in: 1 }, 1, false],
    [{ $in: "ell" }, "hello", true],
    [{ $in: "x" }, "hello", false],
    [{ $nin: [1, 2] }, 3, true],
    [{ $nin: [1, 2] }, "1", true],
    [{ $nin: [1, 2] }, 1, false],
    [{ $nin: [1, 2] }, undefined, false],
    [{ $nin: [1, 2] }, [3], false],
    [{ $nin: "a" }, ["b"], true],
    [{ $nin: "a" }, ["a"], false],
    [{ $nin: "x" }, "hello", true],
    [{ $nin: "x" }, 5, false],
    [{ $exist: true }, null, true],
    [{ $exist: true }, [], true],
    [{ $exist: true }, undefined, false],
    [{ $exist: false }, undefined, true],
    [{ $exist: false }, null, false],
    [{ $startsWith: "ab" }, "abc", true],
    [{ $startsWith: "ab" }, "xab", false],
    [{ $startsWith: ["x", "ab"] }, "abc", true],
    [{ $startsWith: [] }, "abc", false],
    [{ $startsWith: "1" }, 12, false],
    [{ $startsWith: "a" }, ["a"], false],
    [{ $startsWith: "" }, undefined, false],
    [{ $endsWith: "bc" }, "abc", true],
    [{ $endsWith: ["x", "bc"] }, "abc", true],
    [{ $endsWith: "ab" }, "abc", false],
    [{ $or: [1, { $gt: 10 }] }, 11, true],
    [{ $or: [1, { $gt: 10 }] }, 5, false],
    [{ $or: [1] }, undefined, false],
    [{ $or: [1, { $exist: false }] }, undefined, true],
    [{ $or: ["a", "b"] }, ["b"], true],
    [{ $and: [{ $gt: 1 }, { $lt: 3 }] }, 2, true],
    [{ $and: [{ $gt: 1 }, { $lt: 3 }] }, 3, false],
    [{ $not: 1 }, 2, true],
    [{ $not: 1 }, 1, false],
    [{ $not: 1 }, undefined, true],
    [{ $not: "a" }, ["a", "b"], false],
    [{ $not: { $exist: true } }, undefined, true],
    [{ $not: { $in: ["a"] } }, ["b"], true],
    [{ $not: { $not: 1 } }, undefined, false],
  ])("%j on %j: %j", (pattern, value, expected) => {
    expect(matchesData({ member: pattern }, value === undefined ? {} : { member: value })).toBe(expected);
  });

  it.each<[pattern: unknown, data: unknown, expected: boolean]>([
    [{ $or: [{ a: 1 }, { b: 1 }], c: 1 }, { b: 1, c: 1 }, true],
    [{ $or: [{ a: 1 }, { b: 1 }], c: 1 }, { b: 1, c: 2 }, false],
    [{ c: 1, $or: [{ a: 1 }] }, { c: 1 }, false],
    [{ $or: [{ a: 1 }], $and: [{ b: 1 }], $not: { c: 1 } }, { a: 1, b: 1 }, true],
    [{ $or: [{ a: 1 }], $and: [{ b: 1 }], $not: { c: 1 } }, { a: 1, b: 1, c: 1 }, false],
    [{ a: { $or: [1, 2], $gt: 1 } }, { a: 2 }, true],
    [{ a: { $or: [1, 2], $gt: 1 } }, { a: 1 }, false],
    [{ a: { $exist: true, b: 1 } }, { a: { b: 1 } }, true],
    [{ a: { $exist: true, b: 1 } }, { a: { b: 2 } }, false],
    [{ a: { $exist: true, b: 1 } }, { a: [{ b: 2 }, { b: 1 }] }, true],
    [{ a: { b: { $exist: false } } }, { a: {} }, true],
    [{ a: { b: { $exist: false } } }, {}, false],
    [{ items: { $not: { id: 1 } } }, { items: [{ id: 2 }] }, true],
    [{ items: { $not: { id: 1 } } }, { items: [{ id: 2 }, { id: 1 }] }, false],
    [{ items: { id: { $not: 1 } } }, { items: [{ id: 2 }, { id: 1 }] }, true],
  ])("beside members, all must hold: %j on %j: %j", (pattern, data, expected) => {
    expect(matchesData(pattern, data)).toBe(expected);
  });
});

describe("what objects inherit", () => {
  it.each(["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"])("%s is not there", (name) => {
    const pattern = (part: string): unknown => JSON.parse(`{"${name}":${part}}`);
    expect(matchesData(pattern('{"$exist":true}'), {})).toBe(false);
    expect(matchesData(pattern('{"$exist":false}'), {})).toBe(true);
    expect(matchesData(pattern('{"name":"Object"}'), {})).toBe(false);
    expect(matchesData(pattern('{"$ne":1}'), {})).toBe(false);
    expect(matchesData({ $eq: pattern("1") }, { other: 1 })).toBe(false);
    expect(matchesData({ $eq: pattern("{}") }, { other: 1 })).toBe(false);
  });

  it.each(["__proto__", "constructor"])("%s is there where the data has it", (name) => {
    const data: unknown = JSON.parse(`{"${name}":{"a":1}}`);
    expect(matchesData(JSON.parse(`{"${name}":{"a":1}}`), data)).toBe(true);
    expect(matchesData({ $eq: data }, JSON.parse(`{"${name}":{"a":1}}`))).toBe(true);
  });
});

describe("laws", () => {
  const name = fc.constantFrom("a", "b", "c");
  const scalar = fc.constantFrom<unknown>(null, true, 0, 1, 2, "", "a", "ab", "1");
  const { json } = fc.letrec((tie) => ({
    json: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      scalar,
      fc.array(tie("json"), { maxLength: 3 }),
      fc.dictionary(name, tie("json"), { maxKeys: 3 }),
    ),
  }));
  const operator = fc.oneof(
    fc.record({ $eq: json }),
    fc.record({ $ne: json }),
    fc.record({ $gt: fc.constantFrom(0, 1, "a") }),
    fc.record({ $lte: fc.constantFrom(0, 1, "a") }),
    fc.record({ $in: fc.oneof(scalar, fc.array(scalar, { maxLength: 3 })) }),
    fc.record({ $nin: fc.oneof(scalar, fc.array(scalar, { maxLength: 3 })) }),
    fc.record({ $exist: fc.boolean() }),
    fc.record({ $startsWith: fc.constantFrom("a", "") }),
  );
  const { pattern } = fc.letrec((tie) => {
    const patterns = fc.array(tie("pattern"), { minLength: 1, maxLength: 3 });
    return {
      pattern: fc.oneof(
        { maxDepth: 3, withCrossShrink: true },
        scalar,
        operator,
        fc.array(tie("pattern"), { maxLength: 2 }),
        fc.dictionary(name, tie("pattern"), { maxKeys: 2 }),
        fc.record({ $or: patterns }),
        fc.record({ $and: patterns }),
        fc.record({ $not: tie("pattern") }),
      ),
    };
  });

  /** A member that may be missing, so that every law is tried on that too. */
  const holds = (part: unknown, data: unknown): boolean => matchesData({ a: part }, data);
  const holder = fc.oneof(
    fc.constant<unknown>({}),
    json.map((a): unknown => ({ a })),
  );

  it("every pattern is accepted and answers with a boolean", () => {
    fc.assert(
      fc.property(pattern, fc.option(json, { nil: undefined }), (part, data) => {
        expect(matchesData(part, data)).toBeTypeOf("boolean");
      }),
      { numRuns: 2000 },
    );
  });

  it("$not turns any pattern round, $or and $and are or and and, siblings are $and", () => {
    fc.assert(
      fc.property(pattern, pattern, holder, (p, q, data) => {
        const [one, other] = [holds(p, data), holds(q, data)];
        expect(holds({ $not: p }, data)).toBe(!one);
        expect(holds({ $or: [p, q] }, data)).toBe(one || other);
        expect(holds({ $and: [p, q] }, data)).toBe(one && other);
        expect(holds({ $or: [p], $and: [q] }, data)).toBe(one && other);
        expect(holds({ $not: p, $or: [q] }, data)).toBe(!one && other);
      }),
      { numRuns: 2000 },
    );
  });

  it("a missing member matches nothing but $exist: false and $not", () => {
    const positive = fc.oneof(
      scalar,
      operator.filter((part) => !("$exist" in part && part.$exist === false)),
      fc.array(pattern, { maxLength: 2 }),
      fc.dictionary(name, pattern, { maxKeys: 2 }),
    );
    fc.assert(
      fc.property(positive, (part) => {
        expect(holds(part, {})).toBe(false);
        expect(holds({ $not: part }, {})).toBe(true);
      }),
    );
  });

  it("operators that are each other's opposite never agree, and both fail only where neither works", () => {
    fc.assert(
      fc.property(json, fc.oneof(scalar, fc.array(scalar, { maxLength: 3 })), holder, (operand, list, data) => {
        const present = holds({ $exist: true }, data);
        expect(holds({ $exist: false }, data)).toBe(!present);
        expect(holds({ $neq: operand }, data)).toBe(present && !holds({ $eq: operand }, data));
        expect(holds({ $ne: operand }, data)).toBe(holds({ $neq: operand }, data));
        expect(holds({ $in: list }, data) && holds({ $nin: list }, data)).toBe(false);
      }),
    );
  });

  it("$eq is equality of JSON, whatever the order of members", () => {
    const reversed = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(reversed);
      if (typeof value !== "object" || value === null) return value;
      return Object.fromEntries(
        Object.entries(value)
          .toReversed()
          .map(([key, member]) => [key, reversed(member)]),
      );
    };
    const sorted = (value: unknown): string =>
      JSON.stringify(value, (_, part: unknown) =>
        typeof part === "object" && part !== null && !Array.isArray(part)
          ? Object.fromEntries(Object.entries(part).toSorted(([x], [y]) => (x < y ? -1 : 1)))
          : part,
      );
    fc.assert(
      fc.property(json, json, (x, y) => {
        expect(holds({ $eq: x }, { a: reversed(x) })).toBe(true);
        expect(holds({ $eq: x }, { a: y })).toBe(sorted(x) === sorted(y));
      }),
    );
  });

  it("numbers and strings are ordered among themselves", () => {
    const comparable = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.string());
    fc.assert(
      fc.property(comparable, comparable, (x, y) => {
        const same = typeof x === typeof y;
        const under = (operator: string): boolean => holds({ [operator]: x }, { a: y });
        expect(under("$gt")).toBe(same && y > x);
        expect(under("$gte")).toBe(same && y >= x);
        expect(under("$lt")).toBe(same && y < x);
        expect(under("$lte")).toBe(same && y <= x);
      }),
    );
  });
});

it("looks at each element of an array a few times only, however many are asked for", () => {
  let reads = 0;
  const data = new Proxy(
    Array.from({ length: 1000 }, (_, n) => n),
    {
      get(target, name, receiver) {
        reads++;
        return Reflect.get(target, name, receiver);
      },
    },
  );
  expect(
    matchesData(
      Array.from({ length: 1000 }, (_, n) => 999 - n),
      data,
    ),
  ).toBe(true);
  expect(reads).toBeLessThan(10_000);
});
